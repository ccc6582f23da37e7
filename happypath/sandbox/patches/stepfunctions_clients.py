"""Step Functions: with which rights states call services."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import boto3
from botocore.config import Config
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSeconds
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from happypath.sandbox.direct import call_directly
from happypath.sandbox.iam.enforcement import access_key
from happypath.sandbox.iam.principal import RoleSession
from happypath.sandbox.patches.served import Patch, Served

# The access key of calls without a role.
_NOBODY = "sandbox-interpreter"


@contextmanager
def tasks_call_as_their_role(served: Served) -> Iterator[None]:
    """A state calls services with the role of its state machine, or of its `Credentials`; moto's as nobody.

    And moto makes a new boto3 client for each state, which calls its own server by the network. One for each
    service and role, which calls directly, is far faster.
    https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
    """
    clients: dict[tuple[str, str, str], Any] = {}
    lock = threading.Lock()
    original: Any = boto_client.boto_client_for

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        key = _access_key(state_credentials.role_arn) if state_credentials else _NOBODY
        with lock:
            if (service, region, key) not in clients:
                clients[service, region, key] = _client(served, service, region, key)
            return clients[service, region, key]

    # Each integration has a name of its own for it.
    holders = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith(("moto.stepfunctions.", "happypath.sandbox."))
        and vars(module).get("boto_client_for") is original
    ]
    with ExitStack() as patches:
        for module in holders:
            patches.enter_context(patch.object(module, "boto_client_for", client_for))
        yield


def _client(served: Served, service: str, region: str, key: str) -> Any:
    timeout_s: Any = TimeoutSeconds.DEFAULT_TIMEOUT_SECONDS
    config = Config(
        # The state's parameters go to the service as they are, which says what is wrong with them.
        parameter_validation=False,
        retries={"total_max_attempts": 1},
        connect_timeout=timeout_s,
        read_timeout=timeout_s,
        max_pool_connections=64,
        # Else botocore describes this machine to itself in each call.
        user_agent="happypath-sandbox",
        # The sandbox has one address.
        inject_host_prefix=False,
    )
    client = boto3.client(
        service,  # type: ignore[call-overload]  # any
        region_name=region,
        endpoint_url=served.endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=key,
        config=config,
    )
    call_directly(client, served.application, key)
    return client


def _access_key(role_arn: str) -> str:
    """The access key of a role's session for a state machine."""
    # A name such as Step Functions gives its sessions: 32 characters that say nothing.
    session = hashlib.sha256(role_arn.encode()).hexdigest()[:32]
    return access_key(RoleSession(role_arn, session, label=_machine_of(role_arn)))


def _machine_of(role_arn: str) -> str:
    """The state machine that a role is of: the first of them if it is of several."""
    for region in stepfunctions_parser_backends[role_arn.split(":")[4]].values():
        for machine in list(region.state_machines):
            if machine.roleArn == role_arn:
                return str(machine.name)
    return ""


PATCHES: tuple[Patch, ...] = (tasks_call_as_their_role,)
