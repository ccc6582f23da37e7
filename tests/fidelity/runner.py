"""Runs fidelity cases against a sandbox, over the network, with a person's credentials."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import boto3
import jmespath
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from happypath.sandbox.account import CREDENTIALS, REGION
from happypath.sandbox.sandbox import Sandbox
from tests.fidelity.case import DIFFERENCES, Call, Case, Execution

# How long what ought not to come is waited for.
UNLIKELY_S = 2.0

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_MAY_DO_ALL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
_SERVICES_ASSUME = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": [f"{name}.amazonaws.com" for name in ("states", "lambda", "events")]},
            "Action": "sts:AssumeRole",
        }
    ],
}


class MismatchError(AssertionError):
    """The sandbox does not do what the case says."""


class SetupError(Exception):
    """What comes before a case's own calls did not succeed: nothing is known of the case."""


class Runner:
    """Runs cases in a sandbox, one after another. Each has names of its own.

    What has not come after `patience_s`, an execution's end or what comes eventually, never comes: a machine
    may be slow.
    """

    def __init__(self, sandbox: Sandbox, patience_s: float = 60) -> None:
        self._patience_s = patience_s
        self._endpoint = sandbox.endpoint
        self._session = boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )
        self._client = cache(self._make_client)
        self._numbers = itertools.count(time.time_ns() // 1_000_000)
        iam = self._client("iam", checks=True)
        name = f"fidelity-{next(self._numbers)}"
        self._role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_SERVICES_ASSUME))[
            "Role"
        ]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(_MAY_DO_ALL))

    def run(self, case: Case) -> None:
        """Runs one case.

        Raises:
            MismatchError: the sandbox does not do what the case says.
            SetupError: its setup does not succeed.
        """
        variables: dict[str, Any] = {
            "id": f"{next(self._numbers):x}",
            "role": self._role,
            "region": REGION,
            "account": self._role.split(":")[4],
            "endpoint": self._endpoint,
        }
        for call in case.setup:
            try:
                self._call(call, variables, self._patience_s)
            except (MismatchError, ClientError) as error:
                raise SetupError(f"{case.id}: {error}") from error
        try:
            if case.execution:
                self._execute(case.execution, variables)
            for call in case.calls:
                # What the sandbox does not do does not come later, either.
                self._call(call, variables, UNLIKELY_S if case.differs else self._patience_s)
        finally:
            if machine := variables.get("stateMachineArn"):
                self._client("stepfunctions", checks=True).delete_state_machine(stateMachineArn=machine)

    def _make_client(self, service: str, checks: bool) -> Any:
        """Without `checks`, what AWS would refuse reaches the sandbox, and is not refused by boto3."""
        config = Config(
            retries={"total_max_attempts": 1},
            parameter_validation=checks,
            read_timeout=self._patience_s + 5,
            s3={"addressing_style": "path"},
            inject_host_prefix=False,
        )
        return self._session.client(  # type: ignore[call-overload]
            service, endpoint_url=self._endpoint, config=config
        )

    def _call(self, call: Call, variables: dict[str, Any], patience_s: float) -> None:
        ask, arguments = self._prepared(call, variables)
        deadline = time.monotonic() + (patience_s if call.eventually else 0)
        while True:
            try:
                answer = _read(_outcome(ask, arguments, call.error))
                compare(_filled(call.answer, variables), answer, f"{call.service}.{call.operation}")
                break
            except MismatchError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        for name, path in call.save.items():
            variables[name] = jmespath.search(path, answer)
            if variables[name] is None:
                raise MismatchError(f"{call.service}.{call.operation}: nothing at {path} in {answer}")

    def _prepared(self, call: Call, variables: dict[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
        """What makes a call, and its arguments."""
        given = _filled(call.arguments, variables)
        if call.service == "http":
            return partial(_http, call.operation.upper()), given
        client = self._client(call.service, checks=call.error is None)
        operation = client.meta.method_to_api_mapping[call.operation]
        shape = client.meta.service_model.operation_model(operation).input_shape
        return getattr(client, call.operation), _as_text(given, shape)

    def _execute(self, execution: Execution, variables: dict[str, Any]) -> None:
        client = self._client("stepfunctions", checks=True)
        try:
            machine = client.create_state_machine(
                name=f"fidelity-{variables['id']}",
                definition=_text(_filled(execution.definition, variables)),
                roleArn=self._role,
                type=execution.type,
            )["stateMachineArn"]
        except ClientError as error:
            raise MismatchError(f"the definition is refused: {error}") from error
        variables["stateMachineArn"] = machine
        try:
            self._run_to_end(client, machine, execution, variables)
        except ClientError as error:
            raise MismatchError(f"the execution is refused: {error}") from error

    def _run_to_end(self, client: Any, machine: str, execution: Execution, variables: dict[str, Any]) -> None:
        given = _text(_filled(execution.input, variables))
        if execution.type == "EXPRESS":
            ended = client.start_sync_execution(stateMachineArn=machine, input=given)
        else:
            arn = client.start_execution(stateMachineArn=machine, input=given)["executionArn"]
            variables["executionArn"] = arn
            ended = self._ended(client, arn)
        told = {name: ended.get(name) for name in ("status", "error", "cause", "output")}
        compare(execution.status, ended["status"], f"status of {told}")
        if execution.error is not None:
            compare(execution.error, ended.get("error"), f"error of {told}")
        if execution.cause is not None and execution.cause not in (ended.get("cause") or ""):
            raise MismatchError(f"cause: {execution.cause!r} is not in {ended.get('cause')!r}")
        if execution.has_output:
            expected = _filled(execution.output, variables)
            try:
                output = json.loads(ended.get("output", ""))
            except ValueError:
                raise MismatchError(f"output: {ended.get('output')!r} is no JSON") from None
            if not _same(expected, output):
                raise MismatchError(f"output: {json.dumps(expected)} expected, got {json.dumps(output)}")
        if execution.history is not None:
            pages = client.get_paginator("get_execution_history").paginate(executionArn=arn)
            events = [event["type"] for page in pages for event in page["events"]]
            if events != list(execution.history):
                raise MismatchError(f"history: {list(execution.history)} expected, got {events}")

    def _ended(self, client: Any, arn: str) -> Any:
        deadline = time.monotonic() + self._patience_s
        wait_s = 0.004
        while True:
            described = client.describe_execution(executionArn=arn)
            if described["status"] != "RUNNING":
                return described
            if time.monotonic() > deadline:
                client.stop_execution(executionArn=arn)
                raise MismatchError(f"the execution still runs after {self._patience_s:g} s")
            time.sleep(wait_s)
            wait_s = min(0.1, wait_s * 1.5)


def _http(
    method: str, url: str, headers: Mapping[str, str] | None = None, body: Any = None
) -> dict[str, Any]:
    """Sends a request that is no operation of AWS's, as it is written."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=60)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        text = body if body is None or isinstance(body, str) else _text(body)
        connection.request(method, target, text and text.encode(), dict(headers or {}))
        response = connection.getresponse()
        told = {name.lower(): value for name, value in response.getheaders()}
        return {"status": response.status, "headers": told, "body": response.read()}
    finally:
        connection.close()


def _outcome(
    operation: Callable[..., Any], arguments: Mapping[str, Any], error: Mapping[str, Any] | None
) -> Any:
    """What a call answers: its answer, or {} where it fails as it must."""
    try:
        answer = operation(**arguments)
    except BotoCoreError as raised:
        raise MismatchError(f"the answer cannot be read: {raised}") from raised
    except ClientError as raised:
        got = {
            "Code": raised.response["Error"].get("Code"),
            "status": raised.response["ResponseMetadata"]["HTTPStatusCode"],
        }
        message = raised.response["Error"].get("Message", "")
        if error is None:
            raise MismatchError(f"{raised} ({got['status']})") from raised
        compare({name: each for name, each in error.items() if name != "message"}, got, "error")
        if error.get("message", "") not in message:
            raise MismatchError(f"error: {error['message']!r} is not in {message!r}") from raised
        return {}
    if error is not None:
        raise MismatchError(f"{error} expected, got {answer}")
    return answer


def _filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """A value with the variables that it names. A text that is only one variable becomes its value."""
    if isinstance(value, dict):
        return {_filled(name, variables): _filled(each, variables) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, variables) for each in value]
    if not isinstance(value, str):
        return value
    if (whole := _VARIABLE.fullmatch(value)) and whole[1] in variables:
        return variables[whole[1]]
    return _VARIABLE.sub(lambda found: str(variables.get(found[1], found[0])), value)


def _as_text(value: Any, shape: Any) -> Any:
    """Arguments where a mapping or list that stands for text (a definition, a policy) is JSON text."""
    if shape is None:
        return value
    if isinstance(value, dict) and shape.type_name == "structure":
        return {
            name: _as_text(each, shape.members[name]) if name in shape.members else each
            for name, each in value.items()
        }
    if isinstance(value, dict) and shape.type_name == "map":
        return {name: _as_text(each, shape.value) for name, each in value.items()}
    if isinstance(value, list) and shape.type_name == "list":
        return [_as_text(each, shape.member) for each in value]
    if isinstance(value, (dict, list)) and shape.type_name in {"string", "blob"}:
        return _text(value)
    return value


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _read(answer: Any) -> Any:
    """An answer as plain data: bodies are read, bytes are text, times are ISO 8601."""
    if isinstance(answer, dict):
        return {name: _read(each) for name, each in answer.items()}
    if isinstance(answer, list):
        return [_read(each) for each in answer]
    if hasattr(answer, "read"):
        answer = answer.read()
    if isinstance(answer, bytes):
        return answer.decode(errors="backslashreplace")
    if hasattr(answer, "isoformat"):
        return answer.isoformat()
    return answer


def compare(expected: Any, actual: Any, where: str) -> None:
    """Holds what is expected against an answer that may say more.

    Mappings may have more keys; lists have the same length. Where a mapping or list is expected and text
    is there, the text is read as JSON. None expects nothing, and in a mapping that a key is not there.

    Raises:
        MismatchError: the answer lacks something, or says something else.
    """
    if isinstance(expected, (dict, list)) and isinstance(actual, str):
        try:
            actual = json.loads(actual)
        except ValueError:
            raise MismatchError(f"{where}: {expected!r} expected, got {actual!r}") from None
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name, each in expected.items():
            if name not in actual and each is not None:
                raise MismatchError(f"{where}: no {name} in {actual!r}")
            if each is None and actual.get(name) is not None:
                raise MismatchError(f"{where}: {name} is {actual[name]!r}, and must not be there")
            compare(each, actual.get(name), f"{where}: {name}")
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
            compare(one, other, f"{where}: [{index}]")
    elif expected is not None and not _same(expected, actual):
        raise MismatchError(f"{where}: {expected!r} expected, got {actual!r}")


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: 1 is 1.0, and true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def is_documented(sentence: str) -> bool:
    """Whether docs/sandbox.md says a sentence, however its lines are broken."""
    return " ".join(sentence.split()) in " ".join(DIFFERENCES.read_text(encoding="utf-8").split())
