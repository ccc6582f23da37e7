"""What the environments of functions remember, and how they are made to forget it.

An environment keeps some of what it has read, such as what is live, for seconds or minutes. A test that
changes what was read starts new environments, which know nothing: it waits for none of that time, and does
not depend on which test ran before it.
"""

from __future__ import annotations

import uuid

from happypath.operations.installation import Installation


def start_anew(installation: Installation, *functions: str, why: str = "") -> None:
    """Has new environments answer for functions from now on."""
    # Those of before a change of a function are not used again.
    for name in functions:
        installation.client("lambda").update_function_configuration(
            FunctionName=name, Description=why or f"Started anew, {uuid.uuid4().hex}."
        )


def go_live(installation: Installation, workflows: str) -> None:
    """Makes new uploads go to `workflows`, at once."""
    function = f"{installation.prefix}-StartExecution"
    now = _parameter(installation)
    known = installation.client("lambda").get_function_configuration(FunctionName=function)
    # Whoever else has written the parameter meanwhile may have been read, though it was put back.
    if known.get("Description") == _why(*now) and now[0] == workflows:
        return
    installation.set_live(workflows)
    start_anew(installation, function, why=_why(*_parameter(installation)))


def _parameter(installation: Installation) -> tuple[str, int]:
    """The value of the parameter, and how often it has been written."""
    found = installation.client("ssm").get_parameter(Name=installation.core["LiveParameter"])["Parameter"]
    return found["Value"], found["Version"]


def _why(value: str, version: int) -> str:
    return f"Starts what version {version} of the parameter says: {value}."
