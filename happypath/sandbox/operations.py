"""Which operation a request is, as the rules of fault injection and the accounts of calls name it."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from happypath.sandbox.wsgi import Environ

# The first part of X-Amz-Target → the service as policies name it.
_TARGETS = {
    "AWSEvents": "events",
    "AWSStepFunctions": "states",
    "AmazonSQS": "sqs",
    "AmazonSSM": "ssm",
    "DynamoDB_20120810": "dynamodb",
    "Logs_20140328": "logs",
    "RekognitionService": "rekognition",
    "TrentService": "kms",
}
_INVOKE = re.compile(r"/2015-03-31/functions/[^/]+/invocations")
_S3_OBJECT = {"GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject", "PUT": "PutObject"}
# Parameters that do not make another operation of a request for an object.
_S3_PARAMETERS = re.compile(r"versionId|partNumber|x-id|response-.*|[Xx]-[Aa]mz-.*")


def operation(environ: Environ) -> str | None:
    """What a request asks for, such as `s3:GetObject`; None for operations that rules cannot name."""
    target, dot, name = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
    if dot:
        return f"{_TARGETS[target]}:{name}" if target in _TARGETS else None
    if "/s3/aws4_request" in environ.get("HTTP_AUTHORIZATION", ""):
        name = _s3_operation(environ)
        return name and f"s3:{name}"
    invokes = environ["REQUEST_METHOD"] == "POST" and _INVOKE.fullmatch(environ["PATH_INFO"])
    return "lambda:Invoke" if invokes else None


def _s3_operation(environ: Environ) -> str:
    method = environ["REQUEST_METHOD"]
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    _, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
    if not key:
        return "ListObjectsV2" if method == "GET" and query.get("list-type") == ["2"] else ""
    if not all(_S3_PARAMETERS.fullmatch(name) for name in query):
        return ""
    if method == "PUT" and "HTTP_X_AMZ_COPY_SOURCE" in environ:
        return "CopyObject"
    return _S3_OBJECT.get(method, "")
