"""Logging for all tasks, made once."""

from __future__ import annotations

from aws_lambda_powertools import Logger

logger = Logger(service="happypath")
