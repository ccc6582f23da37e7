"""`happypath cost`: what is on the bill, and that it follows from the files it is said to follow from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from happypath.operations import cost, images_cost
from happypath.operations.cost import PRICES, Bill, Price, Workflow, bill, paths, prices, read
from happypath.operations.film import FIND, Film
from happypath.operations.installation import Installation
from happypath.operations.usage import FunctionUsage, NotMeasuredError, Usage, load, times
from happypath.project import STACKS, TEMPLATES, WORKFLOWS, functions_of, template_of
from tests.cli.test_run import happypath
from tests.statemachines import definitions

PARK = (
    "Check Dimensions → Dimensions Result? → Get place type from DynamoDB → Place type? → Moderator → "
    "Moderation Result? → Resizer → Publish"
)
BUSINESS = PARK.replace("Moderator → Moderation Result?", "Get labels → Check for people")


def quantities(bill: Bill) -> dict[str, float]:
    return {line.price: line.quantity for line in bill.lines}


def by_hand(**functions: FunctionUsage) -> Usage:
    rooms = {"start_execution": "ingest", "resize": "publish", "publish": "publish"}
    handlers = {f"functions.{rooms[module]}.{module}.handler": each for module, each in functions.items()}
    return Usage("by hand", 1000.0, 500.0, handlers)


@pytest.mark.parametrize(
    ("quantity", "cost"), [(0, 0), (5, 0), (15, 20), (105, 200), (115, 210), (1105, 1200), (1205, 1250)]
)
def test_a_price_has_tiers_beyond_what_is_free(quantity: float, cost: float) -> None:
    price = Price(((100.0, 2.0), (1100.0, 1.0), (None, 0.5)), free=5.0)
    assert price.of(quantity, free_tier=True) == cost
    assert price.of(quantity, free_tier=False) == price.of(quantity + 5.0, free_tier=True)


def test_a_price_says_where_it_is_from_and_goes_on_for_ever() -> None:
    data = json.loads(PRICES.read_text(encoding="utf-8"))
    assert data["region"]
    assert data["date"]
    for price in data["prices"].values():
        assert price["source"].startswith("https://aws.amazon.com/")
        assert price["seen"]
        *bounds, last = [tier["upTo"] for tier in price["tiers"]]
        assert bounds == sorted(bounds)
        assert last is None


@pytest.mark.parametrize(
    ("workflow", "ways"),
    [
        ("v1", {"Resizer → Publish"}),
        ("v2", {"Moderator → Moderation Result? → Resizer → Publish"}),
        ("v4", {PARK, BUSINESS}),
        ("matcher", {"Decider → Match Result? → Match → Confirm match → Publish match → RecordMatchState"}),
    ],
)
def test_an_accepted_photo_goes_the_ways_of_the_design(workflow: str, ways: set[str]) -> None:
    # Types of business that somebody adds have ways of their own.
    assert {" → ".join(way) for way in read(workflow).accepted} >= ways


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_refused_photo_ends_where_refusals_are_recorded_and_errors_are_no_way(workflow: str) -> None:
    found = read(workflow)
    if not found.refused:
        pytest.skip("it refuses nothing")
    assert all("RecordFailState" in way for way in found.refused)
    # Whatever leads there, but for a catcher of AWS's errors.
    leading = {
        name
        for name, state in found.states.items()
        for each in (state, *state.get("Choices", []), {"Next": state.get("Default")})
        if each.get("Next") == "RecordFailState"
    }
    assert {way[way.index("RecordFailState") - 1] for way in found.refused} == leading
    assert not any("RecordErrorState" in way for way in (*found.accepted, *found.refused))


def test_all_branches_of_a_parallel_state_are_gone_through() -> None:
    def branch(name: str) -> dict[str, Any]:
        return {"StartAt": name, "States": {name: {"Type": "Pass", "End": True}}}

    both = {"Type": "Parallel", "Branches": [branch("one"), branch("two")], "Next": "after"}
    states = {"both": both, "after": {"Type": "Succeed"}}
    assert list(paths({"StartAt": "both", "States": states})) == [("both", "one", "two", "after")]


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_function_was_measured_and_every_way_has_its_price(workflow: str) -> None:
    found = bill(workflow, 1000, 0.5, load(), prices(), free_tier=False)
    assert found.total > 0
    assert all(line.amount > 0 for line in found.lines if line.quantity)
    assert set(read(workflow).function_of) == {
        name for name, task in definitions.tasks(workflow).items() if "lambda" in task["Resource"]
    }


def test_what_another_workflow_does_is_on_its_own_bill() -> None:
    found = bill("catalogue", 1000, 1.0, load(), prices(), free_tier=False)

    # Labels, lines and faces of each picture; none of them is a document.
    looked_at = sum(line.quantity for line in found.lines if line.price.startswith("rekognition"))
    assert looked_at == pytest.approx(3000)
    assert any("the workflow document is started for" in each for each in found.assumptions)


def test_a_film_costs_by_its_length() -> None:
    one, ten = (
        quantities(bill("redact-video", 100, 1.0, load(), prices(), film=Film(minutes)))
        for minutes in (1.0, 10.0)
    )

    # Six pieces of ten seconds, each picture on a sheet of its own: 100 before, and 30 after.
    assert one["rekognitionGroup2"] == 100 * 6 * 130
    assert ten["rekognitionGroup2"] == 10 * one["rekognitionGroup2"]
    # Eight states; two of them run one more for each piece.
    assert one["stateTransition"] == 100 * (6 + 2 * 6)
    assert ten["stateTransition"] == 100 * (6 + 2 * 60)


def test_small_pictures_of_a_film_share_a_question() -> None:
    parameters = read("redact-video").parameters
    small, large = (
        film.usage(parameters)[FIND].requests["rekognition:DetectFaces"]
        for film in (Film(width=320, height=180), Film(width=1920, height=1080))
    )

    assert small < large / 10


def test_a_month_of_v1_reckoned_by_hand() -> None:
    usage = by_hand(
        start_execution=FunctionUsage(
            100.0, {"dynamodb:PutItem": 1.0, "s3:HeadObject": 1.0}, 1000.0, ["Rejected"]
        ),
        resize=FunctionUsage(
            200.0, {"s3:GetObject": 1.0, "s3:PutObject": 2.0}, 1000.0, ["Bytes", "Rejected"]
        ),
        publish=FunctionUsage(50.0, {"dynamodb:TransactWriteItems": 2.0}, 1000.0, ["Processed"]),
    )
    found = quantities(bill("v1", 1_000_000, 1.0, usage, prices()))
    ways = read("v1")
    memory = ways.memory_mb

    assert found["stateTransition"] == 1_000_000 * len(ways.accepted[0])
    assert found["lambdaRequest"] == 3_000_000
    assert found["lambdaGbSecondArm"] == pytest.approx(
        1_000_000
        * (0.1 * memory["StartExecution"] + 0.2 * memory["v1-Resize"] + 0.05 * memory["v1-Publish"])
        / 1024
    )
    assert found["s3Put"] == 3_000_000  # the upload and both renditions
    assert found["s3Get"] == 2_000_000
    assert found["s3GbMonth"] == pytest.approx(1_000_000 * 2000 / 1024**3)
    # The claim, two items in one transaction, which counts twice, and three entries of the index.
    assert found["dynamodbWriteUnit"] == 8_000_000
    assert found["xrayTrace"] == pytest.approx(1_000_000)
    # Two functions count refusals in the same metric.
    assert found["customMetric"] == 3
    assert "rekognitionGroup2" not in found


def a_workflow() -> Workflow:
    """One that no file describes: a function looks, and the state machine asks, tells and records itself."""
    tasks = {
        "Look": "arn:aws:states:::lambda:invoke",
        "Ask": "arn:aws:states:::dynamodb:getItem",
        "Tell": "arn:aws:states:::events:putEvents",
        "Record": "arn:aws:states:::dynamodb:updateItem",
    }
    return Workflow(
        states={"Good?": {"Type": "Choice"}}
        | {name: {"Type": "Task", "Resource": resource} for name, resource in tasks.items()},
        function_of={"Look": "x-Look"},
        handler={"StartExecution": "functions.begin.handler", "x-Look": "functions.decide.look.handler"},
        asks={},
        memory_mb={"StartExecution": 512, "x-Look": 1024},
        alarm_metrics=9,
        keys=2,
        accepted=(("Look", "Good?", "Ask", "Tell", "Record"), ("Look", "Good?", "Tell")),
        refused=(("Look", "Good?", "Record"),),
    )


A_MIB = 1024 * 1024
ITS_USAGE = Usage(
    about="by hand",
    photo_bytes=4 * A_MIB,
    rendition_bytes=A_MIB / 2,
    functions={
        "functions.another.handler": FunctionUsage(1.0, {}, 0.0, ["another"]),
        "functions.begin.handler": FunctionUsage(
            100.0, {"dynamodb:PutItem": 1.0, "s3:HeadObject": 1.0}, A_MIB, list("abcd")
        ),
        "functions.decide.look.handler": FunctionUsage(
            200.0,
            {
                "dynamodb:DeleteItem": 1.0,
                "dynamodb:GetItem": 1.0,
                "dynamodb:TransactWriteItems": 2.0,
                "rekognition:DetectLabels": 1.0,
                "rekognition:IndexFaces": 0.5,
                "s3:GetObject": 2.0,
                "s3:PutObject": 4.0,
                "ssm:GetParameter": 1.0,
            },
            3 * A_MIB,
            list("defg"),
        ),
    },
)


def test_each_line_of_the_bill_reckoned_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "read", lambda _: a_workflow())
    # 800 uploads are accepted, half of them each way, and 200 refused.
    expected = {
        # 400 * 5 + 400 * 3 + 200 * 3
        "Step Functions: state transitions": (3_800, "stateTransition"),
        "Lambda: requests": (2_000, "lambdaRequest"),
        # 1,000 * (0.1 s * 0.5 GB + 0.2 s * 1 GB)
        "Lambda: GB-seconds, arm64": (250, "lambdaGbSecondArm"),
        "Rekognition: images, group 1": (500, "rekognitionGroup1"),
        "Rekognition: images, group 2": (1_000, "rekognitionGroup2"),
        # The photo, and four renditions.
        "S3: PUT requests": (5_000, "s3Put"),
        # HeadObject once, GetObject twice.
        "S3: GET requests": (3_000, "s3Get"),
        # 1,000 * (4 MiB + 4 * 0.5 MiB)
        "S3: GB-months of a month's photos": (6_000 / 1024, "s3GbMonth"),
        # 1,000 put, 1,000 deleted, 2,000 in transactions, which count twice, 400 + 200 updated and the index.
        "DynamoDB: write units": (9_600, "dynamodbWriteUnit"),
        # 1,000 by the function, 400 by the state machine.
        "DynamoDB: read units": (1_400, "dynamodbReadUnit"),
        # 1,000 sent, received and deleted. The month has 131,400 * 20 s, for each of 5 connections.
        "SQS: requests": (3_000 + 657_000, "sqsRequest"),
        # S3's, and those of 800 accepted.
        "EventBridge: events of S3's and ours": (1_800, "event"),
        "X-Ray: traces recorded": (1_000, "xrayTrace"),
        # 1,000 * (1 MiB + 3 MiB)
        "CloudWatch: GB of logs": (4_000 / 1024, "logsGb"),
        "CloudWatch: custom metrics": (7, "customMetric"),
        "CloudWatch: metrics with alarms": (9, "alarmMetric"),
        "KMS: keys": (2, "kmsKey"),
    }
    # A price of its own for each, so that no line can have another's.
    each_costs = {name: 2.0**number for number, (_, name) in enumerate(expected.values())}
    listed = replace(
        prices(), by_name={name: Price(((None, price),), 0.0) for name, price in each_costs.items()}
    )
    found = bill("x", 1_000, 0.8, ITS_USAGE, listed)
    assert [line.item for line in found.lines] == list(expected)
    for line in found.lines:
        quantity, price = expected[line.item]
        assert line.price == price, line.item
        assert line.quantity == pytest.approx(quantity), line.item
        assert line.amount == pytest.approx(line.quantity * each_costs[line.price]), line.item
    assert found.total == pytest.approx(sum(line.amount for line in found.lines))


def test_an_express_workflow_is_billed_by_its_time_and_compared_with_a_standard_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = replace(ITS_USAGE, state_log_bytes=A_MIB)
    monkeypatch.setattr(cost, "read", lambda _: a_workflow())
    standard = bill("x", 1_000, 0.8, usage, prices())
    monkeypatch.setattr(cost, "read", lambda _: replace(a_workflow(), is_express=True))
    express = bill("x", 1_000, 0.8, usage, prices())
    found = quantities(express)

    assert "stateTransition" not in found
    assert found["expressRequest"] == 1_000
    # 200 ms of 64 MB each.
    assert found["expressGbSecond"] == pytest.approx(1_000 * 0.2 / 16)
    # 400 * 5 + 400 * 3 + 200 * 3 states, a MiB each, beside 4 MiB for each upload by functions.
    assert found["logsGb"] == pytest.approx((3_800 + 4_000) / 1024)
    assert standard.as_standard is None
    assert express.as_standard == pytest.approx(standard.total)
    rest = {line.item: line.amount for line in standard.lines if "Step Functions" not in line.item}
    assert rest | {"CloudWatch: GB of logs": 0} == {
        line.item: line.amount for line in express.lines if "Step Functions" not in line.item
    } | {"CloudWatch: GB of logs": 0}


def test_beyond_one_upload_a_second_one_in_twenty_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "read", lambda _: a_workflow())
    found = quantities(bill("x", 10_000_000, 1.0, ITS_USAGE, prices()))
    # One in each of 2,628,000 s, and 5 % of the other 7,372,000.
    assert found["xrayTrace"] == pytest.approx(2_628_000 + 368_600)


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_template_has_so_many_metrics_with_alarms_keys_and_so_much_memory(workflow: str) -> None:
    own = functions_of(template_of(workflow))
    found = read(workflow)
    # Each metric that an alarm looks at is named once.
    texts = [
        (TEMPLATES / stack / "template.yaml").read_text(encoding="utf-8") for stack in ("core", workflow)
    ]
    assert found.alarm_metrics == sum(text.count("MetricName:") for text in texts) > 4
    # That of the topic of alarms, and those of the workflow.
    assert found.keys == sum(text.count("Type: AWS::KMS::Key\n") for text in texts) > 0
    for each in [*own.values(), *functions_of(template_of("core")).values()]:
        name = each["FunctionName"]["Fn::Sub"].removeprefix("${Prefix}-")
        assert found.memory_mb[name] == each["MemorySize"]
        assert found.handler[name] == each["Handler"]


@pytest.mark.parametrize(
    ("workflow", "reads", "writes", "events"),
    [
        ("v1", 0, 0, 1),
        # Get place type from DynamoDB
        ("v4", 1, 0, 1),
        # Confirm match and RecordMatchState; Publish match
        ("matcher", 0, 2, 2),
    ],
)
def test_what_a_state_machine_calls_itself_is_on_the_bill(
    workflow: str, reads: int, writes: int, events: int
) -> None:
    silent = {name: FunctionUsage(1.0, {}, 0.0) for name in load().functions}
    usage = Usage("by hand", 0.0, 0.0, silent)
    found = quantities(bill(workflow, 1_000, 1.0, usage, prices()))
    assert found["dynamodbReadUnit"] == pytest.approx(1_000 * reads)
    index = 3
    assert found["dynamodbWriteUnit"] == pytest.approx(1_000 * (writes + index))
    assert found["event"] == pytest.approx(1_000 * events)


def test_refused_photos_take_the_mean_of_their_ways() -> None:
    ways = read("v3").refused
    found = quantities(bill("v3", 1000, 0.0, load(), prices()))
    assert found["stateTransition"] == pytest.approx(1000 * sum(map(len, ways)) / len(ways))
    moderated = sum("Moderator" in way for way in ways) / len(ways)
    assert found["rekognitionGroup2"] == pytest.approx(1000 * moderated)


def test_a_hundred_million_uploads_reach_rekognitions_lower_tiers() -> None:
    (line,) = [
        line for line in bill("v2", 100_000_000, 1.0, load(), prices()).lines if "Rekognition" in line.item
    ]
    assert line.quantity == pytest.approx(100_000_000)
    assert line.amount == pytest.approx(1_000 + 3_200 + 18_000 + 16_250)


def test_a_function_that_was_not_measured_is_reckoned_as_the_slowest_and_named() -> None:
    asked, slowest = (
        "functions.decide.labels.handler",
        max(each.billed_ms for each in load().functions.values()),
    )
    fewer = replace(
        load(), functions={name: each for name, each in load().functions.items() if name != asked}
    )
    machine = read("v4")

    used = machine.usage_of("v4-Labels", fewer)
    assert used.billed_ms == slowest
    assert used.requests == {"s3:GetObject": 1.0, "rekognition:DetectLabels": 1.0}
    assumed = " ".join(bill("v4", 1, 1.0, fewer, prices()).assumptions)
    assert "v4-Labels was not measured" in assumed
    assert "to ask rekognition:DetectLabels of Rekognition" in assumed
    assert "not measured" not in " ".join(bill("v4", 1, 1.0, load(), prices()).assumptions)


def test_a_workflows_functions_are_those_that_it_calls_and_the_one_that_starts_it() -> None:
    assert read("v1").functions == {"StartExecution", "v1-Resize", "v1-Publish"}
    assert read("v1").handlers == {
        f"functions.{each}.handler"
        for each in ("ingest.start_execution", "publish.resize", "publish.publish")
    }


def test_what_was_measured_is_what_is_deployed_and_what_it_calls() -> None:
    usage = load()
    deployed = {each["Handler"] for stack in STACKS for each in functions_of(template_of(stack)).values()}
    # What a new workflow brings may not be measured yet, and the bill says so.
    assert usage.functions.keys() <= deployed
    # A photo is published by whose record it still is: each time the record is read.
    assert usage.functions["functions.publish.resize.handler"].requests["dynamodb:GetItem"] > 0


def test_what_a_function_asks_for_some_photos_only_is_said_not_to_follow_the_part_that_is_accepted() -> None:
    handler = "functions.decide.match.handler"
    function = load().functions[handler]
    some = "matcher-Match calls rekognition:DetectText for 22% of photos"
    asked = {"rekognition:DetectLabels": 1.0, "rekognition:DetectText": 0.222}
    usage = replace(load(), functions={**load().functions, handler: replace(function, requests=asked)})

    assert some in " ".join(bill("matcher", 1000, 0.9, usage, prices()).assumptions)
    assert "of photos, as measured" not in " ".join(bill("v4", 1000, 0.9, usage, prices()).assumptions)


def test_a_function_that_no_log_tells_of_is_assumed_and_named() -> None:
    wanted = read("v1").handlers
    resize, publish = "functions.publish.resize.handler", "functions.publish.publish.handler"
    usage = load().with_times({resize: 1234.5}, wanted, "the logs of team, last 7d")

    assert usage.functions[resize].billed_ms == 1234.5
    assert usage.functions[publish] == load().functions[publish]
    assumed = " ".join(bill("v1", 1000, 1.0, usage, prices()).assumptions)
    assert (
        "times from the logs of team, last 7d, "
        f"which have none of functions.ingest.start_execution.handler, {publish}" in assumed
    )

    every = load().with_times(dict.fromkeys(wanted, 1.0), wanted, "the logs of team, last 7d")
    assert every.about.endswith("last 7d")


class Deployed:
    """Lambda and CloudWatch Logs, as far as they are asked: functions, and lines by group and stream."""

    class NotFoundError(Exception):
        """As both services name it."""

    def __init__(self, groups: dict[str, str], lines: list[tuple[str, str, str]]) -> None:
        self._groups, self._lines = groups, lines
        self.exceptions = SimpleNamespace(ResourceNotFoundException=self.NotFoundError)

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803  # as boto3
        if FunctionName not in self._groups:
            raise self.NotFoundError
        group = self._groups[FunctionName]
        # Whoever answers for Lambda may not know of groups.
        return {"LoggingConfig": {"LogGroup": group}} if group else {}

    def get_paginator(self, _: str) -> Any:
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, logGroupName: str, **_: Any) -> Iterator[dict[str, Any]]:  # noqa: N803  # as boto3
        found = [each for each in self._lines if each[0] == logGroupName]
        if not found:
            raise self.NotFoundError
        for _group, stream, message in found:
            yield {"events": [{"logStreamName": stream, "message": message}]}


def report(billed_ms: int) -> str:
    parts = f"Duration: 0.5 ms|Billed Duration: {billed_ms} ms|Memory Size: 512 MB|Max Memory Used: 80 MB"
    return "\t".join(["REPORT RequestId: 1", *parts.split("|")])


def read_times(
    prefix: str, groups: dict[str, str], lines: list[tuple[str, str, str]]
) -> dict[str, list[float]]:
    installation = Installation(lambda _: Deployed(groups, lines), prefix)
    return times(installation, timedelta(hours=1), read("v1").functions)


def test_times_are_read_from_a_group_of_each_function_and_from_one_that_they_share() -> None:
    resize, publish, start = "team-v1-Resize", "team-v1-Publish", "team-StartExecution"
    shared = "/aws/lambda/team-v1"
    apart = [
        (f"/aws/lambda/{resize}", "2026/05/01/[$LATEST]7", report(12)),
        (f"/aws/lambda/{publish}", "2026/05/01/[$LATEST]8", report(5)),
    ]
    together = [
        (shared, f"2026/05/01/{resize}[$LATEST]7", report(12)),
        (shared, f"2026/05/01/{publish}[$LATEST]8", report(5)),
        # Neither function's, nor anybody's.
        (shared, "2026/05/01/team-v1-Another[$LATEST]9", report(900)),
        (shared, "2026/05/01/[$LATEST]9", report(900)),
    ]
    started = [(f"/aws/lambda/{start}", "2026/05/01/[$LATEST]6", report(3))]
    expected = {"v1-Resize": [12.0], "v1-Publish": [5.0], "StartExecution": [3.0]}
    assert read_times("team", {resize: "", publish: "", start: ""}, [*apart, *started]) == expected
    groups = {resize: shared, publish: shared, start: f"/aws/lambda/{start}"}
    assert read_times("team", groups, [*together, *started]) == expected


def test_another_installations_logs_are_not_read() -> None:
    resize = "team-b-v1-Resize"
    lines = [(f"/aws/lambda/{resize}", "2026/05/01/[$LATEST]7", report(12))]
    assert read_times("team-b", {resize: ""}, lines) == {"v1-Resize": [12.0]}
    with pytest.raises(
        NotMeasuredError, match="None of team's StartExecution, v1-Publish, v1-Resize has run"
    ):
        read_times("team", {resize: ""}, lines)


def test_the_command_states_the_bill_by_line(tmp_path: Path) -> None:
    done = happypath("cost", "--uploads", "1000000", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for item in (
        "state transitions",
        "GB-seconds",
        "Rekognition",
        "S3",
        "DynamoDB",
        "SQS",
        "EventBridge",
        "X-Ray",
    ):
        assert item in done.stdout
    assert "us-east-1" in done.stdout

    free = happypath("cost", "--uploads", "1000", "--json", cwd=tmp_path)
    paid = happypath("cost", "--uploads", "1000", "--no-free-tier", "--json", cwd=tmp_path)
    bills = [json.loads(each.stdout) for each in (free, paid)]
    assert bills[0]["usd"] < bills[1]["usd"]
    assert bills[1]["usd"] == pytest.approx(sum(line["usd"] for line in bills[1]["lines"]), abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(("--workflow", "v0"), "There is no workflow v0"), (("--accepted", "2"), "--accepted")],
)
def test_what_makes_no_sense_is_one_line(tmp_path: Path, arguments: tuple[str, ...], complaint: str) -> None:
    done = happypath("cost", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_pictures_on_request_are_billed_by_line() -> None:
    listed = prices()
    cached, made = (images_cost.bill(1_000_000, share, listed, free_tier=False) for share in (0.9, 0.0))
    amounts = [{line.item: line.amount for line in each.lines} for each in (cached, made)]
    # What viewers fetch costs the same; what is made, ten times as much.
    for item in ("CloudFront: HTTPS requests", "CloudFront: GB to viewers"):
        assert amounts[0][item] == amounts[1][item] > 0
    for item in ("Lambda: GB-seconds, arm64", "Lambda: requests", "S3: GET requests", "DynamoDB: read units"):
        assert amounts[1][item] == pytest.approx(10 * amounts[0][item])
    assert cached.total == pytest.approx(sum(amounts[0].values()))
    assert images_cost.bill(0, 0.9, listed).as_json()["usd"] == pytest.approx(0.5, abs=0.2)


def test_the_command_states_the_bill_of_pictures_on_request(tmp_path: Path) -> None:
    done = happypath("image-cost", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["requests"] == 1_000_000
    shown = happypath("image-cost", "--cached", "0.5", cwd=tmp_path)
    assert "50% of them answered by caches" in shown.stdout
