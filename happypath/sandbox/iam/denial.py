"""What a denied request gets: AWS's sentence, in the service's own shape.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

import json
import uuid
from html import escape
from typing import TypeAlias

from happypath.sandbox.iam.calls import model_of
from happypath.sandbox.iam.evaluation import Decision, Request
from happypath.sandbox.iam.needs import Need

# The HTTP status, the headers, the body.
Response: TypeAlias = tuple[int, list[tuple[str, str]], bytes]

# Services that answer otherwise than their protocol's others: code and HTTP status.
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_CODES = {
    "ec2": ("UnauthorizedOperation", 403),
    "sns": ("AuthorizationError", 403),
    "sqs": ("AccessDenied", 403),
}
_OF_PROTOCOLS = {
    "json": ("AccessDeniedException", 400),
    "rest-json": ("AccessDeniedException", 403),
    "query": ("AccessDenied", 403),
    "ec2": ("UnauthorizedOperation", 403),
    "rest-xml": ("AccessDenied", 403),
}


class AccessDeniedError(Exception):
    """A request that policies do not allow; its text is AWS's sentence."""

    def __init__(self, request: Request, decision: Decision, need: Need | None = None) -> None:
        self.request = request
        self.decision = decision
        self.otherwise = need.otherwise if need else None
        super().__init__(sentence(request, decision))


def sentence(request: Request, decision: Decision) -> str:
    """AWS's sentence, as the service of the action writes it.

    SQS writes its actions in lower case, SNS its own name in upper case, and S3 puts resources in quotes.
    """
    service, _, name = request.action.partition(":")
    action = {"sqs": request.action.lower(), "sns": f"SNS:{name}"}.get(service, request.action)
    resource = request.resource or "*"
    if service == "s3":
        resource = f'"{resource}"'
    reason = decision.reason.replace(request.action, action)
    who = f"User: {request.principal.arn}"
    said = f"{who} is not authorized to perform: {action} on resource: {resource} {reason}"
    if decision.unknown_keys:
        keys = ", ".join(decision.unknown_keys)
        said += f" (the sandbox does not know the condition key {keys}, and so denies)"
    return said


def response(error: AccessDeniedError, service: str) -> Response:
    """The answer of a service (by the name that signs for it) to a request that was denied."""
    model = model_of(service)
    protocol = model.resolved_protocol if model else "json"
    code, status = _CODES.get(service, _OF_PROTOCOLS.get(protocol, _OF_PROTOCOLS["json"]))
    message = str(error)
    if error.otherwise:
        code, message = error.otherwise
    request_id = str(uuid.uuid4())
    if protocol in {"json", "rest-json"}:
        return _in_json(code, status, message, request_id, service)
    kind = [("Content-Type", "text/xml" if protocol != "rest-xml" else "application/xml")]
    told = f"<Code>{escape(code, quote=False)}</Code><Message>{escape(message, quote=False)}</Message>"
    if service == "s3":
        body = f"<Error>{told}<RequestId>{request_id}</RequestId><HostId>{request_id}</HostId></Error>"
        declared = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
        return status, [*kind, ("x-amz-request-id", request_id)], declared.encode()
    if protocol == "ec2":
        body = (
            f"<Response><Errors><Error>{told}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        )
    else:
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type>{told}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return status, [*kind, ("x-amzn-RequestId", request_id)], body.encode()


def _in_json(code: str, status: int, message: str, request_id: str, service: str) -> Response:
    headers = [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("x-amzn-ErrorType", code),
        ("x-amzn-RequestId", request_id),
    ]
    if service == "sqs":
        # Its clients know its errors by their names of before it spoke JSON.
        headers.append(("x-amzn-query-error", f"{code};Sender"))
    # DynamoDB's errors of access say `Message`, as do those that never reach the service.
    body = {"__type": f"com.amazon.coral.service#{code}", "Message": message, "message": message}
    return status, headers, json.dumps(body).encode()
