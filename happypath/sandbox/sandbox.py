"""The sandbox: an AWS account in one process, with this project's stacks deployed into it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import boto3
from botocore.config import Config
from moto.awslambda.models import lambda_backends

from happypath.sandbox.account import CREDENTIALS, REGION, Account, put_log
from happypath.sandbox.environment import Environment, Function, Outcome
from happypath.sandbox.host import FunctionHost
from happypath.sandbox.packaging import TEMPLATES, package
from happypath.sandbox.poller import Pollers
from happypath.sandbox.rekognition import Rekognition, install, real_client
from happypath.sandbox.runtime_api import Answer

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

WORKFLOWS = tuple(
    sorted(path.parent.name for path in TEMPLATES.glob("*/template.yaml") if path.parent.name != "core")
)
PREFIX = "happypath"
_ARTIFACTS = "sandbox-artifacts"
_CAPABILITIES: Any = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]

# Where waiting serves nobody: an upload that is held, and a message that failed.
_CORE_PARAMETERS = {"HoldSeconds": "1"}
_RETRY_S = 2


class Sandbox:
    """An AWS account in this process; use it in a `with` statement, or `start` and `close` it.

    >>> with Sandbox() as sandbox:                                 # doctest: +SKIP
    ...     sandbox.deploy("core")
    ...     sandbox.deploy("v4")
    ...     sandbox.client("s3").list_buckets()
    """

    def __init__(self, port: int = 0, *, real_rekognition: bool = False, prefix: str = PREFIX) -> None:
        self.prefix = prefix
        self._port = port
        self._real_rekognition = real_rekognition

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Opens the account: from here on `endpoint` answers.

        Raises:
            PortInUseError: the port is taken.
        """
        processors = os.cpu_count() or 1
        with ExitStack() as opened:
            account = Account(self._port, self._invoke, executions_at_once=2 * processors)
            opened.callback(account.close)
            self.endpoint = account.endpoint
            opened.enter_context(install(Rekognition(real_client() if self._real_rekognition else None)))
            self._host = FunctionHost({**CREDENTIALS, "AWS_ENDPOINT_URL": self.endpoint}, _write_log)
            opened.callback(self._host.close)
            self._pollers = Pollers(self._poller_clients, self._invoke_by_arn, retry_s=_RETRY_S)
            opened.callback(self._pollers.close)
            self.client("s3").create_bucket(Bucket=_ARTIFACTS)
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Stops everything: pollers first, then functions, then the account."""
        self._opened.close()

    def client(self, service: str, **config: Any) -> Any:
        """A boto3 client of the account."""
        return self.session().client(  # type: ignore[call-overload]
            service, endpoint_url=self.endpoint, config=Config(retries={"total_max_attempts": 1}, **config)
        )

    def session(self) -> boto3.Session:
        """A boto3 session with the account's credentials, whatever the environment holds."""
        return boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )

    def deploy(self, stack: str, parameters: Mapping[str, str] | None = None) -> None:
        """Deploys `core` or a workflow from its template; a stack that is there is updated."""
        cloudformation = self.client("cloudformation", read_timeout=300)
        body = package(TEMPLATES / stack / "template.yaml", self.client("s3"), _ARTIFACTS)
        defaults = _CORE_PARAMETERS if stack == "core" else {}
        chosen = {"Prefix": self.prefix, **defaults, **(parameters or {})}
        arguments: dict[str, Any] = {
            "StackName": f"{self.prefix}-{stack}",
            "TemplateBody": body,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in chosen.items()],
            "Capabilities": _CAPABILITIES,
        }
        try:
            cloudformation.create_stack(**arguments)
        except cloudformation.exceptions.AlreadyExistsException:
            cloudformation.update_stack(**arguments)
        self._pollers.refresh()

    def _poller_clients(self) -> tuple[LambdaClient, SQSClient]:
        return self.client("lambda"), self.client("sqs", max_pool_connections=32)

    def _invoke_by_arn(self, arn: str, payload: bytes) -> Answer:
        region, account = arn.split(":")[3:5]
        return self._invoke(lambda_backends[account][region].get_function(arn), payload, None)

    def _invoke(self, deployed: Any, payload: bytes, trace_header: str | None) -> Answer:
        return self._host.invoke(self._function(deployed), payload, trace_header).answer

    def _function(self, deployed: Any) -> Function:
        """A function as moto holds it → as the host runs it."""
        reserved = deployed.reserved_concurrency
        return Function(
            name=deployed.function_name,
            arn=deployed.function_arn,
            handler=deployed.handler,
            code=self._host.unpack(
                deployed.code_sha_256.replace("/", "_"), deployed.code_bytes, deployed.handler
            ),
            environment=dict(deployed.environment_vars),
            memory_mb=int(deployed.memory_size),
            timeout_s=float(deployed.timeout),
            reserved_concurrency=None if reserved is None else int(reserved),
            revision=f"{deployed.code_sha_256}{deployed.last_modified}{sorted(deployed.environment_vars.items())}",
        )


def _write_log(environment: Environment, outcome: Outcome) -> None:
    """One invocation's lines, as they stand in CloudWatch Logs.

    https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
    """
    function = environment.function
    report = [
        f"REPORT RequestId: {outcome.request_id}",
        f"Duration: {outcome.duration_ms:.2f} ms",
        f"Billed Duration: {math.ceil(outcome.duration_ms)} ms",
        f"Memory Size: {function.memory_mb} MB",
        f"Max Memory Used: {outcome.peak_memory_mb} MB",
    ]
    if outcome.init_ms is not None:
        report.append(f"Init Duration: {outcome.init_ms:.2f} ms")
    lines = [
        f"START RequestId: {outcome.request_id} Version: $LATEST",
        *outcome.log_lines,
        f"END RequestId: {outcome.request_id}",
        "\t".join(report),
    ]
    put_log(f"/aws/lambda/{function.name}", environment.log_stream, lines, int(time.time() * 1000))
