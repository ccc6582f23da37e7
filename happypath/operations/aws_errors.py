"""What a person reads of a foreseeable error: of AWS, of the network, or of this project."""

from __future__ import annotations

import os

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    SSLError,
)
from botocore.parsers import ResponseParserError

from functions.upload import InvalidKeyError
from happypath.errors import ExpectedError

FORESEEABLE = (ExpectedError, InvalidKeyError, ClientError, BotoCoreError, ResponseParserError, OSError)


def explain(error: Exception) -> str:
    """One sentence or two about a foreseeable error: what was wrong, where, and what to do."""
    said = str(error)
    match error:
        case NoCredentialsError():
            said = "No AWS credentials: set AWS_PROFILE, or what `happypath up` prints for its sandbox."
        case NoRegionError():
            said = "No AWS region: set AWS_REGION, or what `happypath up` prints for its sandbox."
        case ProfileNotFound():
            said = f"{error}: set AWS_PROFILE to one of ~/.aws/config, or unset it."
        case EndpointConnectionError() | SSLError():
            said = f"{error} Is AWS_ENDPOINT_URL right, and the sandbox up?"
        case ResponseParserError():
            endpoint = os.environ.get("AWS_ENDPOINT_URL", "not set")
            said = f"What answered is no AWS: are AWS_ENDPOINT_URL ({endpoint}) and AWS_REGION right?"
        case ClientError():
            said = f"AWS said: {error}"
        case OSError() if error.strerror:
            said = f"{': '.join(filter(None, (error.filename, error.strerror)))}."
    return said
