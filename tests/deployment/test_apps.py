"""Apps of the kinds that people publish, by the real SAM CLI: built, deployed, at work, and deleted."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from happypath.operations.deploy import sam
from tests.apps.drives import DRIVES
from tests.apps.stacks import HERE

pytestmark = [pytest.mark.sam, pytest.mark.timeout(600)]


@pytest.mark.parametrize("app", DRIVES)
def test_an_app_is_deployed_as_it_is_and_does_its_main_job(
    app: str, environment: dict[str, str], client: Callable[[str], Any], tmp_path: Path
) -> None:
    folder = shutil.copytree(HERE / app, tmp_path / app)
    template = folder / "template.yaml"
    # `sam build` wants the Python that a function names.
    here = "python{}.{}".format(*sys.version_info)
    template.write_text(re.sub(r"python3\.\d+", here, template.read_text()))
    name = app.replace("_", "-")

    def run(*arguments: str) -> None:
        path = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
        done = subprocess.run(
            [sam(), *arguments],
            cwd=folder,
            env={**environment, "PATH": path, "AWS_DEFAULT_REGION": "us-east-1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    run("build")
    run(
        *("deploy", "--stack-name", name, "--resolve-s3", "--no-confirm-changeset"),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
    )
    (stack,) = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    DRIVES[app](client, outputs)
    s3 = client("s3")
    for bucket in (each["Name"] for each in s3.list_buckets()["Buckets"]):
        if bucket.startswith(f"{name}-"):
            for each in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
                s3.delete_object(Bucket=bucket, Key=each["Key"])
    run("delete", "--stack-name", name, "--no-prompts")
