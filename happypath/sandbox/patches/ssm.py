"""SSM: its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.ssm.models import Parameter

from happypath.sandbox.patches.served import Patch, Served


@contextmanager
def last_modified_user(_: Served) -> Iterator[None]:
    """`LastModifiedUser` is the ARN of who wrote a parameter, here the account's root; moto says `N/A`.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterMetadata.html
    """
    describe = Parameter.describe_response_object

    def describe_with_user(parameter: Any, *arguments: Any, **more: Any) -> dict[str, Any]:
        described = describe(parameter, *arguments, **more)
        return {**described, "LastModifiedUser": f"arn:aws:iam::{parameter.account_id}:root"}

    with patch.object(Parameter, "describe_response_object", describe_with_user):
        yield


PATCHES: tuple[Patch, ...] = (last_modified_user,)
