"""`happypath up` and the commands that look at an installation, against it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from happypath.operations.installation import Installation
from happypath.operations.logs import groups
from happypath.project import ADD_ONS, NEWEST, WORKFLOWS, usually_live
from tests.cli.test_run import PHOTOS, happypath
from tests.waiting import PATIENCE_S, until

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def greeting() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "happypath", "up", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    greeting = ""
    while "Ctrl-C" not in greeting:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        greeting += line
    yield greeting
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


@pytest.fixture(scope="module")
def endpoint(greeting: str) -> str:
    found = re.search(r"The sandbox is up at (http://127\.0\.0\.1:\d+) ", greeting)
    assert found
    assert f"; {usually_live()} is live" in greeting
    console = re.search(r"Its console is at (http://127\.0\.0\.1:\d+)", greeting)
    assert console
    with urllib.request.urlopen(f"{console[1]}/uploads") as page:
        assert b"No uploads yet" in page.read()
    assert f"aws s3 cp {PHOTOS / 'mountains.jpg'} s3://" in greeting
    return found[1]


@pytest.fixture(scope="module")
def environment(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
    }


@pytest.fixture(scope="module")
def uploads(environment: dict[str, str]) -> list[dict[str, Any]]:
    """Two photos uploaded by the command: one is published, one refused."""
    run = happypath(
        "upload",
        PHOTOS / "dogs.jpg",
        PHOTOS / "cat.jpg",
        "--place",
        "sample-park",
        "--wait",
        "--json",
        cwd=ROOT,
        **environment,
    )
    assert run.returncode == 0, run.stderr
    records: list[dict[str, Any]] = json.loads(run.stdout)
    return records


def client(service: str, environment: dict[str, str]) -> Any:
    return boto3.Session(
        aws_access_key_id="sandbox", aws_secret_access_key="sandbox", region_name="us-east-1"
    ).client(service, endpoint_url=environment["AWS_ENDPOINT_URL"])  # type: ignore[call-overload]


def test_upload_waits_for_the_records(uploads: list[dict[str, Any]]) -> None:
    dogs, cat = uploads
    assert (dogs["objStatus"], cat["objStatus"], cat["reason"]) == (
        "PROCESSED",
        "REJECTED",
        "IMAGE_TOO_SMALL",
    )
    assert re.fullmatch(r"[0-9a-f]{8}-dogs\.jpg", dogs["uploadId"])
    assert dogs["key"] == f"sample-park/{dogs['uploadId']}"


def test_upload_without_waiting_says_where_the_photo_went(environment: dict[str, str]) -> None:
    run = happypath("upload", PHOTOS / "cat.jpg", "--place", "sample-park", cwd=ROOT, **environment)
    assert run.returncode == 0, run.stderr
    where = r"s3://happypath-uploads-123456789012-us-east-1/sample-park/[0-9a-f]{8}-cat\.jpg"
    assert re.search(where, run.stdout)
    own = ("--place", "sample-cafe", "--own-name")
    run = happypath("upload", PHOTOS / "cat.jpg", *own, cwd=ROOT, **environment)
    assert run.stdout.rstrip().endswith("-us-east-1/sample-cafe/cat.jpg"), run.stderr


@pytest.mark.parametrize("place", ["workflow", ".dry-run", ".."])
def test_a_place_that_no_upload_can_have_is_refused_at_once(environment: dict[str, str], place: str) -> None:
    run = happypath("upload", PHOTOS / "cat.jpg", "--place", place, "--wait", cwd=ROOT, **environment)
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (2, "", 1)
    assert "reserved name" in run.stderr


def test_a_reader_that_is_no_terminal_gets_whole_lines(
    environment: dict[str, str], uploads: list[dict[str, Any]]
) -> None:
    lines = happypath("runs", cwd=ROOT, **environment).stdout.splitlines()
    names = {record["executionArn"].rpartition(":")[2] for record in uploads}
    assert names <= {line.split()[-1] for line in lines}


def test_runs_lists_executions(environment: dict[str, str], uploads: list[dict[str, Any]]) -> None:
    run = happypath("runs", "--json", cwd=ROOT, **environment)
    arns = [execution["executionArn"] for execution in json.loads(run.stdout)]
    assert {record["executionArn"] for record in uploads} <= set(arns)
    table = happypath("runs", "--workflow", NEWEST, "--status", "succeeded", cwd=ROOT, **environment).stdout
    assert f"happypath-{NEWEST}" in table
    assert "SUCCEEDED" in table
    nothing = happypath("runs", "--workflow", "v1", "--json", cwd=ROOT, **environment)
    assert json.loads(nothing.stdout) == []
    none = happypath("runs", "--workflow", "v1", cwd=ROOT, **environment)
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "There are none.\n")


def test_any_access_key_will_do(environment: dict[str, str], uploads: list[dict[str, Any]]) -> None:
    run = happypath("runs", cwd=ROOT, **{**environment, "AWS_ACCESS_KEY_ID": "test"})
    assert run.returncode == 0, run.stderr
    assert all(record["executionArn"].rpartition(":")[2] in run.stdout for record in uploads)


def test_show_tells_an_uploads_story(environment: dict[str, str], uploads: list[dict[str, Any]]) -> None:
    dogs, cat = uploads
    # A part of the key is enough, as the random suffix is nobody's to remember.
    shown = json.loads(happypath("show", "dogs", "--json", cwd=ROOT, **environment).stdout)
    assert shown["key"] == dogs["key"]
    assert [each["state"] for each in shown["states"]][-1] == "Publish"
    assert all(each["seconds"] is not None for each in shown["states"])
    assert shown["photo"]["tileURL"].endswith("/tile.jpg")
    assert (shown["photo"]["width"], shown["photo"]["height"]) == (2056, 3088)
    by_key = happypath("show", cat["key"], cwd=ROOT, **environment)
    assert "IMAGE_TOO_SMALL" in by_key.stdout
    assert "RecordFailState" in by_key.stdout


def test_an_unknown_upload_is_one_line(environment: dict[str, str]) -> None:
    for command, said in (("show", "There is no upload nothing"), ("redrive", "There is no upload nothing")):
        run = happypath(command, "nothing", cwd=ROOT, **environment)
        assert (run.returncode, run.stderr.count("\n")) == (1, 1)
        assert said in run.stderr


def test_a_key_that_names_no_upload_is_found_too(environment: dict[str, str]) -> None:
    key = "sample-park//picnic.jpg"
    client("s3", environment).upload_file(
        str(PHOTOS / "cat.jpg"), "happypath-uploads-123456789012-us-east-1", key
    )

    def shown() -> str:
        return happypath("show", key, "--json", cwd=ROOT, **environment).stdout

    by_its_key = until(shown, f"{key} is known")
    assert json.loads(by_its_key)["reason"] == "INVALID_KEY"
    by_its_end = happypath("show", "picnic", "--json", cwd=ROOT, **environment)
    assert json.loads(by_its_end.stdout) == json.loads(by_its_key)


def test_ordinary_clients_see_what_they_would_on_aws(
    environment: dict[str, str], uploads: list[dict[str, Any]]
) -> None:
    dogs, _ = uploads
    stepfunctions = client("stepfunctions", environment)
    machines = {each["name"] for each in stepfunctions.list_state_machines()["stateMachines"]}
    # Add-ons have some, too.
    assert machines - {f"happypath-{stack}" for stack in ADD_ONS} == {
        f"happypath-{each}" for each in WORKFLOWS
    }
    execution = stepfunctions.describe_execution(executionArn=dogs["executionArn"])
    assert execution["status"] == "SUCCEEDED"
    assert json.loads(execution["input"])["detail"]["key"] == dogs["key"]
    events = stepfunctions.get_execution_history(executionArn=dogs["executionArn"])["events"]
    assert events[-1]["type"] == "ExecutionSucceeded"
    item = client("dynamodb", environment).get_item(
        TableName="happypath", Key={"PK": {"S": "workflow"}, "SK": {"S": dogs["key"]}}
    )["Item"]
    assert item["objStatus"] == {"S": "PROCESSED"}
    installation = Installation(lambda service: client(service, environment), "happypath")
    (group,) = groups(installation, [f"happypath-{NEWEST}-Resize"])
    lines = client("logs", environment).filter_log_events(logGroupName=group)
    messages = [event["message"] for event in lines["events"]]
    assert any(message.startswith("REPORT RequestId") for message in messages)
    assert any(dogs["uploadId"] in message for message in messages)


def test_a_photo_put_by_any_client_starts_a_run(environment: dict[str, str]) -> None:
    client("s3", environment).upload_file(
        str(PHOTOS / "coffee.jpg"), "happypath-uploads-123456789012-us-east-1", "sample-cafe/by hand.jpg"
    )

    def status() -> str | None:
        shown = happypath("show", "by hand", "--json", cwd=ROOT, **environment).stdout
        found = json.loads(shown)["objStatus"] if shown else "RECEIVED"
        return None if found == "RECEIVED" else str(found)

    assert until(status, "it has an outcome") == "PROCESSED"


def test_a_port_in_use_is_one_line(endpoint: str) -> None:
    port = endpoint.rpartition(":")[2]
    run = happypath("up", "--port", port, cwd=ROOT)
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert f"Port {port} cannot be used: stop what runs there, or choose another with --port." in line


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}, "No AWS credentials"),
        ({}, "No AWS region: set AWS_REGION, or what `happypath up` prints"),
        (
            {
                "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
                "AWS_ACCESS_KEY_ID": "x",
                "AWS_SECRET_ACCESS_KEY": "x",
            },
            "Is AWS_ENDPOINT_URL right, and the sandbox up?",
        ),
    ],
)
def test_what_is_missing_is_one_line(settings: dict[str, str], complaint: str) -> None:
    run = happypath("runs", cwd=ROOT, **settings)
    assert run.returncode == 1
    assert complaint in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_an_address_without_its_beginning_is_one_line() -> None:
    run = happypath("live", cwd=ROOT, AWS_REGION="us-east-1", AWS_ENDPOINT_URL="localhost:4566")
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert "AWS_ENDPOINT_URL=localhost:4566 is no address, such as http://" in run.stderr


@pytest.mark.parametrize("arguments", [("show", "x"), ("runs",)])
def test_an_installation_that_is_not_there_is_one_line(
    environment: dict[str, str], arguments: tuple[str, ...]
) -> None:
    run = happypath(*arguments, "--prefix", "other", cwd=ROOT, **environment)
    assert run.returncode == 1
    assert "There is no stack other-core" in run.stderr


def bash(script: str, folder: Path) -> str:
    """What a script prints, without any AWS credentials."""
    environment = {"PATH": os.environ["PATH"], "no_proxy": "*"}
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_somebody_without_credentials_uploads_a_photo_as_the_page_says(
    greeting: str, endpoint: str, tmp_path: Path
) -> None:
    (line,) = re.findall(r"^ +(curl .*)$", greeting, re.M)
    asked = json.loads(bash(line, tmp_path))
    assert asked["uploadId"].startswith("sample-")
    assert asked["form"]["url"].startswith(endpoint)
    (api,) = re.findall(rf"({endpoint}/_aws/execute-api/\w+)/uploads", line)
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    page = page.replace("http://127.0.0.1:4566/_aws/execute-api/API_ID", api)
    page = page.replace("http://127.0.0.1:4566", endpoint)
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.M | re.S)
    ask, follow, *others = (block for language, block in blocks if not language)
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    assert "HTTP/1.1 204" in bash(ask, tmp_path)
    look, renditions = follow.rsplit("grep", 1)
    known = "".join(each for each in ask.splitlines(keepends=True) if re.match("API=|TOKEN=", each))
    found = until(
        lambda: None if '"RECEIVED"' in (said := bash(known + look, tmp_path)) else said,
        "the photo has its outcome",
    )
    assert json.loads(found)["status"] == "PROCESSED"
    bash(f"grep{renditions}", tmp_path)
    for name in ("tile.jpg", "scaled.jpg"):
        assert (tmp_path / name).read_bytes().startswith(b"\xff\xd8")
    (search,) = (each for each in others if "SEARCHER=" in each)
    assert json.loads(bash(known + search, tmp_path)) == {"uploads": [], "cursor": None}
