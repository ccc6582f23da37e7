"""The sandbox: an AWS account in one process, with this project's stacks deployed into it."""

from __future__ import annotations

from happypath.sandbox import imports  # noqa: F401  # before any of moto

# isort: split
import gc
import os
import time
import zipfile
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.awslambda.models import lambda_backends
from moto.cloudformation.exceptions import ValidationError

from happypath import samples
from happypath.loopback import NO_SETTINGS, isolated
from happypath.project import PREFIX, TEMPLATES
from happypath.sandbox import DeployError
from happypath.sandbox.account import ACCOUNT_ID, CREDENTIALS, OWN_ACCESS_KEY, REGION, Account, put_log
from happypath.sandbox.apigateway.issuer import AUDIENCE, REVIEWERS, SEARCHERS
from happypath.sandbox.calls import Calls
from happypath.sandbox.cloudfront.distributions import ROOM
from happypath.sandbox.deployment.change_sets import NO_CHANGES
from happypath.sandbox.deployment.packaging import package
from happypath.sandbox.direct import call_directly
from happypath.sandbox.fault_injection.error_responses import ErrorResponse
from happypath.sandbox.fault_injection.rules import Faults
from happypath.sandbox.function_host.asynchronous import AsynchronousInvocations
from happypath.sandbox.function_host.environment import Environment, Function, Outcome
from happypath.sandbox.function_host.event_source import QueueSource
from happypath.sandbox.function_host.host import FunctionHost, InvokeError, TooManyRequestsError
from happypath.sandbox.function_host.mappings import Mappings
from happypath.sandbox.function_host.metrics import record
from happypath.sandbox.function_host.stream_source import StreamSource
from happypath.sandbox.iam.deliveries import check_logging
from happypath.sandbox.iam.denial import AccessDeniedError
from happypath.sandbox.iam.enforcement import access_key, session_of
from happypath.sandbox.iam.principal import RoleSession
from happypath.sandbox.patches.awslambda import version_of
from happypath.sandbox.patches.event_sources import starting_point
from happypath.sandbox.patches.stepfunctions import retries_wait
from happypath.sandbox.rekognition import Rekognition, install, real_client
from happypath.sandbox.service_models import loader
from happypath.sandbox.xray import XRay

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import EventSourceMappingConfigurationTypeDef

_ARTIFACTS = "sandbox-artifacts"
_CAPABILITIES: Any = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]

# Where waiting serves nobody: an upload that is held, in seconds.
_HOLD_S = 1
# Nor where a message failed.
_RETRY_S = 2
# Whose pages may upload from a browser: those that `python -m http.server` serves on this machine.
ORIGINS = "http://localhost:8000,http://127.0.0.1:8000"


