"""The way to the real Amazon Rekognition, for those who have an account and ask for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from happypath.sandbox.rekognition import errors, photo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_rekognition import RekognitionClient

logger = logging.getLogger(__name__)

# Signing in helps, and retrying does not.
_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    SSOError,
    TokenRetrievalError,
)


def real_client(session: boto3.Session | None = None) -> RekognitionClient:
    """A client of the real service with the person's own credentials and region.

    AWS_ENDPOINT_URL, which leads the sandbox's other clients to the sandbox, does not lead this one back.
    Throttling is passed on rather than retried here, as the caller must live with it on AWS as well.

    Raises:
        botocore.exceptions.NoRegionError: no region is set.
    """
    config = Config(  # type: ignore[call-arg]  # the stubs do not know the first one
        ignore_configured_endpoint_urls=True,
        connect_timeout=3,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return (session or boto3.Session()).client("rekognition", config=config)


def ask(
    client: RekognitionClient, operation: str, request: Mapping[str, Any], image: bytes
) -> dict[str, Any]:
    """Sends the request on, with the photo as bytes: AWS cannot see the sandbox's S3 objects.

    A photo over 5 MB goes as a smaller JPEG rendition.

    Raises:
        RekognitionError: what the service answered, under its own name; AccessDeniedException when there are
            no credentials, InternalServerError when the service could not be reached; before that, as
            `happypath.sandbox.rekognition.photo` for a photo that cannot be sent.
    """
    photo.check_length(len(image), from_s3="S3Object" in request["Image"])
    logger.info("%s: the real service is asked", operation)
    arguments = {**request, "Image": {"Bytes": photo.within_bytes(image)}}
    try:
        response: dict[str, Any] = getattr(client, xform_name(operation))(**arguments)
    except ClientError as error:
        raise errors.RekognitionError(
            error.response["Error"]["Code"],
            error.response["Error"]["Message"],
            error.response["ResponseMetadata"]["HTTPStatusCode"],
        ) from error
    except _NO_CREDENTIALS as error:
        raise errors.RekognitionError(
            "AccessDeniedException",
            f"The sandbox was asked to use the real Rekognition, but has no AWS credentials for it: {error}",
        ) from error
    except ParamValidationError as error:
        raise errors.invalid_parameter(str(error)) from error
    except BotoCoreError as error:
        raise errors.RekognitionError(
            "InternalServerError", f"The real Rekognition could not be reached: {error}", 500
        ) from error
    response.pop("ResponseMetadata", None)
    return response
