"""`happypath cost`: the monthly bill of a workflow, from its state machine, its template and measured usage.

Which states a photo goes through is read from `statemachines/`, which function a state calls and how much
memory that has from `templates/`, how long it takes and what it calls from `usage.json`, and what that costs
from `prices.json`.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from math import ceil
from pathlib import Path
from typing import Any, TypeAlias

from happypath.operations.film import FIND, ONE_MINUTE, Film
from happypath.operations.usage import FunctionUsage, Usage
from happypath.project import TEMPLATES, WORKFLOWS, functions_of, template_of

PRICES = Path(__file__).with_name("prices.json")

# 30.4 days.
_SECONDS_A_MONTH = 365 * 24 * 3600 / 12
# Lambda polls a queue of an idle function with five connections, for 20 s each time.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
_POLLERS, _POLL_S = 5, 20
# A message is sent, received and deleted; the latter two may be for ten, and are each for one where few come.
_SQS_REQUESTS = 3
# Of the table's index: an entry when an upload is claimed, which its outcome removes and makes anew.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations
_INDEX_WRITES = 3
# Write units of an item of less than 1 KB; and what is read at once is less than 4 KB.
_WRITES = {"PutItem": 1, "UpdateItem": 1, "DeleteItem": 1, "BatchWriteItem": 1, "TransactWriteItems": 2}
# Operations of S3 at the lower price.
_READ_ONLY = ("Get", "Head")
_GB = 1024**3
# What only those that are uploaded cost, or an installation costs whatever is in it.
_OF_UPLOADING = {"s3Put", "s3GbMonth", "sqsRequest", "event", "customMetric", "alarmMetric", "kmsKey"}
# What starts every workflow, in core.
_STARTING = "StartExecution"
# What a stack exports the state machine of a workflow as, for others that start it.
_OF_WORKFLOW = re.compile(r"\$\{Prefix\}-([\w-]+)-StateMachine\b")
# What Lambda gives a function that asks for none.
_MEMORY_MB = 128
# What an Express execution is billed by: its time in steps of so much, and its memory, which is 50 MB, the
# definition and the data, in steps of so much. Ours come to one.
# https://aws.amazon.com/step-functions/pricing/
_EXPRESS_STEP_MS, _EXPRESS_MB = 100, 64

State: TypeAlias = dict[str, Any]
Path_: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Price:
    """What one unit costs in a month, in US dollars: each price up to so many units, or for all the rest."""

    tiers: tuple[tuple[float | None, float], ...]
    free: float

    def of(self, quantity: float, *, free_tier: bool) -> float:
        """What a quantity costs.

        >>> Price(((10.0, 2.0), (None, 1.0)), free=1.0).of(13.0, free_tier=True)
        22.0
        """
        left, amount, below = max(0.0, quantity - (self.free if free_tier else 0.0)), 0.0, 0.0
        for up_to, price in self.tiers:
            here = left if up_to is None else min(left, up_to - below)
            amount, left, below = amount + here * price, left - here, up_to or below
        return amount


@dataclass(frozen=True)
class Prices:
    """The data file's contents."""

    region: str
    date: str
    about: str
    by_name: Mapping[str, Price]
    # Rekognition's operations → the price of each.
    rekognition: Mapping[str, str]


