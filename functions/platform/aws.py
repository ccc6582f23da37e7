"""AWS clients, made once per execution environment, and AWS errors under names a state machine can catch."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004  # botocore's own, not the built-in one
    HTTPClientError,
    IncompleteReadError,
)

from functions.platform import tls
from functions.platform.observability import subsegment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient

# What tasks call; templates/Makefile ships botocore's descriptions of these services alone.
Service: TypeAlias = Literal[
    "dynamodb", "events", "kms", "rekognition", "s3", "secretsmanager", "sqs", "ssm", "stepfunctions"
]

# A call that nobody answers takes 27 s with all its attempts and the waits between them, and a function has
# 30 s or more (Timeout): so the task fails by an error of its own that says which call it was.
_CONFIG = Config(connect_timeout=2, read_timeout=6, retries={"mode": "standard", "total_max_attempts": 3})
# So that forms are signed as every region takes it, and go to the bucket's own region: browsers do not follow
# S3's redirects from another.
_S3_CONFIG = _CONFIG.merge(Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))


@overload
def client(service: Literal["dynamodb"]) -> DynamoDBClient: ...
@overload
def client(service: Literal["events"]) -> EventBridgeClient: ...
@overload
def client(service: Literal["kms"]) -> KMSClient: ...
@overload
def client(service: Literal["rekognition"]) -> RekognitionClient: ...
@overload
def client(service: Literal["s3"]) -> S3Client: ...
@overload
def client(service: Literal["secretsmanager"]) -> SecretsManagerClient: ...
@overload
def client(service: Literal["sqs"]) -> SQSClient: ...
@overload
def client(service: Literal["ssm"]) -> SSMClient: ...
@overload
def client(service: Literal["stepfunctions"]) -> SFNClient: ...
def client(service: Service) -> Any:
    """The client of a service, the same one each time."""
    return _client(service)


def prepare(*services: Service) -> None:
    """Makes clients ahead, when a handler that is going to need them is imported in Lambda.

    An environment starts with more processor than its memory size buys later, and an upload need not wait.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
        return
    # What is made here, and was imported before, stays as long as the environment does. To look through it
    # for garbage while it grows, and once more in an early invocation, takes as long as a client does.
    gc.disable()
    try:
        context = tls.share()
        made = [_client(service) for service in services]
        if any(each.meta.endpoint_url.startswith("https:") for each in made):
            tls.trust(context, _session())
    finally:
        gc.freeze()
        gc.enable()


@cache
def _session() -> botocore.session.Session:
    # What boto3 makes its clients with. boto3 itself, imported for transfers and resources that no task uses,
    # would add a tenth to the start of every environment.
    return botocore.session.get_session()


@cache
def _client(service: Service) -> Any:
    # It takes longer than most calls that the client will make.
    with subsegment(f"client {service}"):
        made: Any = _session().create_client(service, config=_S3_CONFIG if service == "s3" else _CONFIG)
    made.meta.events.register("before-call", _refuse_to_write)
    return made


class DryRunWriteError(Exception):
    """A task was about to write in a dry run; it must look at `Upload.dry_run` first."""


# An operation that only reads begins with one of these, in every service that tasks call.
READING = ("Describe", "Detect", "Get", "Head", "List", "Query", "Search")
# An execution environment has one invocation at a time.
_only_reading = False


@contextmanager
def only_reading() -> Iterator[None]:
    """Lets no call leave that could write, while the block lasts.

    Raises:
        DryRunWriteError: out of the call.
    """
    global _only_reading  # noqa: PLW0603  # the clients are as global
    _only_reading = True
    try:
        yield
    finally:
        _only_reading = False


@contextmanager
def keeping_work() -> Iterator[None]:
    """Lets calls write in a dry run too, while the block lasts: what the execution itself removes again."""
    global _only_reading  # noqa: PLW0603  # the clients are as global
    before, _only_reading = _only_reading, False
    try:
        yield
    finally:
        _only_reading = before


def _refuse_to_write(model: Any, **_: Any) -> None:
    if _only_reading and not model.name.startswith(READING):
        raise DryRunWriteError(f"{model.service_model.service_name}:{model.name} as a dry run")


class TaskError(Exception):
    """An AWS call failed; the subclass is the name under which the state machine sees it."""


class ThrottledError(TaskError):
    """The service asks to slow down. Retried by the state machine."""


class ServiceUnavailableError(TaskError):
    """The service failed on its side, or could not be reached. Retried by the state machine."""


class AccessDeniedError(TaskError):
    """The task's role, or the bucket, does not allow the call."""


class PhotoNotFoundError(TaskError):
    """The photo was deleted, or replaced, between its event and the end of the run."""


class AwsCallError(TaskError):
    """Any other answer of a service that is an error: permanent."""


# The codes that botocore's standard retry mode takes for throttling.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_THROTTLING = {
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
}
# Why DynamoDB cancels a transaction that may well succeed a moment later.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_CANCELLED_FOR_NOW = {"ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"}
# Answered with status 400, and yet the service's own trouble.
_TIMED_OUT = {"RequestTimeout", "RequestTimeoutException"}
_ACCESS_DENIED = {
    "403",
    "AccessDenied",
    "AccessDeniedException",
    "InvalidObjectState",
    "KMS.DisabledException",
}
# The last is the answer when the object was replaced while a task read it.
_NOT_FOUND = {"404", "NoSuchKey", "NoSuchVersion", "PreconditionFailed"}


def task_error(error: ClientError | BotoCoreError) -> TaskError:
    """Names an error of boto3 after what can be done about it.

    >>> error = ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "GetObject")
    >>> type(task_error(error)).__name__
    'ThrottledError'
    """
    if not isinstance(error, ClientError):
        # No answer, or not all of it; or the call never left, for its parameters or for want of credentials.
        unanswered = isinstance(error, (ConnectionError, HTTPClientError, IncompleteReadError))
        return ServiceUnavailableError(str(error)) if unanswered else AwsCallError(str(error))
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLING or status == 429 or cancellation_codes(error) & _CANCELLED_FOR_NOW:
        return ThrottledError(str(error))
    if code in _TIMED_OUT or status >= 500:
        return ServiceUnavailableError(str(error))
    if code in _ACCESS_DENIED:
        return AccessDeniedError(str(error))
    if code in _NOT_FOUND and error.operation_name in {"GetObject", "HeadObject"}:
        return PhotoNotFoundError(str(error))
    return AwsCallError(str(error))


def cancellation_codes(error: ClientError) -> set[str]:
    """Why DynamoDB cancelled a transaction, one code for each item that stood in its way."""
    reasons = error.response.get("CancellationReasons", [])
    return {reason.get("Code", "None") for reason in reasons} - {"None"}
