"""One installation of Happy Path, on AWS or in a sandbox: where its parts are, and what one asks of them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from functions.upload import rendition_key
from happypath.errors import ExpectedError
from happypath.operations import express
from happypath.operations.masking import masked
from happypath.project import WORKFLOWS

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import ExecutionListItemTypeDef, HistoryEventTypeDef

TERMINAL = frozenset({"PROCESSED", "REJECTED", "FAILED", "DELETED"})
_DESERIALIZER = TypeDeserializer()
_MAKING = threading.Lock()


# The most that GetExecutionHistory gives at once.
_EVENTS_A_PAGE = 1000

# The stack is there, and nothing is in it: its change set was never executed, or all was rolled back.
_EMPTY = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"})
# It failed, and CloudFormation only deletes it.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
_FAILED = frozenset({"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})


class NotDeployedError(ExpectedError):
    """The stack that is asked for does not exist in this account and region, or nothing came of it."""


@dataclass(frozen=True)
class Step:
    """One state of an execution: its name, when it was entered, and how long it took (None: still in it)."""

    state: str
    entered: datetime
    seconds: float | None


@dataclass(frozen=True)
class Execution:
    """What became of an execution: its status in Step Functions' words, and with which error it ended."""

    status: str
    error: str | None = None
    cause: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it is over, however it ended."""
        return self.status != "RUNNING"

    def __str__(self) -> str:
        """
        >>> str(Execution("FAILED", "States.Runtime", "no such path"))
        'FAILED (States.Runtime: no such path)'
        """
        why = ": ".join(filter(None, (self.error, self.cause)))
        return f"{self.status} ({why})" if why else self.status

    def as_json(self) -> dict[str, str | None]:
        """The execution in the output of `--json`."""
        return {"status": self.status, "error": self.error, "cause": self.cause}


class Installation:
    """The stacks of one prefix. `client` makes boto3 clients of the account."""

    def __init__(self, client: Callable[[str], Any], prefix: str) -> None:
        self.prefix = prefix
        self._make_client = client
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The account's client of a service, made once; threads may share it."""
        if service not in self._clients:
            # A session makes one client at a time: boto3's are not thread-safe.
            with _MAKING:
                if service not in self._clients:
                    self._clients[service] = self._make_client(service)
        return self._clients[service]

    @cached_property
    def core(self) -> dict[str, str]:
        """The outputs of the core stack, by name.

        Raises:
            NotDeployedError: there is no core stack, or it was never made whole.
        """
        stack = self.stack("core")
        if stack is None:
            raise NotDeployedError(
                f"There is no stack {self.prefix}-core in this account and region: deploy it, name another "
                "with --prefix, or set AWS_ENDPOINT_URL to a sandbox (happypath up)."
            )
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        if not outputs:
            status = stack["StackStatus"]
            then = (
                "remove it with `happypath destroy core`, then deploy it again."
                if status in _FAILED
                else "`happypath deploy core`, or remove it with `happypath destroy core`."
            )
            raise NotDeployedError(f"The stack {self.prefix}-core was never made whole ({status}): {then}")
        return outputs

    def stack(self, name: str) -> dict[str, Any] | None:
        """`core` or a workflow's stack as CloudFormation describes it; None if there is none."""
        try:
            stacks = self.client("cloudformation").describe_stacks(StackName=f"{self.prefix}-{name}")[
                "Stacks"
            ]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            return None
        return stacks[0] if stacks else None

    def has_failed(self, name: str) -> str | None:
        """The status of a stack that can only be removed; None for any other."""
        stack = self.stack(name)
        return stack["StackStatus"] if stack is not None and stack["StackStatus"] in _FAILED else None

    def is_deployed(self, name: str) -> bool:
        """Whether there is a stack with something in it, `core` or a workflow's."""
        stack = self.stack(name)
        return stack is not None and stack["StackStatus"] not in _EMPTY

    def owner(self, stack: Mapping[str, Any]) -> str | None:
        """The prefix of the installation that a stack is of; None for a stack that names none.

        Its name does not tell: `team-b-v4` may be v4 of `team-b`, or b-v4 of `team`.
        """
        parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
        return parameters.get("Prefix")

    def functions(self, stack: str) -> list[str]:
        """The names of the functions in `core`'s or a workflow's stack; none if there is no such stack."""
        cloudformation = self.client("cloudformation")
        pages = cloudformation.get_paginator("list_stack_resources").paginate(
            StackName=f"{self.prefix}-{stack}"
        )
        try:
            return [
                each["PhysicalResourceId"]
                for page in pages
                for each in page["StackResourceSummaries"]
                if each.get("ResourceType") == "AWS::Lambda::Function"
            ]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            return []

    def put_place(self, place_id: str, place_type: str, name: str) -> None:
        """Writes a place's listing."""
        self.client("dynamodb").put_item(
            TableName=self.core["Table"],
            Item={
                "PK": {"S": place_id},
                "SK": {"S": "listing"},
                "type": {"S": place_type},
                "name": {"S": name},
            },
        )

    def set_live(self, workflows: str) -> None:
        """Makes new uploads go to `workflows`: `v4`, `v3=90 v4=10`, or `none`."""
        self.client("ssm").put_parameter(
            Name=self.core["LiveParameter"], Value=workflows, Type="String", Overwrite=True
        )

    def upload(self, body: bytes | BinaryIO, key: str) -> None:
        """Puts a photo into the upload bucket. Its workflow starts by itself."""
        self.client("s3").put_object(Bucket=self.core["UploadBucket"], Key=key, Body=body)

    def upload_again(self, key: str) -> None:
        """Copies a photo onto itself, which is a new version of it, and a new upload."""
        bucket = self.core["UploadBucket"]
        # S3 refuses a copy onto itself that changes nothing.
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
        self.client("s3").copy_object(
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": bucket, "Key": key},
            MetadataDirective="REPLACE",
        )

    def record(self, key: str) -> dict[str, Any] | None:
        """The workflow record of an object, as plain values with `detail` parsed; None if there is none."""
        item = self._item("workflow", key)
        if item and isinstance(item.get("detail"), str):
            item["detail"] = json.loads(item["detail"])
        return item

    def photo(self, place_id: str, upload_id: str) -> dict[str, Any] | None:
        """The published photo of an upload, or None."""
        return self._item(place_id, upload_id)

    def shown(self, record: Mapping[str, Any]) -> dict[str, Any] | None:
        """The item that shows what is published of an upload; None if there is none, or it shows another."""
        if "placeId" not in record:
            return None
        # Records that are older than the attribute have the item of their own id.
        item = self.photo(record["placeId"], record.get("item") or record["uploadId"])
        return item if item is not None and item.get("key", record["key"]) == record["key"] else None

    def outputs(self, record: Mapping[str, Any]) -> dict[str, bytes]:
        """The published renditions of an upload, by their keys; none where its workflow publishes none."""
        s3, bucket = self.client("s3"), self.core["DistributionBucket"]
        return {
            key: s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            for key in renditions(record, self.shown(record)).values()
        }

    def history(self, execution_arn: str, begun: datetime | None = None) -> list[HistoryEventTypeDef]:
        """All events of an execution, oldest first, without tokens. Those of Express ones are in their log.

        `begun` says about when it began, if known: an Express execution is else looked for in the last day.

        Raises:
            NoExecutionError: it is of an Express workflow that logs nothing.
        """
        if express.is_of_express(self, execution_arn):
            return express.history(self, execution_arn, begun)
        paginator = self.client("stepfunctions").get_paginator("get_execution_history")
        pages = paginator.paginate(executionArn=execution_arn, maxResults=_EVENTS_A_PAGE)
        return [masked(event) for page in pages for event in page["events"]]

    def steps(self, execution_arn: str, begun: datetime | None = None) -> list[Step]:
        """The states that an execution went through, in order; `begun` as for `history`."""
        return steps(self.history(execution_arn, begun))

    def execution(self, execution_arn: str, begun: datetime | None = None) -> Execution | None:
        """What became of an execution; None if there is none of that ARN, or none any longer.

        `begun` as for `history`.
        """
        if express.is_of_express(self, execution_arn):
            events = express.history(self, execution_arn, begun)
            said = express.details(events[-1]) if events else {}
            return (
                Execution(express.status_of(events), said.get("error"), said.get("cause")) if events else None
            )
        stepfunctions = self.client("stepfunctions")
        try:
            found = stepfunctions.describe_execution(executionArn=execution_arn)
        except stepfunctions.exceptions.ExecutionDoesNotExist:
            return None
        return Execution(found["status"], found.get("error"), found.get("cause"))

    def execution_ended(self, execution_arn: str, begun: datetime | None = None) -> bool:
        """Whether an execution has been started and is over; `begun` as for `history`."""
        execution = self.execution(execution_arn, begun)
        return execution is not None and execution.has_ended

    @cached_property
    def _types(self) -> dict[str, bool]:
        """Which state machines are Express workflows, as far as that was asked."""
        return {}

    def is_express(self, machine_arn: str) -> bool:
        """Whether a state machine is an Express workflow, which it is for good; no if there is none."""
        if machine_arn not in self._types:
            stepfunctions = self.client("stepfunctions")
            gone = stepfunctions.exceptions
            try:
                found = stepfunctions.describe_state_machine(stateMachineArn=machine_arn)
            except (gone.StateMachineDoesNotExist, gone.InvalidArn):
                return False
            self._types[machine_arn] = found.get("type") == "EXPRESS"
        return self._types[machine_arn]

    def deletions(self) -> str:
        """The ARN of the state machine of deletions, whether it is deployed or not."""
        # A queue's URL names neither region nor account on every endpoint; the topic of alarms is an ARN.
        region, account = self.core["AlarmTopic"].split(":")[3:5]
        partition = self.core["AlarmTopic"].split(":")[1]
        return f"arn:{partition}:states:{region}:{account}:stateMachine:{self.prefix}-deletion"

    def state_machines(self) -> dict[str, str]:
        """The ARNs of the installed workflows' state machines, by workflow."""
        pages = self.client("stepfunctions").get_paginator("list_state_machines").paginate()
        there = {
            machine["name"]: machine["stateMachineArn"] for page in pages for machine in page["stateMachines"]
        }
        return {
            each: there[name]
            for each in WORKFLOWS
            if (name := f"{self.prefix}-{each}") in there and self._is_own(each)
        }

    def _is_own(self, workflow: str) -> bool:
        """Whether a workflow's stack is this installation's: only a name with a hyphen leaves that open."""
        if "-" not in workflow:
            return True
        stack = self.stack(workflow)
        return stack is not None and self.owner(stack) == self.prefix

    def executions(self, workflow: str | None, status: str | None) -> Iterator[ExecutionListItemTypeDef]:
        """Executions of the installed workflows, newest first within each.

        Those of an Express workflow are those of the last day, as its log has them.
        """
        for name, arn in self.state_machines().items():
            if workflow and name != workflow:
                continue
            if self.is_express(arn):
                yield from (each for each in express.listed(self, arn) if status in {None, each["status"]})
                continue
            arguments = {"stateMachineArn": arn}
            if status:
                arguments["statusFilter"] = status
            pages = self.client("stepfunctions").get_paginator("list_executions").paginate(**arguments)
            for page in pages:
                yield from page["executions"]

    def _item(self, partition_key: str, sort_key: str) -> dict[str, Any] | None:
        response = self.client("dynamodb").get_item(
            TableName=self.core["Table"],
            Key={"PK": {"S": partition_key}, "SK": {"S": sort_key}},
            ConsistentRead=True,
        )
        if "Item" not in response:
            return None
        item = {name: _plain(value) for name, value in response["Item"].items()}
        if item.pop("PK") == "workflow":
            # A key that names no upload has no place either.
            item["uploadId"] = sort_key.removeprefix(f"{item['placeId']}/" if "placeId" in item else "")
        item.pop("SK")
        return item