def prices(path: Path = PRICES) -> Prices:
    """Reads the data file."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return Prices(
        region=data["region"],
        date=data["date"],
        about=data["about"],
        by_name={
            name: Price(tuple((tier["upTo"], tier["price"]) for tier in each["tiers"]), each["free"])
            for name, each in data["prices"].items()
        },
        rekognition={
            operation: name
            for name, each in data["prices"].items()
            for operation in each.get("operations", [])
        },
    )


@dataclass(frozen=True)
class Line:
    """One line of the bill."""

    item: str
    quantity: float
    # Of which price.
    price: str
    amount: float

    def as_json(self) -> dict[str, Any]:
        """The line in `cost --json`."""
        return {
            "item": self.item,
            "quantity": round(self.quantity, 3),
            "price": self.price,
            "usd": round(self.amount, 4),
        }


@dataclass(frozen=True)
class Bill:
    """A month."""

    workflow: str
    uploads: int
    accepted: float
    lines: tuple[Line, ...]
    # What is assumed, in words.
    assumptions: tuple[str, ...]
    # Of an Express workflow, what it would cost in all as a Standard one.
    as_standard: float | None = None

    @property
    def total(self) -> float:
        """In US dollars."""
        return sum(line.amount for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        """As `cost --json` has it."""
        return {
            "workflow": self.workflow,
            "uploads": self.uploads,
            "accepted": self.accepted,
            "lines": [line.as_json() for line in self.lines],
            "usd": round(self.total, 4),
            "usdAsStandard": None if self.as_standard is None else round(self.as_standard, 4),
            "assumptions": list(self.assumptions),
        }


@dataclass(frozen=True)
class Workflow:
    """A state machine, and what of its template costs."""

    states: Mapping[str, State]
    # State → the function that it calls, without the installation's prefix.
    function_of: Mapping[str, str]
    # Of each function of core and of the workflow.
    handler: Mapping[str, str]
    memory_mb: Mapping[str, int]
    # The operations of Rekognition that each may ask.
    asks: Mapping[str, frozenset[str]]
    # Metrics that are looked at by alarms, of core and of the workflow.
    alarm_metrics: int
    keys: int
    # The ways of a photo that is accepted, and of one that is refused.
    accepted: tuple[Path_, ...]
    refused: tuple[Path_, ...]
    is_express: bool = False
    # State → the other workflow that it starts, whose bill that part is.
    starts: Mapping[str, str] = field(default_factory=dict)
    # States that a Map runs for each of its items.
    of_items: frozenset[str] = frozenset()
    # The template's parameters.
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def takes_films(self) -> bool:
        """Whether what an upload costs depends on how long it is."""
        return FIND in self.handlers

    def usage_with(self, film: Film, usage: Usage) -> Usage:
        """What was measured, and where it takes films what one of these uses."""
        if not self.takes_films:
            return usage
        functions = {**usage.functions, **film.usage(self.parameters)}
        return replace(
            usage, functions=functions, photo_bytes=film.size_bytes, rendition_bytes=film.size_bytes
        )

    @property
    def functions(self) -> frozenset[str]:
        """The functions that an upload's bill is about, without the installation's prefix."""
        return frozenset({_STARTING, *self.function_of.values()})

    @property
    def handlers(self) -> frozenset[str]:
        """The handlers of these functions."""
        return frozenset(self.handler[name] for name in self.functions)

    def usage_of(self, function: str, usage: Usage) -> FunctionUsage:
        """What a function uses; one that was not measured is reckoned with the most that another one takes.

        It is taken to read the photo once, and to ask each operation of Rekognition once that it may ask.
        """
        if self.handler[function] in usage.functions:
            return usage.functions[self.handler[function]]
        slowest = max(usage.functions.values(), key=lambda each: each.billed_ms)
        return replace(slowest, requests={"s3:GetObject": 1.0, **dict.fromkeys(self.asks[function], 1.0)})


def read(workflow: str) -> Workflow:
    """A workflow as its files say."""
    core, template = (template_of(stack) for stack in ("core", workflow))
    (machine,) = _of(template, "AWS::Serverless::StateMachine").values()
    text = (TEMPLATES / workflow / machine["DefinitionUri"]).read_text(encoding="utf-8")
    definition = json.loads(text)
    declared = functions_of(core) | functions_of(template)
    names = {
        name: properties["FunctionName"]["Fn::Sub"].removeprefix("${Prefix}-")
        for name, properties in declared.items()
    }
    substitutions = {
        f"${{{variable}}}": names[value["Fn::GetAtt"][0]]
        for variable, value in machine["DefinitionSubstitutions"].items()
        if isinstance(value, dict) and "Fn::GetAtt" in value and value["Fn::GetAtt"][0] in names
    }
    states = dict(_all_states(definition))
    started = {
        f"${{{variable}}}": found[1]
        for variable, value in machine["DefinitionSubstitutions"].items()
        if (found := _OF_WORKFLOW.search(str(value))) and found[1] in WORKFLOWS
    }
    ways = set(paths(definition))
    refusing = {name for name, state in states.items() if _writes_status(state) == "REJECTED"}
    return Workflow(
        states=states,
        function_of={
            name: substitutions[state["Parameters"]["FunctionName"]]
            for name, state in states.items()
            if "lambda:invoke" in state.get("Resource", "")
        },
        handler={names[name]: properties["Handler"] for name, properties in declared.items()},
        memory_mb={
            names[name]: int(properties.get("MemorySize", _MEMORY_MB))
            for name, properties in declared.items()
        },
        asks={
            names[name]: frozenset(
                action for action in _actions(properties) if action.startswith("rekognition:")
            )
            for name, properties in declared.items()
        },
        alarm_metrics=sum(_metrics(each) for stack in (core, template) for each in _alarms(stack)),
        keys=sum(len(_of(stack, "AWS::KMS::Key")) for stack in (core, template)),
        accepted=tuple(sorted(way for way in ways if not refusing & set(way))),
        refused=tuple(sorted(way for way in ways if refusing & set(way))),
        is_express=machine["Type"] == "EXPRESS",
        starts={
            name: started[arn]
            for name, state in states.items()
            if (arn := state.get("Parameters", {}).get("StateMachineArn")) in started
        },
        of_items=frozenset(
            name
            for state in states.values()
            if "ItemProcessor" in state
            for name, _ in _all_states(state["ItemProcessor"])
        ),
        parameters=template.get("Parameters", {}),
    )


def bill(
    workflow: str,
    uploads: int,
    accepted: float,
    usage: Usage,
    listed: Prices,
    *,
    free_tier: bool = True,
    film: Film = ONE_MINUTE,
    uploaded: bool = True,
) -> Bill:
    """What so many uploads cost in a month, of which a fraction `accepted` is not refused.

    Where they are films, each is as long and large as `film`. Those that are not `uploaded` lie in the bucket
    already: only what the workflow itself makes of them is in the bill.
    """
    machine = read(workflow)
    usage = machine.usage_with(film, usage)
    transitions, calls, direct = _per_upload(machine, accepted, film.pieces(machine.parameters))
    calls[_STARTING] = 1.0 * uploaded
    requests: dict[str, float] = defaultdict(float, direct)
    gb_seconds = log_bytes = 0.0
    for function, number in calls.items():
        used = machine.usage_of(function, usage)
        gb_seconds += number * used.billed_ms / 1000 * machine.memory_mb[function] / 1024
        log_bytes += number * used.log_bytes
        for called, times in used.requests.items():
            requests[called] += number * times

    metrics = {metric for each in machine.functions for metric in machine.usage_of(each, usage).metrics}

    def per_month(called: str) -> float:
        return uploads * requests.get(called, 0.0)

    def line(item: str, quantity: float, price: str) -> Line:
        return Line(item, quantity, price, listed.by_name[price].of(quantity, free_tier=free_tier))

    def s3(*, reading: bool) -> float:
        return uploads * sum(
            number
            for called, number in requests.items()
            if called.startswith("s3:")
            # To delete is free.
            and not called.startswith("s3:Delete")
            and called.partition(":")[2].startswith(_READ_ONLY) == reading
        )

    looked_at: dict[str, float] = defaultdict(float)
    for called, number in requests.items():
        if called.startswith("rekognition:"):
            looked_at[listed.rekognition[called.partition(":")[2]]] += number
    took_ms = sum(
        number * machine.usage_of(function, usage).billed_ms
        for function, number in calls.items()
        if function != _STARTING
    )
    express_gb_seconds = ceil(took_ms / _EXPRESS_STEP_MS) * _EXPRESS_STEP_MS / 1000 * _EXPRESS_MB / 1024

    def running(*, is_express: bool) -> Iterator[Line]:
        """What Step Functions costs, and all logs: those of Express executions are long."""
        if is_express:
            yield line("Step Functions: Express requests", uploads, "expressRequest")
            yield line("Step Functions: Express GB-seconds", uploads * express_gb_seconds, "expressGbSecond")
        else:
            yield line("Step Functions: state transitions", uploads * transitions, "stateTransition")
        of_states = transitions * usage.state_log_bytes if is_express else 0.0
        yield line("CloudWatch: GB of logs", uploads * (log_bytes + of_states) / _GB, "logsGb")

    *of_step_functions, logs = running(is_express=machine.is_express)
    a_second = uploads / _SECONDS_A_MONTH
    traces = _SECONDS_A_MONTH * (min(a_second, 1.0) + 0.05 * max(0.0, a_second - 1.0))
    writes = sum(per_month(f"dynamodb:{name}") * units for name, units in _WRITES.items()) + (
        uploads * _INDEX_WRITES * uploaded
    )
    polls = _POLLERS * _SECONDS_A_MONTH / _POLL_S
    lines = [
        *of_step_functions,
        line("Lambda: requests", uploads * sum(calls.values()), "lambdaRequest"),
        line("Lambda: GB-seconds, arm64", uploads * gb_seconds, "lambdaGbSecondArm"),
        *(
            line(f"Rekognition: images, {name[-6:-1].lower()} {name[-1]}", uploads * number, name)
            for name, number in sorted(looked_at.items())
        ),
        line("S3: PUT requests", uploads + s3(reading=False), "s3Put"),
        line("S3: GET requests", s3(reading=True), "s3Get"),
        line(
            "S3: GB-months of a month's photos",
            (uploads * usage.photo_bytes + per_month("s3:PutObject") * usage.rendition_bytes) / _GB,
            "s3GbMonth",
        ),
        line("DynamoDB: write units", writes, "dynamodbWriteUnit"),
        line(
            "DynamoDB: read units",
            sum(per_month(f"dynamodb:{name}") for name in ("GetItem", "Query")),
            "dynamodbReadUnit",
        ),
        line("SQS: requests", uploads * _SQS_REQUESTS + polls, "sqsRequest"),
        line("EventBridge: events of S3's and ours", uploads + per_month("events:PutEvents"), "event"),
        line("X-Ray: traces recorded", traces, "xrayTrace"),
        logs,
        line("CloudWatch: custom metrics", len(metrics), "customMetric"),
        line("CloudWatch: metrics with alarms", machine.alarm_metrics, "alarmMetric"),
        line("KMS: keys", machine.keys, "kmsKey"),
    ]
    lines = lines if uploaded else _without_uploading(lines)
    total = sum(each.amount for each in lines)
    as_it_is, as_standard = (
        sum(each.amount for each in running(is_express=each)) for each in (machine.is_express, False)
    )
    return Bill(
        workflow,
        uploads,
        accepted,
        tuple(lines),
        tuple(_assumptions(machine, usage, listed, film, uploaded=uploaded)),
        as_standard=total - as_it_is + as_standard if machine.is_express else None,
    )


def _without_uploading(lines: Iterable[Line]) -> list[Line]:
    return [each for each in lines if each.price not in _OF_UPLOADING]


def paths(definition: Mapping[str, Any]) -> Iterator[Path_]:
    """The ways through a definition that end without an error, each as the states that it goes through.

    A task's error leads on where it is caught by a name of our own (`CORRUPT_IMAGE`), which is a refusal; the
    names of AWS have a dot in them. Of a Parallel state's branches all are gone through.
    """
    states = definition["States"]

    def onward(name: str, before: Path_) -> Iterator[Path_]:
        if name in before:
            return
        state = states[name]
        here = (*before, name)
        if state["Type"] == "Fail" or _writes_status(state) == "FAILED":
            return
        if state["Type"] == "Choice":
            after = [rule["Next"] for rule in state["Choices"]] + [state.get("Default")]
            for each in dict.fromkeys(filter(None, after)):
                yield from onward(each, here)
            return
        for catcher in state.get("Catch", []):
            if not any("." in error for error in catcher["ErrorEquals"]):
                yield from onward(catcher["Next"], here)
        branches = [list(paths(branch)) for branch in _inner(state)]
        for chosen in product(*branches):
            inside = (*here, *(each for branch in chosen for each in branch))
            if "Next" in state:
                yield from onward(state["Next"], inside)
            else:
                yield inside

    yield from onward(definition["StartAt"], ())


def _per_upload(
    machine: Workflow, accepted: float, items: float
) -> tuple[float, dict[str, float], dict[str, float]]:
    """An upload's transitions, calls of functions, and calls that the state machine makes itself.

    Map states have so many `items`.
    """
    transitions = 0.0
    calls: dict[str, float] = defaultdict(float)
    direct: dict[str, float] = defaultdict(float)
    for of_all, share in ((machine.accepted, accepted), (machine.refused, 1.0 - accepted)):
        ways = [way for way in of_all if not machine.starts.keys() & set(way)]
        if not ways:
            continue
        for state in (state for way in ways for state in way):
            part = share / len(ways) * (items if state in machine.of_items else 1.0)
            transitions += part
            if state in machine.function_of:
                calls[machine.function_of[state]] += part
            elif machine.states[state]["Type"] == "Task":
                direct[_call(machine.states[state]["Resource"])] += part
    return transitions, calls, direct


def _call(resource: str) -> str:
    """The call that a service integration makes.

    >>> _call("arn:aws:states:::dynamodb:updateItem"), _call("arn:aws:states:::aws-sdk:s3:getObject")
    ('dynamodb:UpdateItem', 's3:GetObject')
    """
    service, _, action = resource.partition(":::")[2].removeprefix("aws-sdk:").partition(":")
    return f"{service}:{action[0].upper()}{action[1:].partition('.')[0]}"


def _assumptions(
    machine: Workflow, usage: Usage, listed: Prices, film: Film, *, uploaded: bool
) -> Iterator[str]:
    def span(ways: Iterable[Path_]) -> str:
        lengths = sorted({len(way) for way in ways})
        return f"{lengths[0]}" if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"

    yield f"Prices of {listed.region}, {listed.date} (happypath/operations/prices.json says where from)."
    yield f"Times, calls and sizes: {usage.about}."
    yield (
        f"An accepted photo goes through {span(machine.accepted)} states, a refused one through "
        f"{span(machine.refused)}; all ways of each are equally likely. Nothing fails or is tried again."
    )
    if machine.takes_films:
        yield (
            f"A film is {film}, and worked on in {film.pieces(machine.parameters)} pieces, each as the rules "
            "say; none is redacted twice. --minutes, --fps and --size say otherwise."
        )
    if machine.is_express:
        yield (
            f"An Express execution takes as long as its functions, in steps of {_EXPRESS_STEP_MS} ms, and "
            f"{_EXPRESS_MB} MB; all that it does is logged. A Standard one logs errors."
        )
    for function in sorted(set(machine.function_of.values())):
        if machine.handler[function] not in usage.functions:
            asked = ", ".join(sorted(machine.asks[function])) or "nothing"
            yield (
                f"{function} was not measured (python -m bench.usage does): it is reckoned as the slowest "
                f"function that was, and to ask {asked} of Rekognition."
            )
        calls = Counter(machine.function_of.values())[function]
        for called, times in machine.usage_of(function, usage).requests.items():
            # As a decider that reads words only where no label is missing. Branches that share one ask once.
            if called.startswith("rekognition:") and 0 < times < 1 / calls - 0.01:
                share = f"{times:.0%} of photos, as measured, whatever part is accepted"
                yield f"{function} calls {called} for {share}."
    yield from _of_other_machines(machine)
    if not uploaded:
        yield "They lie in the bucket already: what that costs, and the installation, is not in it."
        return
    yield "Uploads come evenly, one to an invocation of StartExecution, traced by X-Ray's default rule."
    yield "Photos are kept for a month; each month more costs as much again. What viewers fetch is not in it."


def _of_other_machines(machine: Workflow) -> Iterator[str]:
    for other in sorted(set(machine.starts.values())):
        yield f"None of them is one that the workflow {other} is started for: that has a bill of its own."
    if any(
        "startExecution" in state.get("Resource", "") and name not in machine.starts
        for name, state in machine.states.items()
    ):
        yield "What the state machine costs that a person is asked by (docs/review.md) is not in it."


def _of(template: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def _actions(properties: Mapping[str, Any]) -> Iterator[str]:
    """What a function's own policies allow it, as far as parameters do not decide it."""
    for policy in properties.get("Policies", []):
        for statement in policy.get("Statement", []):
            actions = statement.get("Action", [])
            yield from [actions] if isinstance(actions, str) else actions


def _all_states(definition: Mapping[str, Any]) -> Iterator[tuple[str, State]]:
    for name, state in definition["States"].items():
        yield name, state
        for branch in _inner(state):
            yield from _all_states(branch)


def _inner(state: State) -> list[State]:
    """The state machines within a state: a Parallel's branches, and what a Map does with each item."""
    return [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]


def _writes_status(state: Mapping[str, Any]) -> str | None:
    """The end that a state records itself: REJECTED, FAILED or PROCESSED; None of any other."""
    values = state.get("Parameters", {}).get("ExpressionAttributeValues", {})
    status: str | None = values.get(":status", {}).get("S")
    return status


def _alarms(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(_of(template, "AWS::CloudWatch::Alarm").values())


def _metrics(alarm: Mapping[str, Any]) -> int:
    """How many metrics an alarm looks at: one, or those that it adds up."""
    return sum("MetricStat" in each for each in alarm.get("Metrics", [])) or 1
