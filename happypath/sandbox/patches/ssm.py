"""SSM: its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any
from unittest.mock import patch

from moto.ssm.exceptions import ValidationException
from moto.ssm.models import Parameter, SimpleSystemManagerBackend

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


# The tier of a parameter → the length of its value.
_LONGEST = {"Standard": 4_096, "Advanced": 8_192, "Intelligent-Tiering": 8_192}
_MORE = (
    " To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more "
    "information, see "
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
)


@contextmanager
def sizes_of_parameters(_: Served) -> Iterator[None]:
    """A value has at most 4 KB, in the advanced tier 8 KB; moto's have any size.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
    """
    put: Any = SimpleSystemManagerBackend.put_parameter

    def put_sized(backend: Any, *arguments: Any, **named: Any) -> Any:
        given = signature(put).bind(backend, *arguments, **named).arguments
        value, tier = given.get("value") or "", given.get("tier") or "Standard"
        longest = _LONGEST.get(tier)
        if longest is not None and len(value.encode()) > longest:
            name = "Standard" if tier == "Standard" else "Advanced"
            raise ValidationException(
                f"{name} tier parameters support a maximum parameter value of {longest} characters."
                + (_MORE if tier == "Standard" else "")
            )
        return put(backend, *arguments, **named)

    with patch.object(SimpleSystemManagerBackend, "put_parameter", put_sized):
        yield


PATCHES: tuple[Patch, ...] = (last_modified_user, sizes_of_parameters)