class Sandbox:
    """An AWS account in this process; use it in a `with` statement, or `start` and `close` it.

    `faults` makes calls go wrong (`happypath.sandbox.fault_injection.rules`), and can be changed while the
    sandbox runs.
    `retry_wait_scale` is for tests: 1 waits between the attempts of a task as AWS does, 0.01 a hundredth; so
    do the messages of queues between their deliveries. For tasks it can be changed while the sandbox runs.
    Without `tracing` there is no X-Ray daemon, and nothing is traced. Without `iam` no policy is enforced.
    `without_patches` are for tests: names of patches of moto (`happypath.sandbox.patches.all`) to leave out.

    >>> with Sandbox() as sandbox:                                 # doctest: +SKIP
    ...     sandbox.deploy("core")
    ...     sandbox.deploy("v4")
    ...     sandbox.client("s3").list_buckets()
    """

    def __init__(
        self,
        port: int = 0,
        *,
        real_rekognition: bool = False,
        prefix: str = PREFIX,
        faults: Faults | None = None,
        retry_wait_scale: float = 1.0,
        tracing: bool = True,
        iam: bool = True,
        without_patches: Collection[str] = (),
    ) -> None:
        self.prefix = prefix
        self._tracing = tracing
        self._iam = iam
        self._without_patches = without_patches
        self._xray: XRay | None = None
        self.faults = Faults() if faults is None else faults
        # What the functions and state machines have called so far.
        self.calls = Calls()
        self.retry_wait_scale = retry_wait_scale
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
            opened.callback(gc.unfreeze)
            # With the person's own settings; all else has none of them.
            real = real_client() if self._real_rekognition else None
            opened.enter_context(isolated(**CREDENTIALS))
            # One session for all: making one reads megabytes of descriptions of AWS.
            session = botocore.session.get_session()
            session.register_component("data_loader", loader())
            self._session = boto3.Session(
                botocore_session=session,
                aws_access_key_id=OWN_ACCESS_KEY,
                aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
                region_name=REGION,
            )
            opened.enter_context(retries_wait(lambda: self.retry_wait_scale))
            account = Account(
                self._port,
                self._invoke,
                self._accept,
                executions_at_once=2 * processors,
                faults=self.faults,
                calls=self.calls,
                session=self._session,
                iam=self._iam,
                without_patches=self._without_patches,
            )
            opened.callback(account.close)
            self.endpoint, self.application = account.endpoint, account.application
            # Of tokens for the JWT authorizers of HTTP APIs.
            self.issuer = account.issuer
            self.rekognition = Rekognition(real)
            opened.enter_context(install(self.rekognition))
            variables = {**CREDENTIALS, **NO_SETTINGS, "AWS_ENDPOINT_URL": self.endpoint}
            if self._tracing:
                self._xray = XRay()
                opened.callback(self._xray.close)
                variables["AWS_XRAY_DAEMON_ADDRESS"] = self._xray.daemon_address
                variables["AWS_XRAY_CONTEXT_MISSING"] = "LOG_ERROR"
            self._host = FunctionHost(variables, _write_log, faults=self.faults)
            opened.callback(self._host.close)
            self._asynchronous = AsynchronousInvocations(
                self._invoke, self._direct_client, lambda: self.retry_wait_scale
            )
            opened.callback(self._asynchronous.close)
            self._mappings = self._polling()
            opened.callback(self._mappings.close)
            self._s3 = self.client("s3")
            self._cloudformation = self.client("cloudformation", read_timeout=300)
            self._s3.create_bucket(Bucket=_ARTIFACTS)
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Stops everything: pollers first, then functions, then the account."""
        self._opened.close()

    def client(self, service: str, **config: Any) -> Any:
        """A boto3 client of the account, with its credentials whatever the environment holds."""
        return self._session.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.endpoint,
            config=Config(retries={"total_max_attempts": 1}, inject_host_prefix=False, **config),
        )

    def deploy(self, stack: str, parameters: Mapping[str, str] | None = None) -> None:
        """Deploys `core` or a workflow from its template, as `sam deploy` does: through a change set.

        A workflow has the parameters of its samples, but for those that are given.

        Raises:
            DeployError: CloudFormation refused or could not make something.
        """
        try:
            self._deploy(stack, parameters)
        finally:
            # moto and what was deployed stay until the end; looking through all of it for garbage, again and
            # again, took a twentieth of the processor. `close` lets go of it.
            gc.freeze()

    def _deploy(self, stack: str, parameters: Mapping[str, str] | None) -> None:
        cloudformation = self._cloudformation
        name = f"{self.prefix}-{stack}"
        template = TEMPLATES / stack / "template.yaml"
        try:
            body = package(template, self._s3, _ARTIFACTS)
        except ValidationError as error:
            raise DeployError(f"{name} cannot be deployed: {template}: {error.message}") from error
        chosen = {
            "Prefix": self.prefix,
            **self._own_parameters(stack, name),
            **(parameters or {}),
        }
        known = {each["StackName"] for each in cloudformation.describe_stacks()["Stacks"]}
        try:
            change_set = cloudformation.create_change_set(
                StackName=name,
                ChangeSetName=f"sandbox-{time.time_ns()}",
                ChangeSetType="UPDATE" if name in known else "CREATE",
                TemplateBody=body,
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in chosen.items()],
                Capabilities=_CAPABILITIES,
            )["Id"]
        except ClientError as error:
            raise DeployError(f"{name} cannot be deployed: {error.response['Error']['Message']}") from error
        described = cloudformation.describe_change_set(ChangeSetName=change_set)
        if described["Status"] == "FAILED":
            if described["StatusReason"] == NO_CHANGES:
                return
            raise DeployError(f"{name} cannot be deployed: {described['StatusReason']}")
        cloudformation.execute_change_set(ChangeSetName=change_set)
        status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        if status.endswith("FAILED") or "ROLLBACK" in status:
            events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
            reasons = [
                each["ResourceStatusReason"] for each in events if each["ResourceStatus"].endswith("FAILED")
            ]
            raise DeployError(f"{name} ended in {status}: {'; '.join(reasons)}")

    def _own_parameters(self, stack: str, stack_name: str) -> Mapping[str, str]:
        match stack:
            case "core":
                # Photos are looked at here, where AWS's own domain leads nowhere.
                photos_url = f"{self.endpoint}{ROOM}{stack_name}"
                return {"HoldSeconds": str(_HOLD_S), "PhotosUrl": photos_url, "UploadOrigins": ORIGINS}
            case "images":
                return {"ImagesUrl": f"{self.endpoint}{ROOM}{stack_name}"}
            case "api":
                return {
                    "JwtIssuer": self.issuer.url,
                    "JwtAudience": AUDIENCE,
                    "ReviewerGroups": REVIEWERS,
                    "SearcherGroups": SEARCHERS,
                    "UploadOrigins": ORIGINS,
                }
        return samples.of(stack).parameters

    def initialize(self, stack: str) -> None:
        """Starts an environment of each of a stack's functions: its first invocation need not wait."""
        found = self.client("cloudformation").describe_stack_resources(StackName=f"{self.prefix}-{stack}")
        for resource in found["StackResources"]:
            if resource.get("ResourceType") == "AWS::Lambda::Function":
                deployed = lambda_backends[ACCOUNT_ID][REGION].get_function(resource["PhysicalResourceId"])
                self._host.initialize(self._function(deployed))

    def _direct_client(self, service: str) -> Any:
        client = self.client(service)
        call_directly(client, self.application, OWN_ACCESS_KEY)
        return client

    def _polling(self) -> Mappings:
        sqs = self.client("sqs", max_pool_connections=32)
        call_directly(sqs, self.application, OWN_ACCESS_KEY)

        def queue(mapping: EventSourceMappingConfigurationTypeDef) -> QueueSource:
            return QueueSource(mapping, sqs, self._invoke_by_arn, round(_RETRY_S * self.retry_wait_scale))

        def stream(mapping: EventSourceMappingConfigurationTypeDef) -> StreamSource:
            return StreamSource(
                mapping,
                self._direct_client,
                self._invoke_by_arn,
                starting_point,
                lambda: self.retry_wait_scale,
            )

        return Mappings(self._direct_client("lambda"), {"sqs": queue, "dynamodb": stream})

    def _invoke_by_arn(self, arn: str, payload: bytes) -> Outcome:
        region, account = arn.split(":")[3:5]
        return self._invoke(lambda_backends[account][region].get_function(arn), payload, None)

    def _accept(self, deployed: Any, payload: bytes, trace_header: str | None) -> str:
        return self._asynchronous.accept(deployed, payload, trace_header)

    def _invoke(
        self, deployed: Any, payload: bytes, trace_header: str | None, request_id: str | None = None
    ) -> Outcome:
        function = self._function(deployed)
        try:
            outcome = self._traced(function, deployed, payload, trace_header, request_id)
        except TooManyRequestsError:
            self._measure(function, None)
            raise
        self._measure(function, outcome)
        return outcome

    def _measure(self, function: Function, outcome: Outcome | None) -> None:
        # An invocation that has just ended counts with those that run.
        ended = int(outcome is not None)
        running = self._host.concurrency(function.arn) + ended, self._host.concurrency() + ended
        record(ACCOUNT_ID, REGION, function.name, outcome, running)

    def _traced(
        self,
        function: Function,
        deployed: Any,
        payload: bytes,
        trace_header: str | None,
        request_id: str | None,
    ) -> Outcome:
        if self._xray is None:
            return self._host.invoke(function, payload, trace_header, request_id)
        active = deployed.tracing_config["Mode"] == "Active"
        trace = self._xray.invocation(function.name, function.arn, trace_header, active=active)
        try:
            outcome = self._host.invoke(function, payload, trace.header, request_id)
        except InvokeError as error:
            trace.refused(error.response)
            raise
        trace.end(outcome)
        return outcome

    def _function(self, deployed: Any) -> Function:
        """A function as moto holds it → as the host runs it."""
        reserved = deployed.reserved_concurrency
        find: Any = lambda_backends[ACCOUNT_ID][REGION].layers_versions_by_arn
        layers = [find(each["Arn"]) for each in deployed.layers]
        try:
            code = self._host.unpack(
                _file_name(deployed.code_sha_256),
                deployed.code_bytes,
                [(_file_name(each.code_sha_256), each.code_bytes) for each in layers],
            )
        except zipfile.BadZipFile:
            # https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
            message = "Lambda could not unzip the deployment package."
            raise InvokeError(ErrorResponse("InvalidZipFileException", 502, message)) from None
        return Function(
            name=deployed.function_name,
            arn=deployed.function_arn,
            handler=deployed.handler,
            code=code,
            environment=dict(deployed.environment_vars),
            runtime=deployed.run_time or "",
            version=version_of(deployed),
            ephemeral_storage_mb=int(deployed.ephemeral_storage),
            memory_mb=int(deployed.memory_size),
            timeout_s=float(deployed.timeout),
            reserved_concurrency=None if reserved is None else int(reserved),
            access_key=access_key(
                RoleSession(deployed.role, deployed.function_name, label=deployed.function_name)
            ),
            log_group=deployed.logs_group_name,
            log_format=deployed.log_format,
            # As on AWS, any change of code or configuration starts new environments.
            revision=repr(
                (
                    deployed.code_sha_256,
                    deployed.last_modified,
                    deployed.role,
                    deployed.description,
                    deployed.handler,
                    deployed.memory_size,
                    deployed.timeout,
                    sorted(deployed.environment_vars.items()),
                    deployed.logs_group_name,
                    deployed.log_format,
                    deployed.run_time,
                    [each["Arn"] for each in deployed.layers],
                    deployed.ephemeral_storage,
                )
            ),
        )


def _file_name(sha256: str) -> str:
    """A digest in Base64 as the name of a file."""
    return sha256.replace("/", "_")


def _write_log(environment: Environment, outcome: Outcome) -> None:
    """One invocation's lines, as they stand in CloudWatch Logs if the function's role may write there.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
    """
    group = environment.function.logs_to
    try:
        check_logging(session_of(environment.function.access_key), group, REGION, ACCOUNT_ID)
    except AccessDeniedError:
        # Which is in the terminal; the function runs all the same.
        return
    put_log(group, environment.log_stream, outcome.written, int(time.time() * 1000))
