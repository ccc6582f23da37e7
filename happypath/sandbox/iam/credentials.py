"""Whose access key it is that signed a request."""

from __future__ import annotations

import base64
import hashlib
import threading

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from happypath.sandbox.iam.principal import Principal, RoleSession, Root, User

_PARTITION = "aws"


class Credentials:
    """The access keys that the sandbox itself gives out, to functions and executions for their roles.

    >>> keys = Credentials()
    >>> key = keys.issue(RoleSession("arn:aws:iam::123456789012:role/its-role", "a-function"))
    >>> keys.principal(key).arn
    'arn:aws:sts::123456789012:assumed-role/its-role/a-function'
    """

    def __init__(self) -> None:
        self._issued: dict[str, RoleSession] = {}
        self._lock = threading.Lock()

    def issue(self, session: RoleSession) -> str:
        """An access key for a session, always the same one."""
        digest = hashlib.sha256(f"{session.role_arn} {session.session} {session.label}".encode()).digest()
        # As those that AssumeRole gives: 20 characters, of which the first four say that they are temporary.
        key = "ASIA" + base64.b32encode(digest).decode()[:16]
        with self._lock:
            self._issued[key] = session
        return key

    def principal(self, access_key: str) -> Principal:
        """Whose an access key is. One that nobody gave out is the account's own, as is the user's."""
        issued = self._issued.get(access_key)
        if issued is not None:
            return issued
        if access_key.startswith("ASIA"):
            for role in sts_backends[DEFAULT_ACCOUNT_ID][_PARTITION].assumed_roles:
                if role.access_key_id == access_key:
                    return RoleSession(role.role_arn, role.session_name, session_policy=role.policy or None)
        if access_key.startswith("AKIA"):
            for user in iam_backends[DEFAULT_ACCOUNT_ID][_PARTITION].users.values():
                if any(each.access_key_id == access_key for each in user.access_keys):
                    return User(user.arn)
        return Root(DEFAULT_ACCOUNT_ID)
