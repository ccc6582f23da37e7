from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from functions.platform.aws import (
    AccessDeniedError,
    AwsCallError,
    PhotoNotFoundError,
    ServiceUnavailableError,
    TaskError,
    ThrottledError,
    cancellation_codes,
    client,
    task_error,
)
from tests.functions.account import error
from tests.templates.template import all_functions, function


@pytest.mark.parametrize(
    ("code", "operation", "status", "kind"),
    [
        ("ThrottlingException", "DetectLabels", 400, ThrottledError),
        ("ProvisionedThroughputExceededException", "DetectLabels", 400, ThrottledError),
        ("SlowDown", "GetObject", 503, ThrottledError),
        ("TransactionConflictException", "PutItem", 400, ThrottledError),
        ("Unheard", "GetObject", 429, ThrottledError),
        ("InternalServerError", "DetectLabels", 500, ServiceUnavailableError),
        ("RequestTimeout", "PutObject", 400, ServiceUnavailableError),
        ("AccessDenied", "GetObject", 403, AccessDeniedError),
        ("403", "HeadObject", 403, AccessDeniedError),
        ("InvalidObjectState", "GetObject", 403, AccessDeniedError),
        ("NoSuchKey", "GetObject", 404, PhotoNotFoundError),
        ("NoSuchVersion", "GetObject", 404, PhotoNotFoundError),
        ("404", "HeadObject", 404, PhotoNotFoundError),
        # Not the photo, but something that must be there.
        ("NoSuchBucket", "PutObject", 404, AwsCallError),
        ("ResourceNotFoundException", "TransactWriteItems", 400, AwsCallError),
        ("ValidationException", "TransactWriteItems", 400, AwsCallError),
    ],
)
def test_an_answer_is_named_for_what_can_be_done(
    code: str, operation: str, status: int, kind: type[TaskError]
) -> None:
    named = task_error(error(code, operation, status))
    assert type(named) is kind
    assert code in str(named)
    assert operation in str(named)


@pytest.mark.parametrize(
    ("reasons", "kind"),
    [
        (["None", "TransactionConflict"], ThrottledError),
        (["ThrottlingError", "None"], ThrottledError),
        (["ProvisionedThroughputExceeded"], ThrottledError),
        (["ConditionalCheckFailed"], AwsCallError),
        (["ValidationError", "None"], AwsCallError),
    ],
)
def test_a_cancelled_transaction_is_named_for_its_reasons(reasons: list[str], kind: type[TaskError]) -> None:
    cancelled = error(
        "TransactionCanceledException",
        "TransactWriteItems",
        CancellationReasons=[{"Code": reason} for reason in reasons],
    )
    assert type(task_error(cancelled)) is kind
    assert cancellation_codes(cancelled) == set(reasons) - {"None"}


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (EndpointConnectionError(endpoint_url="https://s3"), ServiceUnavailableError),
        (ConnectTimeoutError(endpoint_url="https://s3"), ServiceUnavailableError),
        (ReadTimeoutError(endpoint_url="https://s3"), ServiceUnavailableError),
        (ParamValidationError(report="no bucket"), AwsCallError),
        (NoCredentialsError(), AwsCallError),
    ],
)
def test_what_was_not_answered_is_transient_and_what_never_left_is_not(
    raised: BotoCoreError, kind: type[TaskError]
) -> None:
    assert type(task_error(raised)) is kind


def test_a_client_is_made_once() -> None:
    assert client("s3") is client("s3")


def test_a_call_that_nobody_answers_fails_before_its_function_does() -> None:
    config: Any = client("s3").meta.config
    attempts = config.retries["total_max_attempts"]
    # From 1 s on, each at most twice as long as the one before.
    # https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
    waits_s = sum(2**attempt for attempt in range(attempts - 1))
    longest_s = attempts * (config.connect_timeout + config.read_timeout) + waits_s
    least_s = min(function(stack, name)["Timeout"] for stack, name in all_functions())

    assert longest_s < least_s
