"""The command itself: every group of commands, and how a foreseeable error is shown."""

from __future__ import annotations

import gc
import sys

import typer

from functions.upload import InvalidKeyError
from happypath.cli import display, plain
from happypath.cli.options import app, until_the_end
from happypath.errors import ExpectedError
from happypath.operations.aws_errors import FORESEEABLE, explain

# isort: off
# Each adds its commands, and help lists them in this order.
# fmt: off
from happypath.cli import (  # noqa: F401
    run, up, console, uploads, search, review, images, deployment, compare, accuracy, cost, catalogue,
    recovery,
)
# fmt: on
# isort: on


def _explain_usage(error: Exception) -> str:
    """What to tell a person about arguments that cannot be used."""
    if not isinstance(error, typer.TyperException):
        return str(error)
    text = getattr(error, "format_message", error.__str__)()
    context = getattr(error, "ctx", None)
    names: list[str] = []
    while context and context.parent:
        names.insert(0, context.info_name)
        context = context.parent
    return f"{text.rstrip('.')}. See `{' '.join(['happypath', *names])} --help`."


def main() -> None:
    """Runs the command; a foreseeable error is one line on standard error.

    Exit status: 0 done, 1 something failed, 2 unusable arguments, 3 what reads words is not installed,
    130 interrupted.
    """
    # What a command makes mostly stays. To look through it for garbage took a quarter of the start.
    gc.set_threshold(50_000, 20, 100)
    plain.use()
    try:
        with until_the_end:
            sys.exit(app(standalone_mode=False) or 0)
    except (typer.Abort, KeyboardInterrupt):
        display.show_error("interrupted.")
        sys.exit(130)
    except ExpectedError as error:
        display.show_error(str(error))
        sys.exit(error.exit_status)
    except (typer.TyperException, InvalidKeyError) as error:
        display.show_error(_explain_usage(error))
        sys.exit(2)
    except FORESEEABLE as error:
        display.show_error(explain(error))
        sys.exit(1)
    finally:
        # Nor need Python look through it at the end, for a second.
        gc.freeze()
