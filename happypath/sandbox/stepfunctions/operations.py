"""The operations of Step Functions' API that moto lacks, or answers otherwise than AWS.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_Operations.html
Requests and answers are as botocore has them: texts of JSON are texts, times are datetimes.
"""

from __future__ import annotations

import math
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from happypath.sandbox.stepfunctions import redrive, state_machines, tasks
from happypath.sandbox.stepfunctions.constraints import (
    check_alias_name,
    check_arn,
    check_name,
    execution_input,
)
from happypath.sandbox.stepfunctions.errors import (
    StatesError,
    invalid_arn,
    no_execution,
    no_resource,
    not_for_type,
)
from happypath.sandbox.stepfunctions.executions import EXPRESS, StatesExecution
from happypath.sandbox.stepfunctions.history import without_data
from happypath.sandbox.stepfunctions.pages import page
from happypath.sandbox.stepfunctions.validation import validate_state_machine_definition

Request: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = dict[str, Any]
# moto's backend of one account and region, the request → the answer.
Operation: TypeAlias = Callable[[Any, Request], Answer]

_INCLUDED = {"included": True}
# What an execution, or a stopped one, is billed by: https://aws.amazon.com/step-functions/pricing/.
_BILLED_MS, _BILLED_MB = 100, 64


def start(
    backend: Any,
    state_machine_arn: str,
    name: str | None = None,
    execution_input: str | None = None,
    trace_header: str | None = None,
) -> StatesExecution:
    """StartExecution, whoever calls it; the execution that runs already, if it is the same.

    Raises:
        StatesError: InvalidArn, InvalidName, InvalidExecutionInput, StateMachineDoesNotExist,
            ExecutionAlreadyExists.
    """
    execution, is_new = _execution(backend, state_machine_arn, name, execution_input, trace_header)
    if is_new:
        execution.start()
    return execution


def _execution(
    backend: Any, arn: str, name: str | None, given_input: str | None, trace_header: str | None
) -> tuple[StatesExecution, bool]:
    if name is not None:
        check_name(name)
    machine, alias_arn = state_machines.resolve(backend, arn)
    text = execution_input("{}" if given_input is None else given_input)
    name = name or str(uuid.uuid4())
    owner = _owner(backend, machine)
    with _one_of_a_name:
        there = _executions(owner).get(name)
        if there is not None:
            if there.exec_status == "RUNNING" and there.execution_input == text:
                return there, False
            raise StatesError("ExecutionAlreadyExists", f"Execution Already Exists: '{there.exec_arn}'")
        execution = _made(backend, machine, alias_arn, name, text, trace_header)
        execution.prepare()
        # Those of Express workflows can be neither found nor repeated.
        if not execution.is_express:
            _executions(owner)[name] = execution
            owner.executions.append(execution)
    return execution, True


_one_of_a_name = threading.Lock()


def _made(
    backend: Any, machine: Any, alias_arn: str | None, name: str, text: str, trace_header: str | None
) -> StatesExecution:
    owner = _owner(backend, machine)
    express = machine.type == EXPRESS
    kind = "express" if express else "execution"
    execution_arn = owner.arn.replace(":stateMachine:", f":{kind}:") + f":{name}"
    execution = StatesExecution(
        name=name,
        sm_type=machine.type,
        role_arn=machine.roleArn,
        exec_arn=f"{execution_arn}:{uuid.uuid4()}" if express else execution_arn,
        account_id=backend.account_id,
        region_name=backend.region_name,
        state_machine=state_machines.snapshot(machine),
        start_date=datetime.now(UTC),
        cloud_watch_logging_session=None,
        input_data=text,
        trace_header=trace_header,
        activity_store={},
        version_arn=machine.arn if machine is not owner else None,
        alias_arn=alias_arn,
    )
    execution.state_machine_arn = owner.arn
    return execution


def _owner(backend: Any, machine: Any) -> Any:
    source = getattr(machine, "source_arn", None)
    return state_machines.find(backend, source) if source else machine


def _executions(machine: Any) -> dict[str, StatesExecution]:
    by_name: dict[str, StatesExecution] = vars(machine).setdefault("executions_by_name", {})
    return by_name


def find(backend: Any, arn: str) -> StatesExecution:
    """An execution of a Standard workflow, by its ARN.

    Raises:
        StatesError: InvalidArn, ExecutionDoesNotExist.
    """
    check_arn(arn, "execution")
    owner, _, name = arn.rpartition(":")
    machine_name = owner.rpartition(":")[2]
    for machine in backend.state_machines:
        if machine.name == machine_name:
            found = _executions(machine).get(name)
            if found is not None and found.exec_arn == arn:
                return found
    raise no_execution(arn)


