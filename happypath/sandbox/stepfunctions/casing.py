"""Names of AWS's APIs as Step Functions writes them: those of the AWS SDK for Java, with a capital.

`DBInstanceIdentifier` is `DbInstanceIdentifier`, `stateMachineArn` is `StateMachineArn`, and the service
`DynamoDB` is `DynamoDb` in errors.
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import gzip
import re
from functools import cache
from pathlib import Path

import botocore
import botocore.session

_DATA = Path(botocore.__file__).parent / "data"
# Where a service's id is not its name in boto3: the ones that are asked for most.
_LIKELY = {"cloudwatchlogs": "logs", "eventbridge": "events", "sfn": "stepfunctions"}
_SERVICE_ID = re.compile(rb'"serviceId"\s*:\s*"([^"]+)"')


@cache
def member(name: str) -> str:
    """A member of a structure: the capitals that it begins with are one word.

    >>> [member(name) for name in ("DBInstanceIdentifier", "ETag", "stateMachineArn", "MD5OfMessageBody")]
    ['DbInstanceIdentifier', 'ETag', 'StateMachineArn', 'Md5OfMessageBody']
    >>> [member(name) for name in ("ChecksumCRC32", "SSEKMSKeyId", "billedMemoryUsedInMB")]
    ['ChecksumCRC32', 'SsekmsKeyId', 'BilledMemoryUsedInMB']
    """
    begins = re.match(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]+|.", name)
    first = begins[0] if begins else ""
    return first.capitalize() + name[len(first) :]


@cache
def type_name(name: str) -> str:
    """A service, or a shape: each word has a capital, and no more than one.

    >>> [type_name(name) for name in ("Secrets Manager", "DynamoDB", "SFN", "S3", "CloudWatch Logs")]
    ['SecretsManager', 'DynamoDb', 'Sfn', 'S3', 'CloudWatchLogs']
    """
    words = re.sub(r"[^A-Za-z0-9]+", " ", name)
    words = re.sub(r"(?<=[a-z])(?=[A-Z][a-zA-Z0-9])", " ", words)
    words = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", words)
    words = re.sub(r"([0-9])([a-zA-Z])", r"\1 \2", words)
    return "".join(word.capitalize() for word in words.split())


@cache
def exception(shape: str) -> str:
    """An error of an API, by its name in the SDK for Java.

    >>> exception("NoSuchKey"), exception("ResourceNotFoundException"), exception("DBInstanceNotFoundFault")
    ('NoSuchKeyException', 'ResourceNotFoundException', 'DbInstanceNotFoundException')
    """
    return type_name(shape).removesuffix("Fault").removesuffix("Exception") + "Exception"


@cache
def boto_service(name: str) -> str | None:
    """The service that an `aws-sdk` integration names, by its name in boto3; None if there is none.

    The integration names it as the SDK for Java names its package, which is the service's id.

    >>> boto_service("sfn"), boto_service("eventbridge"), boto_service("s3"), boto_service("nothing")
    ('stepfunctions', 'events', 's3', None)
    """
    # To look through all of them takes a seventh of a second.
    likely = _LIKELY.get(name, name)
    return likely if _id_of(_DATA / likely) == name else _by_id().get(name)


@cache
def _by_id() -> dict[str, str]:
    """The services of botocore by their ids."""
    ids = {folder.name: _id_of(folder) for folder in sorted(_DATA.iterdir())}
    return {service_id: name for name, service_id in ids.items() if service_id is not None}


def _id_of(folder: Path) -> str | None:
    """The id in a service's description, of which only the first lines are read; None: it is none's."""
    descriptions = sorted(folder.glob("*/service-2.json*"))
    if not descriptions:
        return None
    latest = descriptions[-1]
    with gzip.open(latest) if latest.suffix == ".gz" else latest.open("rb") as file:
        service_id = _SERVICE_ID.search(file.read(4096))
    return re.sub(r"[^a-z0-9]", "", service_id[1].decode().lower()) if service_id else None
