"""Deploying and removing stacks: the AWS SAM CLI does it, and what it cannot know is looked at here."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from functions.ingest.live import MAX_AGE_S
from happypath.errors import ExpectedError
from happypath.operations import parameters
from happypath.operations.installation import Installation
from happypath.operations.live import changes, workflows
from happypath.operations.regions import is_aws, needs_rekognition, without_rekognition
from happypath.project import ADD_ONS, ROOT, WORKFLOWS, only_on_aws

# After a switch a warm StartExecution may still know the old value, and have a batch in hand for as long as
# its Timeout (templates/core).
SETTLE_S = MAX_AGE_S + 30.0


class DeployRefusedError(ExpectedError):
    """A stack is not deployed or not removed; the message says why and what to do."""


def sam() -> str:
    """The path of the AWS SAM CLI.

    Raises:
        DeployRefusedError: there is none.
    """
    own = ROOT / ".venv-sam" / "bin" / "sam"
    found = str(own) if own.exists() else shutil.which("sam")
    if found is None:
        raise DeployRefusedError("The AWS SAM CLI is not installed: run `scripts/install sam`.")
    return found


def deploy(
    installation: Installation,
    stack: str,
    *,
    guided: bool = False,
    ask: bool = True,
    parameters: Mapping[str, str] | None = None,
    built: Callable[[str, int], None] = lambda _name, _size_bytes: None,
) -> None:
    """Builds a stack and deploys it by a change set, which is shown, and approved by a person if `ask`.

    `built` is called with each function that was built, and its zipped size in bytes. A parameter that is not
    given keeps its value, or has the template's default in a new stack.

    Raises:
        NotDeployedError: a workflow needs a core, and there is none.
        DeployRefusedError: the region, or the sandbox, lacks what the stack needs; the stack is another
            installation's; a value is missing, or cannot be handed to SAM; or SAM failed, and has said why.
    """
    _refuse_in_sandbox(installation, stack)
    if status := installation.has_failed(stack):
        raise DeployRefusedError(
            f"The stack {installation.prefix}-{stack} failed ({status}) and can only be removed: "
            f"`happypath destroy {stack}`, then deploy it again."
        )
    if stack != "core":
        _refuse_without_rekognition(installation, stack)
        _ = installation.core
    _own_stack(installation, stack)
    missing = [] if guided else _missing(installation, stack, parameters or {})
    if missing:
        wanted = " ".join(f"--parameter {name}=…" for name in missing)
        raise DeployRefusedError(f"A new {stack} wants {wanted}: the template has no default.")
    values = {**(parameters or {}), "Prefix": installation.prefix}
    arguments = [
        *("--stack-name", f"{installation.prefix}-{stack}"),
        *("--s3-prefix", f"{installation.prefix}-{stack}"),
        "--parameter-overrides",
        *(
            f"ParameterKey={name},ParameterValue={_quoted(name, value)}"
            for name, value in sorted(values.items())
        ),
    ]
    if guided:
        arguments.append("--guided")
    if not ask:
        arguments.append("--no-confirm-changeset")
    command = sam()
    _run(command, "build", "--config-env", stack)
    for name, size_bytes in package_sizes(stack).items():
        built(name, size_bytes)
    _run(command, "deploy", "--config-env", stack, *arguments)


def _missing(installation: Installation, stack: str, given: Mapping[str, str]) -> list[str]:
    """The parameters that a stack would have no value for."""
    missing = parameters.missing(stack, given)
    return missing if missing and not installation.is_deployed(stack) else []


def _refuse_in_sandbox(installation: Installation, stack: str) -> None:
    services = only_on_aws(stack)
    if services and not is_aws(endpoint := installation.client("cloudformation").meta.endpoint_url):
        raise DeployRefusedError(
            f"{stack} can be deployed to AWS alone: {endpoint} is a sandbox, and has no "
            f"{', '.join(services)}. Without AWS_ENDPOINT_URL, commands use AWS."
        )


def _refuse_without_rekognition(installation: Installation, stack: str) -> None:
    described = installation.client("cloudformation").meta
    region = described.region_name
    if not is_aws(described.endpoint_url) or region not in (without := without_rekognition()):
        return
    if needs_rekognition(stack):
        raise DeployRefusedError(
            f"{stack} asks Amazon Rekognition, which {region} does not have: every upload would fail. Deploy "
            f"it, and its core, elsewhere: anywhere but {', '.join(without)}."
        )


def _own_stack(installation: Installation, stack: str) -> dict[str, Any] | None:
    """A stack of this installation; None if there is none.

    Raises:
        DeployRefusedError: a stack of that name is another installation's.
    """
    found = installation.stack(stack)
    owner = installation.owner(found) if found else None
    if owner not in {None, installation.prefix}:
        raise DeployRefusedError(
            f"{installation.prefix}-{stack} is a stack of the installation {owner} (its parameter Prefix "
            "says so): use another prefix or another name."
        )
    return found


def _quoted(name: str, value: str) -> str:
    """A parameter's value as SAM reads it whole, whatever spaces, commas and quotes it holds.

    Raises:
        DeployRefusedError: it has a backslash where SAM takes it for an escape; SAM has no way to write one.
    """
    if re.search(r"""\\(?:[ "']|\Z)""", value):
        raise DeployRefusedError(
            f"{name} cannot be {value}: SAM loses a backslash before a space, before a quotation mark and at "
            "the end. Leave it out."
        )
    escaped = value.replace('"', '\\"')
    return f'"{escaped}"'


def package_sizes(stack: str) -> dict[str, int]:
    """The zipped size in bytes of each function that `sam build` has built for a stack, by its logical id."""
    build = ROOT / ".aws-sam" / stack
    return {path.name: _zipped_size(path) for path in sorted(build.iterdir()) if path.is_dir()}


def _zipped_size(folder: Path) -> int:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as contents:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                # Not what the file system says of it: ZIP knows no time before 1980.
                contents.writestr(
                    zipfile.ZipInfo(str(path.relative_to(folder))), path.read_bytes(), zipfile.ZIP_DEFLATED
                )
    return archive.tell()


def _run(*command: str) -> None:
    environment = {
        **os.environ,
        # The Makefile of the templates builds with it.
        "PYTHON": sys.executable,
        "SAM_CLI_TELEMETRY": os.environ.get("SAM_CLI_TELEMETRY", "0"),
    }
    if "AWS_REGION" in os.environ:
        environment.setdefault("AWS_DEFAULT_REGION", os.environ["AWS_REGION"])
    status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603  # SAM itself
    if status:
        raise DeployRefusedError(f"`sam {command[1]}` ended with status {status}; what it says is above.")


def removable_in(installation: Installation, stack: str) -> timedelta:
    """How long to wait before a stack can go without an upload noticing; usually no time at all.

    Raises:
        DeployRefusedError: the stack is not there, or is in use.
    """
    name = f"{installation.prefix}-{stack}"
    if _own_stack(installation, stack) is None:
        raise DeployRefusedError(f"There is no stack {name}.")
    if stack == "core":
        standing = [each for each in (*ADD_ONS, *WORKFLOWS) if installation.is_deployed(each)]
        if standing:
            raise DeployRefusedError(f"{name} is what {', '.join(standing)} stand on: destroy them first.")
        return timedelta()
    if stack in ADD_ONS or not installation.is_deployed(stack) or not installation.is_deployed("core"):
        return timedelta()
    if installation.has_failed(stack) or installation.has_failed("core"):
        return timedelta()  # nothing can start it
    history = changes(installation)
    if stack in workflows(history[0].value):
        raise DeployRefusedError(
            f"{stack} is live ({history[0].value}): switch first, with `happypath live …`, then destroy it."
        )
    running = sum(1 for _ in installation.executions(stack, "RUNNING"))
    if running:
        raise DeployRefusedError(
            f"{running} executions of {stack} are running: let them end (`happypath runs --workflow {stack} "
            "--status running`), then destroy it."
        )
    left = None
    for change in history:
        if stack in workflows(change.value):
            break
        left = change.at
    else:
        return timedelta()  # it never was live
    assert left is not None  # noqa: S101  # the first change was looked at above
    return max(timedelta(), left + timedelta(seconds=SETTLE_S) - datetime.now(UTC))


def destroy(installation: Installation, stack: str, sleep: Callable[[float], None]) -> None:
    """Removes a stack, when no upload can need it any more, and waits until it is gone.

    The buckets, the tables and their contents stay when core goes (DeletionPolicy).

    Raises:
        NotDeployedError: there is no core.
        DeployRefusedError: the stack is not there, or is in use.
        botocore.exceptions.WaiterError: CloudFormation could not delete something.
    """
    while wait := removable_in(installation, stack).total_seconds():
        sleep(wait)
    cloudformation = installation.client("cloudformation")
    found = installation.stack(stack)
    assert found is not None  # noqa: S101  # looked at above
    cloudformation.delete_stack(StackName=found["StackId"])
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=found["StackId"], WaiterConfig={"Delay": 2, "MaxAttempts": 900}
    )
