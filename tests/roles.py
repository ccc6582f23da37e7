"""Roles for what tests make by hand: policies are enforced in the sandbox."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

SERVICES = ("events", "lambda", "states")
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def make_role(iam: Any, name: str, *statements: dict[str, Any], trusts: Sequence[str] = SERVICES) -> str:
    """Makes a role that services assume, with these statements, or all rights; one that is there is changed.

    Its ARN.
    """
    services = [f"{service}.amazonaws.com" for service in trusts]
    trust = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
    try:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
    except iam.exceptions.EntityAlreadyExistsException:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=document(trust))
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*(statements or (ALL,))))
    return str(iam.get_role(RoleName=name)["Role"]["Arn"])


def document(*statements: dict[str, Any]) -> str:
    """A policy of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
