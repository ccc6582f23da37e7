"""Starts a workflow for each message, and is the workflow's steps."""

import base64
import os
import re
from collections import Counter

import boto3


def start(event, context):
    stepfunctions = boto3.client("stepfunctions")
    for record in event["Records"]:
        stepfunctions.start_execution(stateMachineArn=os.environ["STATE_MACHINE_ARN"], input=record["body"])


def decode(event, context):
    return {"text": base64.b64decode(event["body"]).decode()}


def clean(event, context):
    return {"text": re.sub(r"[^\w\s]", "", event["text"]).lower()}


def count(event, context):
    return {"counted": Counter(event["text"].split())}
