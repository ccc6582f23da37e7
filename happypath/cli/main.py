"""The command itself: every group of commands, and what a person is told of a foreseeable error."""

from __future__ import annotations

import os
import sys

import typer
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
from happypath.cli import display
from happypath.cli.options import app
from happypath.errors import ExpectedError

# isort: off
# Each adds its commands, and help lists them in this order.
from happypath.cli import run, up, uploads, deployment, compare, cost, recovery  # noqa: F401
# isort: on


def _explain(error: Exception) -> str:
    """What to tell a person about a foreseeable error."""
    said = str(error)
    match error:
        case typer.TyperException():
            text = getattr(error, "format_message", error.__str__)()
            said = f"{text.rstrip('.')}. See `happypath --help`."
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


def main() -> None:
    """Runs the command; a foreseeable error is one line on standard error.

    Exit status: 0 done, 1 something failed, 2 unusable arguments, 3 what reads words is not installed,
    130 interrupted.
    """
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except (typer.Abort, KeyboardInterrupt):
        display.show_error("interrupted.")
        sys.exit(130)
    except ExpectedError as error:
        display.show_error(str(error))
        sys.exit(error.exit_status)
    except (typer.TyperException, InvalidKeyError) as error:
        display.show_error(_explain(error))
        sys.exit(2)
    except (ClientError, BotoCoreError, ResponseParserError, OSError) as error:
        display.show_error(_explain(error))
        sys.exit(1)
