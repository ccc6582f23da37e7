"""The error responses of each service, for fault injection: codes and HTTP statuses.

Common to all services: https://docs.aws.amazon.com/step-functions/latest/apireference/CommonErrors.html
"""

from __future__ import annotations

from dataclasses import dataclass

from happypath.sandbox.fault_injection.rules import Kind


@dataclass(frozen=True)
class ErrorResponse:
    """An error answer of an AWS service."""

    code: str
    status: int
    message: str


_MESSAGES = {
    Kind.THROTTLE: "Rate exceeded.",
    Kind.ERROR: "The service failed.",
    Kind.DENIED: "The caller is not authorized to perform this operation.",
    Kind.GONE: "There is no such resource.",
}
_COMMON = {
    Kind.THROTTLE: ("ThrottlingException", 400),
    Kind.ERROR: ("InternalFailure", 500),
    Kind.DENIED: ("AccessDeniedException", 400),
    Kind.GONE: ("ResourceNotFoundException", 400),
}
_OWN = {
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
    ("dynamodb", Kind.ERROR): ("InternalServerError", 500),
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
    ("events", Kind.ERROR): ("InternalException", 500),
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateMac.html
    ("kms", Kind.ERROR): ("KMSInternalException", 500),
    ("kms", Kind.GONE): ("NotFoundException", 400),
    # https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    ("lambda", Kind.THROTTLE): ("TooManyRequestsException", 429),
    ("lambda", Kind.ERROR): ("ServiceException", 500),
    ("lambda", Kind.DENIED): ("AccessDeniedException", 403),
    ("lambda", Kind.GONE): ("ResourceNotFoundException", 404),
    # https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectLabels.html
    ("rekognition", Kind.ERROR): ("InternalServerError", 500),
    ("rekognition", Kind.GONE): ("InvalidS3ObjectException", 400),
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    ("s3", Kind.THROTTLE): ("SlowDown", 503),
    ("s3", Kind.ERROR): ("InternalError", 500),
    ("s3", Kind.DENIED): ("AccessDenied", 403),
    ("s3", Kind.GONE): ("NoSuchKey", 404),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    ("sqs", Kind.GONE): ("QueueDoesNotExist", 400),
    # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
    ("ssm", Kind.ERROR): ("InternalServerError", 500),
    ("ssm", Kind.GONE): ("ParameterNotFound", 400),
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    ("states", Kind.GONE): ("StateMachineDoesNotExist", 400),
}


def error_response(service: str, kind: Kind) -> ErrorResponse | None:
    """What a service answers to a fault of this kind; None where it is no response."""
    if kind not in _COMMON:
        return None
    code, status = _OWN.get((service, kind), _COMMON[kind])
    return ErrorResponse(code, status, f"{_MESSAGES[kind]} (An injected fault.)")