def start_sync_execution(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html."""
    machine, _ = state_machines.resolve(backend, request["stateMachineArn"])
    if machine.type != EXPRESS:
        raise not_for_type()
    execution, _ = _execution(
        backend,
        request["stateMachineArn"],
        request.get("name"),
        request.get("input"),
        request.get("traceHeader"),
    )
    execution.waited_for = True
    execution.start()
    execution.over.wait()
    ended: Any = execution.stop_date
    took_ms = (ended - execution.start_date).total_seconds() * 1000
    answer = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "startDate": execution.start_date,
        "stopDate": ended,
        "status": "FAILED" if execution.exec_status == "ABORTED" else execution.exec_status,
        "error": execution.error,
        "cause": execution.cause,
        "billingDetails": {
            "billedMemoryUsedInMB": _BILLED_MB,
            "billedDurationInMilliseconds": _billed_ms(took_ms),
        },
        "traceHeader": execution.trace_header,
    }
    if request.get("includedData") != "METADATA_ONLY":
        answer |= {
            "input": execution.execution_input,
            "inputDetails": _INCLUDED,
            "output": execution.output,
            "outputDetails": _INCLUDED,
        }
    return answer


def _billed_ms(took_ms: float) -> int:
    """What of an Express execution's duration is paid for: it is rounded up.

    >>> _billed_ms(0.0), _billed_ms(12.5), _billed_ms(100.0), _billed_ms(100.1)
    (100, 100, 100, 200)
    """
    return _BILLED_MS * max(1, math.ceil(took_ms / _BILLED_MS))


def describe_execution(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html."""
    execution = find(backend, request["executionArn"])
    redrivable, reason = redrive.status(execution)
    answer = {
        **_item(execution),
        "error": execution.error,
        "cause": execution.cause,
        "traceHeader": execution.trace_header,
        "redriveStatus": redrivable,
        "redriveStatusReason": reason,
    }
    if request.get("includedData") != "METADATA_ONLY":
        answer |= {"input": execution.execution_input, "inputDetails": _INCLUDED}
        if execution.output is not None:
            answer |= {"output": execution.output, "outputDetails": _INCLUDED}
    return answer


def _item(execution: StatesExecution) -> Answer:
    return {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine_arn,
        "stateMachineVersionArn": execution.version_arn,
        "stateMachineAliasArn": execution.alias_arn,
        "name": execution.name,
        "status": execution.exec_status,
        "startDate": execution.start_date,
        "stopDate": execution.stop_date,
        "redriveCount": execution.redrives,
        "redriveDate": execution.redrive_date,
    }


def list_executions(backend: Any, request: Request) -> Answer:
    """Newest first: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html."""
    arn = request.get("stateMachineArn")
    if bool(arn) == bool(request.get("mapRunArn")):
        raise StatesError("ValidationException", "Must specify exactly one of stateMachineArn or mapRunArn.")
    if not arn:
        _map_run(backend, request["mapRunArn"])
        raise NotImplementedError("The sandbox runs the items of a distributed Map in its own execution.")
    check_arn(arn, "stateMachine")
    machine, _ = state_machines.resolve(backend, arn)
    if machine.type == EXPRESS:
        raise not_for_type()
    owner = _owner(backend, machine)
    status, redriven = request.get("statusFilter"), request.get("redriveFilter")
    found = [
        each
        for each in reversed(list(_executions(owner).values()))
        if (arn == owner.arn or arn in {each.version_arn, each.alias_arn})
        and status in {None, each.exec_status}
        and redriven in {None, "REDRIVEN" if each.redrives else "NOT_REDRIVEN"}
    ]
    items, token = page(
        found, request.get("maxResults"), request.get("nextToken"), of=[arn, status, redriven]
    )
    return {"executions": [_item(each) for each in items], "nextToken": token}


def stop_execution(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html."""
    execution = find(backend, request["executionArn"])
    execution.stop(error=request.get("error"), cause=request.get("cause"))
    return {"stopDate": execution.stop_date or datetime.now(UTC)}


def redrive_execution(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_RedriveExecution.html."""
    return {
        "redriveDate": redrive.redrive(find(backend, request["executionArn"]), request.get("clientToken"))
    }


def get_execution_history(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html."""
    arn = request["executionArn"]
    execution = find(backend, arn)
    events = execution.history.get_event_history()
    backwards = bool(request.get("reverseOrder"))
    if backwards:
        events.reverse()
    items, token = page(events, request.get("maxResults"), request.get("nextToken"), of=[arn, backwards])
    if request.get("includeExecutionData") is False:
        items = [without_data(each) for each in items]
    return {"events": items, "nextToken": token}


def describe_state_machine_for_execution(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachineForExecution.html."""
    execution = find(backend, request["executionArn"])
    machine: Any = execution.state_machine
    return {
        "stateMachineArn": execution.state_machine_arn,
        "name": machine.name,
        "definition": machine.definition,
        "roleArn": machine.roleArn,
        "updateDate": machine.update_date,
        "loggingConfiguration": machine.loggingConfiguration,
        "tracingConfiguration": machine.tracingConfiguration,
        "encryptionConfiguration": machine.encryptionConfiguration,
        "revisionId": state_machines.revision_of(machine),
    }


def create_state_machine(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html."""
    check_name(request["name"])
    machine, version = state_machines.create(backend, request)
    return {
        "stateMachineArn": machine.arn,
        "creationDate": machine.creation_date,
        "stateMachineVersionArn": version and version.arn,
    }


def update_state_machine(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachine.html."""
    machine, version = state_machines.update(backend, request)
    return {
        "updateDate": machine.update_date,
        "revisionId": state_machines.revision_of(machine),
        "stateMachineVersionArn": version and version.arn,
    }


def describe_state_machine(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachine.html."""
    machine, _ = state_machines.resolve(backend, request["stateMachineArn"])
    answer = {
        "stateMachineArn": machine.arn,
        "name": machine.name,
        "status": "ACTIVE",
        "type": machine.type,
        "creationDate": machine.creation_date,
        "roleArn": machine.roleArn,
        "loggingConfiguration": machine.loggingConfiguration,
        "tracingConfiguration": machine.tracingConfiguration,
        "encryptionConfiguration": machine.encryptionConfiguration,
        "revisionId": state_machines.revision_of(machine),
        "description": machine.description,
    }
    if request.get("includedData") != "METADATA_ONLY":
        answer["definition"] = machine.definition
    return answer


def delete_state_machine(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteStateMachine.html."""
    check_arn(request["stateMachineArn"], "stateMachine")
    backend.delete_state_machine(request["stateMachineArn"])
    return {}


def publish_state_machine_version(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_PublishStateMachineVersion.html."""
    machine = state_machines.unversioned(backend, request["stateMachineArn"])
    current, wanted = state_machines.revision_of(machine), request.get("revisionId")
    if wanted is not None and wanted != current:
        raise StatesError(
            "ConflictException",
            f"Failed to publish the State Machine version for revision {wanted}. "
            f"The current State Machine revision is {current}.",
        )
    version = state_machines.publish(machine, request.get("description"))
    return {"stateMachineVersionArn": version.arn, "creationDate": version.creation_date}


def list_state_machine_versions(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListStateMachineVersions.html."""
    arn = request["stateMachineArn"]
    versions = state_machines.unversioned(backend, arn).versions.values()
    newest_first = sorted(versions, key=lambda each: -each.version)
    items, token = page(newest_first, request.get("maxResults"), request.get("nextToken"), of=[arn])
    described = [{"stateMachineVersionArn": each.arn, "creationDate": each.creation_date} for each in items]
    return {"stateMachineVersions": described, "nextToken": token}


def delete_state_machine_version(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteStateMachineVersion.html."""
    arn = request["stateMachineVersionArn"]
    check_arn(arn, "stateMachine")
    owner, _, number = arn.rpartition(":")
    if not number.isdigit():
        raise invalid_arn(f"Invalid ARN: {arn}")
    for machine in backend.state_machines:
        if machine.arn == owner:
            aliases = [
                name
                for name, alias in machine.aliases.items()
                if any(each["stateMachineVersionArn"] == arn for each in alias.routing_configuration)
            ]
            if aliases:
                raise StatesError(
                    "ConflictException",
                    "Version to be deleted must not be referenced by an alias. "
                    f"Current list of aliases referencing this version: [{', '.join(aliases)}]",
                )
            machine.versions.pop(int(number), None)
    return {}


def create_state_machine_alias(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachineAlias.html."""
    check_alias_name(request["name"])
    routes = _routes(backend, request["routingConfiguration"])
    machine = _owner(backend, state_machines.find(backend, routes[0]["stateMachineVersionArn"]))
    there = machine.aliases.get(request["name"])
    if there is not None:
        same = there.routing_configuration == routes and there.description == request.get("description")
        if not same:
            raise StatesError(
                "ConflictException",
                "Failed to create alias because an alias with the same name and a different routing "
                "configuration already exists.",
            )
        return {"stateMachineAliasArn": there.arn, "creationDate": there.creation_date}
    alias = backend.create_state_machine_alias(request["name"], routes, request.get("description"))
    return {"stateMachineAliasArn": alias.arn, "creationDate": alias.creation_date}


def update_state_machine_alias(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachineAlias.html."""
    routes = request.get("routingConfiguration")
    if routes is None and request.get("description") is None:
        raise StatesError(
            "ValidationException", "Either the description or the RoutingConfiguration must be specified"
        )
    alias = _alias(backend, request["stateMachineAliasArn"])
    if alias is None:
        raise StatesError("ResourceNotFound", "Request references a resource that does not exist.")
    alias.update(
        routing_configuration=routes and _routes(backend, routes), description=request.get("description")
    )
    return {"updateDate": alias.update_date}


def describe_state_machine_alias(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachineAlias.html."""
    alias = _alias(backend, request["stateMachineAliasArn"])
    if alias is None:
        raise StatesError("ResourceNotFound", "Request references a resource that does not exist.")
    return {
        "stateMachineAliasArn": alias.arn,
        "name": alias.name,
        "description": alias.description,
        "routingConfiguration": alias.routing_configuration,
        "creationDate": alias.creation_date,
        "updateDate": alias.update_date,
    }


def delete_state_machine_alias(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteStateMachineAlias.html."""
    alias = _alias(backend, request["stateMachineAliasArn"])
    if alias is not None:
        state_machines.find(backend, alias.statemachine_arn).aliases.pop(alias.name)
    return {}


def list_state_machine_aliases(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListStateMachineAliases.html."""
    arn = request["stateMachineArn"]
    aliases = list(_owner(backend, state_machines.find(backend, arn)).aliases.values())
    items, token = page(aliases, request.get("maxResults"), request.get("nextToken"), of=[arn])
    described = [{"stateMachineAliasArn": each.arn, "creationDate": each.creation_date} for each in items]
    return {"stateMachineAliases": described, "nextToken": token}


def _alias(backend: Any, arn: str) -> Any:
    check_arn(arn, "stateMachine")
    owner, _, name = arn.rpartition(":")
    machine = next((each for each in backend.state_machines if each.arn == owner), None)
    return machine and machine.aliases.get(name)


def _routes(backend: Any, routes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(routes) not in {1, 2}:
        raise StatesError("ValidationException", "Routing configuration must contain 1 or 2 versions.")
    if sum(each["weight"] for each in routes) != 100:  # per cent
        raise StatesError("ValidationException", "Sum of routing configuration weights must equal 100")
    owners = {each["stateMachineVersionArn"].rpartition(":")[0] for each in routes}
    arns = {each["stateMachineVersionArn"] for each in routes}
    if len(owners) > 1 or len(arns) < len(routes):
        raise StatesError(
            "ValidationException", "Routing configuration must name versions of one state machine, each once."
        )
    for each in routes:
        if not hasattr(state_machines.find(backend, each["stateMachineVersionArn"]), "source_arn"):
            raise invalid_arn(f"Invalid ARN: {each['stateMachineVersionArn']}")
    return routes


def tag_resource(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_TagResource.html."""
    arn = _taggable(backend, request["resourceArn"])
    tags = {each["key"]: each["value"] for each in request["tags"]}
    if len({*backend.tagger.get_tag_dict_for_resource(arn), *tags}) > _MOST_TAGS:
        raise StatesError("TooManyTags", f"'{arn}' cannot have more than {_MOST_TAGS} tags")
    backend.tag_resource(arn, tags)
    return {}


_MOST_TAGS = 50


def untag_resource(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_UntagResource.html."""
    backend.untag_resource(_taggable(backend, request["resourceArn"]), request["tagKeys"])
    return {}


def list_tags_for_resource(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListTagsForResource.html."""
    arn = _taggable(backend, request["resourceArn"])
    tags = backend.tagger.get_tag_dict_for_resource(arn)
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


def _taggable(backend: Any, arn: str) -> str:
    """State machines and activities have tags; versions and executions have not."""
    check_arn(arn, "stateMachine", "activity")
    if arn not in backend.activities and all(each.arn != arn for each in backend.state_machines):
        raise no_resource(arn)
    return arn


def start_execution(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html."""
    # By way of moto's backend, which tests may have in hand.
    execution = backend.start_execution(
        request["stateMachineArn"],
        request.get("name"),
        request.get("input"),
        trace_header=request.get("traceHeader"),
    )
    return {"executionArn": execution.exec_arn, "startDate": execution.start_date}


def describe_map_run(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeMapRun.html."""
    described: Answer = _map_run(backend, request["mapRunArn"]).describe()
    return described


def update_map_run(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateMapRun.html."""
    _map_run(backend, request["mapRunArn"]).update(
        max_concurrency=request.get("maxConcurrency"),
        tolerated_failure_count=request.get("toleratedFailureCount"),
        tolerated_failure_percentage=request.get("toleratedFailurePercentage"),
    )
    return {}


def list_map_runs(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListMapRuns.html."""
    arn = request["executionArn"]
    runs = find(backend, arn).env.map_run_record_pool_manager.get_all()
    items, token = page(list(runs), request.get("maxResults"), request.get("nextToken"), of=[arn])
    return {"mapRuns": [each.list_item() for each in items], "nextToken": token}


def _map_run(backend: Any, arn: str) -> Any:
    check_arn(arn, "mapRun")
    for machine in backend.state_machines:
        for execution in _executions(machine).values():
            found = execution.env.map_run_record_pool_manager.get(arn)
            if found is not None:
                return found
    raise no_resource(arn)


def create_activity(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateActivity.html."""
    name = request["name"]
    check_name(name)
    region, account = backend.region_name, backend.account_id
    arn = f"arn:{backend.partition}:states:{region}:{account}:activity:{name}"
    activity = backend.activities.get(arn) or backend.create_activity(
        name, request.get("tags"), request.get("encryptionConfiguration")
    )
    return {"activityArn": activity.arn, "creationDate": activity.creation_date}


def describe_activity(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeActivity.html."""
    arn = request["activityArn"]
    check_arn(arn, "activity")
    activity = backend.activities.get(arn)
    if activity is None:
        raise tasks.no_activity(arn)
    return {
        "activityArn": arn,
        "name": activity.name,
        "creationDate": activity.creation_date,
        "encryptionConfiguration": activity.encryption_configuration or {"type": "AWS_OWNED_KEY"},
    }


def get_activity_task(backend: Any, request: Request) -> Answer:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetActivityTask.html."""
    check_arn(request["activityArn"], "activity")
    return tasks.next_task(backend, request["activityArn"], request.get("workerName"))


OPERATIONS: Mapping[str, Operation] = {
    "CreateActivity": create_activity,
    "DescribeActivity": describe_activity,
    "DescribeMapRun": describe_map_run,
    "ListMapRuns": list_map_runs,
    "UpdateMapRun": update_map_run,
    "GetActivityTask": get_activity_task,
    "SendTaskFailure": tasks.fail,
    "SendTaskHeartbeat": tasks.beat,
    "SendTaskSuccess": tasks.succeed,
    "CreateStateMachine": create_state_machine,
    "CreateStateMachineAlias": create_state_machine_alias,
    "DeleteStateMachine": delete_state_machine,
    "DeleteStateMachineAlias": delete_state_machine_alias,
    "DeleteStateMachineVersion": delete_state_machine_version,
    "DescribeExecution": describe_execution,
    "DescribeStateMachine": describe_state_machine,
    "DescribeStateMachineAlias": describe_state_machine_alias,
    "DescribeStateMachineForExecution": describe_state_machine_for_execution,
    "GetExecutionHistory": get_execution_history,
    "ListExecutions": list_executions,
    "ListStateMachineAliases": list_state_machine_aliases,
    "ListStateMachineVersions": list_state_machine_versions,
    "ListTagsForResource": list_tags_for_resource,
    "PublishStateMachineVersion": publish_state_machine_version,
    "RedriveExecution": redrive_execution,
    "StartExecution": start_execution,
    "StartSyncExecution": start_sync_execution,
    "StopExecution": stop_execution,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "UpdateStateMachine": update_state_machine,
    "UpdateStateMachineAlias": update_state_machine_alias,
    "ValidateStateMachineDefinition": validate_state_machine_definition,
}
