"""The keys that addresses are signed with, from AWS Secrets Manager: the current one and the one before.

A new value makes the current key the one before it, which holds until the next: so addresses that are on
pages already go on.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from functions.platform.aws import client

# How long keys are kept, and how soon they are asked for again where a signature fits none of them.
_KEPT_S, _AGAIN_S = 300.0, 30.0
_CURRENT, _BEFORE = "AWSCURRENT", "AWSPREVIOUS"


@dataclass
class Keys:
    """The keys in a secret, asked for when they are needed."""

    secret_id: str
    now_s: Callable[[], float] = time.monotonic
    _found: tuple[bytes, ...] = ()
    _asked_s: float = field(default=float("-inf"))

    def known(self) -> tuple[bytes, ...]:
        """The current key, and the one before it if there is one.

        Raises:
            botocore.exceptions.ClientError, BotoCoreError: a call to Secrets Manager failed.
        """
        return self._younger_than(_KEPT_S)

    def again(self) -> tuple[bytes, ...]:
        """As `known`; asked for anew unless that was just now. There may be a key since."""
        return self._younger_than(_AGAIN_S)

    def _younger_than(self, seconds: float) -> tuple[bytes, ...]:
        if self.now_s() - self._asked_s >= seconds:
            self._found = tuple(
                filter(None, (_value(self.secret_id, stage) for stage in (_CURRENT, _BEFORE)))
            )
            self._asked_s = self.now_s()
        return self._found


def _value(secret_id: str, stage: str) -> bytes | None:
    secrets = client("secretsmanager")
    try:
        return secrets.get_secret_value(SecretId=secret_id, VersionStage=stage)["SecretString"].encode()
    except secrets.exceptions.ResourceNotFoundException:
        if stage == _CURRENT:
            raise
        return None