def claimed_at(record: Mapping[str, Any] | None) -> datetime | None:
    """When an upload was claimed, which is about when its execution began; None if that is not known."""
    try:
        return datetime.fromisoformat((record or {})["receivedAt"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return None


def renditions(record: Mapping[str, Any], item: Mapping[str, Any] | None) -> dict[str, str]:
    """The keys of an upload's published renditions by their names, from its record and what shows them."""
    if record.get("objStatus") != "PROCESSED":
        return {}
    if "renditions" in record:
        return dict(record["renditions"])
    # The record is older than the attribute.
    names = (name.removesuffix("URL") for name in item or {} if name.endswith("URL"))
    return {name: rendition_key(record["key"], name) for name in names}


def steps(history: list[HistoryEventTypeDef]) -> list[Step]:
    """The states of an execution from its history; what runs within a Parallel or Map state is part of that.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
    """
    found: list[Step] = []
    # By an event's id, how deep it is within such states, and whether one begins with it. What runs at once
    # is in no order, and a branch that is stopped may be told of late: each event says which is before it.
    depths: dict[int, tuple[int, bool]] = {}
    outside: dict[str, int] = {}
    for number, event in enumerate(history, 1):
        kind = event["type"]
        depth, begins = depths.get(event.get("previousEventId", number - 1), (0, False))
        depth += begins - bool(re.fullmatch(r"(Parallel|Map)State(Succeeded|Failed|Aborted)", kind))
        if kind in {"ParallelStateEntered", "MapStateEntered"}:
            outside[event["stateEnteredEventDetails"]["name"]] = depth
        elif kind in {"ParallelStateExited", "MapStateExited"}:
            depth = outside.get(event["stateExitedEventDetails"]["name"], depth)
        depths[event.get("id", number)] = depth, kind in {"ParallelStateStarted", "MapStateStarted"}
        if depth > 0:
            continue
        if "stateEnteredEventDetails" in event:
            found.append(Step(event["stateEnteredEventDetails"]["name"], event["timestamp"], None))
        elif found and found[-1].seconds is None and _leaves(event["type"]):
            last = found[-1]
            found[-1] = Step(last.state, last.entered, (event["timestamp"] - last.entered).total_seconds())
    return found


def _leaves(event_type: str) -> bool:
    return event_type.endswith("StateExited") or event_type.startswith(
        ("ExecutionFailed", "ExecutionAborted")
    )


def _plain(attribute: Any) -> Any:
    """A DynamoDB attribute → a plain value; the table's numbers are all whole."""
    value = _DESERIALIZER.deserialize(attribute)
    return int(value) if isinstance(value, Decimal) else value
