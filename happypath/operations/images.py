"""Addresses of pictures on request: signed ones, and the key that they are signed with."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

from functions.images import asked, signature
from happypath.errors import ExpectedError, UsageError
from happypath.operations.installation import Installation

STACK = "images"
# As the template has it.
_CHARACTERS = {"PasswordLength": 64, "ExcludePunctuation": True}


class ImagesNotDeployedError(ExpectedError):
    """There is no stack that makes pictures on request."""

    def __init__(self) -> None:
        super().__init__(f"Nothing makes pictures on request here: happypath deploy {STACK}.")


def address(path: str, url: str) -> str:
    """Where a picture is asked for, unsigned.

    Raises:
        UsageError: the path asks for nothing that there is.
    """
    return f"{url}{_canonical(path)}"


def sign(
    installation: Installation, path: str, expires: timedelta, *, now_s: Callable[[], float] = time.time
) -> str:
    """The whole address of a picture, which holds until it expires.

    The path is as `/i/cover,300x200/sample-park/mountains.jpg`, encoded or not.

    Raises:
        UsageError: the path asks for nothing that there is, or for no time.
        ImagesNotDeployedError: there is no stack for it.
    """
    path = _canonical(path)
    if expires <= timedelta(0):
        raise UsageError("An address holds for a second or longer, such as 1h.")
    outputs = outputs_of(installation)
    secrets = installation.client("secretsmanager")
    key = secrets.get_secret_value(SecretId=outputs["SigningKey"])["SecretString"].encode()
    until = int(now_s() + expires.total_seconds())
    return f"{outputs['Url']}{path}?{signature.query(path, until, key)}"


def replace_key(installation: Installation) -> None:
    """Makes a new key to sign with. What the key before signed holds on; what the one before that did, not.

    Raises:
        ImagesNotDeployedError: there is no stack for it.
    """
    outputs = outputs_of(installation)
    secrets = installation.client("secretsmanager")
    value = secrets.get_random_password(**_CHARACTERS)["RandomPassword"]
    secrets.put_secret_value(SecretId=outputs["SigningKey"], SecretString=value)


def outputs_of(installation: Installation) -> dict[str, str]:
    """The outputs of the stack by their names.

    Raises:
        ImagesNotDeployedError: there is none.
    """
    stack = installation.stack(STACK) or {}
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    if not outputs:
        raise ImagesNotDeployedError
    return outputs


def _canonical(path: str) -> str:
    try:
        return asked.read(path if "%" in path else quote(path, safe="/,")).path
    except asked.RefusedError as error:
        raise UsageError(f"{path} cannot be asked for: {error}") from None
