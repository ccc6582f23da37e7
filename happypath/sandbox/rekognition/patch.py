"""Puts the sandbox's Rekognition into moto, whose own answers with one canned phone."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from inspect import isfunction
from typing import Any, NoReturn

from botocore import xform_name
from botocore.validate import ParamValidator
from moto.rekognition.responses import RekognitionResponse
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends

from happypath.sandbox.rekognition import errors, photo
from happypath.sandbox.rekognition.service import Rekognition
from happypath.sandbox.service_models import service_model

# Every operation that the sandbox answers itself. moto finds the method of an operation by its name in
# snake case, so that an operation that moto does not know at all needs no more than its method.
_OPERATIONS: Mapping[str, Callable[[Rekognition, Mapping[str, Any], bytes], dict[str, Any]]] = {
    "DetectFaces": Rekognition.detect_faces,
    "DetectLabels": Rekognition.detect_labels,
    "DetectModerationLabels": Rekognition.detect_moderation_labels,
    "DetectText": Rekognition.detect_text,
}


@contextmanager
def install(rekognition: Rekognition) -> Iterator[None]:
    """Lets this Rekognition answer the clients of moto's server, for as long as the context lasts.

    The photos that requests name are read straight from moto's S3, in the account and region of the caller.
    Of moto's own operations none is left: each answers the same whatever the photo is.
    """
    ours = {xform_name(operation): _method(rekognition, operation) for operation in _OPERATIONS}
    invented = {
        name: _lacking for name, each in vars(RekognitionResponse).items() if _is_operation(name, each)
    }
    found = {name: vars(RekognitionResponse).get(name) for name in ours | invented}
    for name, replacement in (invented | ours).items():
        setattr(RekognitionResponse, name, replacement)
    try:
        yield
    finally:
        for name, method in found.items():
            if method is None:
                delattr(RekognitionResponse, name)
            else:
                setattr(RekognitionResponse, name, method)


def _is_operation(name: str, member: Any) -> bool:
    return isfunction(member) and not name.startswith("_")


def _lacking(_wire: Any) -> NoReturn:
    raise NotImplementedError


def _method(rekognition: Rekognition, operation: str) -> Callable[[Any], tuple[int, dict[str, Any], str]]:
    # The parameter is moto's RekognitionResponse: the request and who sent it.
    def method(wire: Any) -> tuple[int, dict[str, Any], str]:
        status = 200
        try:
            request = _request(operation, wire.body)
            image = _image(request["Image"], wire.current_account, wire.partition, wire.region)
            answer = _OPERATIONS[operation](rekognition, request, image)
        except errors.RekognitionError as error:
            status = error.status
            answer = {"__type": error.code, "Code": error.code, "Message": error.message}
        # moto takes the status from the headers alone.
        headers = {"Content-Type": "application/x-amz-json-1.1", "status": status}
        return status, headers, json.dumps(answer)

    return method


def _request(operation: str, body: str) -> dict[str, Any]:
    """The request, every member of it known and of its right type."""
    try:
        request: dict[str, Any] = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise errors.RekognitionError(
            "SerializationException", f"The request is not JSON: {error}"
        ) from error
    # Absent and null mean the same on the wire.
    if isinstance(request, dict):
        request = {name: value for name, value in request.items() if value is not None}
    report = ParamValidator().validate(request, _input_shape(operation))
    if report.has_errors():
        raise errors.invalid_parameter(report.generate_report())
    return request


def _image(image: Mapping[str, Any], account: str, partition: str, region: str) -> bytes:
    """The photo that the request brings, or names."""
    if set(image) == {"Bytes"}:
        try:
            return base64.b64decode(image["Bytes"], validate=True)
        except ValueError as error:
            raise errors.RekognitionError(
                "SerializationException", f"Image.Bytes is not base64: {error}"
            ) from error
    if set(image) != {"S3Object"} or not {"Bucket", "Name"} <= set(image["S3Object"]):
        raise errors.invalid_parameter("Image takes Bytes, or an S3Object with Bucket and Name")
    return _s3_object(s3_backends[account][partition], image["S3Object"], region)


def _s3_object(backend: Any, named: Mapping[str, str], region: str) -> bytes:
    try:
        # Rekognition reads only the buckets of its own region.
        if backend.get_bucket(named["Bucket"]).region_name != region:
            raise errors.invalid_s3_object()
        found = backend.get_object(named["Bucket"], named["Name"], named.get("Version"))
    except MissingBucket as error:
        raise errors.invalid_s3_object() from error
    if found is None:
        raise errors.invalid_s3_object()
    photo.check_length(found.size, from_s3=True)
    content: bytes = found.value
    return content


@cache
def _input_shape(operation: str) -> Any:
    return service_model("rekognition").operation_model(operation).input_shape
