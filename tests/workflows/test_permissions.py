"""Each role allows exactly what its function or state machine was seen to call, over all paths; no more."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import pytest
from PIL import Image

from happypath.operations.installation import Installation
from happypath.operations.redrive import dead_letters
from happypath.project import WORKFLOWS
from happypath.sandbox.calls import Permission
from happypath.sandbox.sandbox import Sandbox
from tests.outcomes import rows
from tests.statemachines.definitions import MACHINES
from tests.workflows import api, deletions, images, nested, notices, reviews
from tests.workflows.driver import Driver, wait_until
from tests.workflows.tasks import accepted, all_tasks, publishes

# Every path of every workflow takes a while on a small machine.
pytestmark = pytest.mark.timeout(300)

# What the services themselves do with a role, which no code of ours calls.
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
DELIVER_LOGS = {
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}
# By which Step Functions learns that an execution has ended that a state waits for.
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
RULE_OF_ENDS = "StepFunctionsGetEventsForStepFunctionsExecutionRule"
# SAM adds AWS's own policies for what Lambda and Step Functions do: logs, traces, and polling a queue.
SERVICE_POLICIES = {"AWSLambdaBasicExecutionRole", "AWSXRayDaemonWriteAccess", "AWSXrayWriteOnlyAccess"}
POLLING = "AWSLambdaSQSQueueExecutionRole"


@pytest.fixture(scope="module")
def driven(driver: Driver, sandbox: Sandbox) -> Sandbox:
    """The sandbox after every path of every workflow.

    At the end of a whole run the other tests have been all of those ways. What is left is driven here, which
    is everything when these tests run alone.
    """
    idle = {name for name, (_, idle) in judged(sandbox, driver.installation).items() if idle}
    if f"{sandbox.prefix}-StartExecution" in idle:
        _ingest(driver)
    for workflow in WORKFLOWS:
        if any(name.startswith(f"{sandbox.prefix}-{workflow}") for name in idle):
            _every_path(driver, workflow)
            reviews.stop(driver, workflow)
            nested.stop(driver, workflow)
            if publishes(workflow):
                deletions.publish_what_was_replaced(driver, workflow)
                deletions.publish_what_is_gone(driver, workflow)
    for name, drive in _ADD_ONS.items():
        if any(each.startswith(f"{sandbox.prefix}-{name}") for each in idle):
            drive(driver)
    return sandbox


def _ask(driver: Driver) -> None:
    """Each of the API's routes, and a form that it gave."""
    driver.go_live("none")
    person = api.Person(driver.sandbox)
    asked = person.ask(placeId="role-park").json()
    assert person.status(asked["uploadId"]).json()["status"] == "WAITING"
    assert api.send(asked["form"], b"ok").status_code == 204
    assert person.get("/places/role-park/photos").json()["photos"] == []


def _delete(driver: Driver) -> None:
    deletions.delete_all_the_ways(driver)
    deletions.wait_idle(driver)


def _tell(driver: Driver) -> None:
    notices.give_up(driver)
    notices.Subscriber(driver.installation, "subscriber-support").first(notices.refused(driver), "REJECTED")


# What the names of functions and state machines begin with → what they do.
_ADD_ONS: dict[str, Callable[[Driver], object]] = {
    "deletion": _delete,
    "Notices": _tell,
    "review": reviews.every_way,
    "api": _ask,
    "api-reviews": api.review,
    "api-search": api.search,
    "images": images.ask_in_all_ways,
}


def _every_path(driver: Driver, workflow: str) -> None:
    """Uploads what takes each path of a workflow's table, and once more what is there already."""
    driver.go_live(workflow)
    # A JPEG is read by Rekognition from S3, and a WebP is sent to it in bytes.
    each = {(row.path, "webp" in row.picture): row for row in rows(workflow)}
    keys = []
    for row in (*each.values(), accepted(workflow)):
        keys.append(driver.new_key_of(workflow, row, f"role{row.suffix}"))
        driver.upload(driver.picture(row), keys[-1])
    # Once more under the same key: what lies there is replaced. It is the same, so that it is accepted, too.
    replaced = driver.ended(keys[-1]).record["executionArn"]
    driver.upload(driver.picture(accepted(workflow)), keys[-1])
    _wait_for_another(driver, keys[-1], replaced)
    for key in keys:
        driver.ended(key)


def _wait_for_another(driver: Driver, key: str, execution_arn: str) -> None:
    """Waits until the upload's record is no longer that of an execution."""

    def is_another() -> bool:
        record = driver.installation.record(key)
        return record is not None and record["executionArn"] != execution_arn

    wait_until(is_another, f"a newer {key} is claimed")


def _ingest(driver: Driver) -> None:
    """What StartExecution does beside starting: holding, refusing, giving up, and looking for a version."""
    driver.go_live("none")
    held = driver.new_key(name="role-held.jpg")
    driver.upload(_tiny(), held)
    # Of the two the older is looked at as the version that it is.
    driver.upload(_tiny() + b"\0\0", held)
    driver.upload(_tiny(), "no-place.jpg")
    wait_until(lambda: driver.installation.record("no-place.jpg") is not None, "the key is refused")
    ours = driver.sandbox.calls.needed
    wait_until(
        lambda: any(each.action == "sqs:SendMessage" for each in ours["happypath-StartExecution"]),
        "an upload is held",
    )
    # No such workflow: the claim is released, and the message comes again before it has come too often.
    driver.installation.set_live("v99")
    wait_until(
        lambda: any(each.action == "dynamodb:DeleteItem" for each in ours["happypath-StartExecution"]),
        "the claim is released",
    )
    # At once, and in environments that have not read the other: after five receives it is a dead letter.
    driver.go_live("v1")

    def claimed() -> bool:
        # A fast machine has received it five times by now.
        list(dead_letters(driver.installation))
        return driver.installation.record(held) is not None

    wait_until(claimed, "the held upload is claimed")
    driver.ended(held)
    # The same photo again: a newer upload takes the record over.
    driver.upload(_tiny() + b"\0", held)
    _say_uploaded(driver, held)
    wait_until(driver.all_events_are_handled, "both events are handled")
    driver.ended(held)


def _say_uploaded(driver: Driver, key: str) -> None:
    """The custom event, which names no version."""
    driver.installation.client("events").put_events(
        Entries=[
            {
                "Source": "custom.happyPath",
                "DetailType": "uploadComplete",
                "Detail": json.dumps({"bucket": driver.upload_bucket, "key": key}),
            }
        ]
    )


def _tiny() -> bytes:
    body = io.BytesIO()
    Image.new("RGB", (900, 900)).save(body, "JPEG")
    return body.getvalue()


def roles(installation: Installation) -> dict[str, str]:
    """The role of each function and state machine, by its name."""
    functions = installation.client("lambda").list_functions()["Functions"]
    found = {each["FunctionName"]: each["Role"] for each in functions}
    for machine in installation.client("stepfunctions").list_state_machines()["stateMachines"]:
        arn = machine["stateMachineArn"]
        role = installation.client("stepfunctions").describe_state_machine(stateMachineArn=arn)["roleArn"]
        found[machine["name"]] = role
    return {
        name: role.rpartition("/")[2]
        for name, role in found.items()
        if name.startswith(f"{installation.prefix}-")
    }


def statements(installation: Installation, role: str) -> Iterator[dict[str, Any]]:
    """What the templates' policies allow a role, as deployed: its own and those that it shares."""
    iam = installation.client("iam")
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for each in attached(installation, role):
        if each.is_ours:
            version = iam.get_policy(PolicyArn=each.arn)["Policy"]["DefaultVersionId"]
            got = iam.get_policy_version(PolicyArn=each.arn, VersionId=version)
            documents.append(got["PolicyVersion"]["Document"])
    for document in documents:
        yield from document["Statement"]


@dataclass(frozen=True)
class Attached:
    """A managed policy that a role has."""

    name: str
    arn: str

    @property
    def is_ours(self) -> bool:
        """Whether it is the account's own, and none of AWS's."""
        return self.arn.split(":")[4] != "aws"


def attached(installation: Installation, role: str) -> list[Attached]:
    """The managed policies of a role."""
    listed = installation.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    return [Attached(each["PolicyName"], each["PolicyArn"]) for each in listed]


def written(installation: Installation, role: str) -> set[Permission]:
    """What the templates' policies allow a role, as deployed."""
    found = set()
    for statement in statements(installation, role):
        assert statement["Effect"] == "Allow"
        assert statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        partitions: Any = "*"
        if "Condition" in statement:
            [(operator, condition)] = statement["Condition"].items()
            [(key, partitions)] = condition.items()
            assert operator in {"ForAllValues:StringEquals", "ForAllValues:StringLike"}
            assert key == "dynamodb:LeadingKeys"
        found |= {
            Permission(action, resource, partition)
            for action in _listed(statement["Action"])
            for resource in _listed(statement["Resource"])
            for partition in _listed(partitions)
        }
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def covers(policy: Permission, call: Permission) -> bool:
    return (
        policy.action == call.action
        and fnmatchcase(call.resource, policy.resource)
        and policy.partition in {"*", call.partition}
    )


def compared(written: set[Permission], needed: set[Permission]) -> tuple[set[Permission], set[Permission]]:
    """What the policies lack, and what they have and nobody needs."""
    lacking = {call for call in needed if not any(covers(policy, call) for policy in written)}
    idle = {policy for policy in written if not any(covers(policy, call) for call in needed)}
    return lacking, idle


def judged(
    sandbox: Sandbox, installation: Installation
) -> dict[str, tuple[list[Permission], list[Permission]]]:
    """By function and state machine, what its policy lacks and what it has for nothing, if there is any."""
    wrong: dict[str, tuple[list[Permission], list[Permission]]] = {}
    for name, role in sorted(roles(installation).items()):
        needed = sandbox.calls.needed.get(name, set())
        # Executions that other tests start by hand read from a bucket of their own.
        needed = {each for each in needed if "photos-by-hand" not in each.resource}
        # What reads a version reads without one where none is known: the photo could not be looked at when
        # its event came.
        needed |= {
            Permission("s3:GetObject", each.resource)
            for each in needed
            if each.action == "s3:GetObjectVersion"
        }
        policies = written(installation, role)
        policies = {each for each in policies if not each.resource.endswith(f":rule/{RULE_OF_ENDS}")}
        delivering = {each for each in policies if each.action in DELIVER_LOGS}
        assert {each.action for each in delivering} == (
            DELIVER_LOGS if name.removeprefix(f"{installation.prefix}-") in MACHINES else set()
        )
        lacking, idle = compared(policies - delivering, needed)
        if lacking or idle:
            wrong[name] = sorted(lacking), sorted(idle)
    return wrong


def test_written_and_needed_permissions_are_the_same(driven: Sandbox, driver: Driver) -> None:
    assert judged(driven, driver.installation) == {}


def test_a_policy_that_is_narrower_or_wider_is_found(driven: Sandbox, driver: Driver) -> None:
    iam = driver.installation.client("iam")
    (resizing, *_) = [task for task in all_tasks() if task.role == "Resize"]
    name = f"{driven.prefix}-{resizing.function}"
    role = roles(driver.installation)[name]
    put, *_ = [each for each in written(driver.installation, role) if each.action == "s3:PutObject"]
    doctored = [
        # The right one, on another bucket: narrower and wider at once.
        (Permission("s3:PutObject", "arn:aws:s3:::another/*"), [put]),
        (Permission("s3:DeleteObject", put.resource), [put]),
    ]
    before = list(statements(driver.installation, role))
    # What others have, too, stays as it is: this role gets the same, and the change, in a policy of its own.
    shared = [each for each in attached(driver.installation, role) if each.is_ours]
    for each in shared:
        iam.detach_role_policy(RoleName=role, PolicyArn=each.arn)
    try:
        for instead, lacking in doctored:
            kept = [
                {**each, "Action": actions}
                for each in before
                if (actions := [action for action in _listed(each["Action"]) if action != "s3:PutObject"])
            ]
            changed = {"Effect": "Allow", "Action": instead.action, "Resource": instead.resource}
            document = json.dumps({"Version": "2012-10-17", "Statement": [*kept, changed]})
            iam.put_role_policy(RoleName=role, PolicyName="doctored", PolicyDocument=document)
            assert judged(driven, driver.installation) == {name: (lacking, [instead])}
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="doctored")
        for each in shared:
            iam.attach_role_policy(RoleName=role, PolicyArn=each.arn)
    assert judged(driven, driver.installation) == {}


def test_a_wildcard_stands_only_where_names_come_and_go(driver: Driver) -> None:
    for role in roles(driver.installation).values():
        for each in written(driver.installation, role):
            assert "*" not in each.action
            if each.action.startswith(("rekognition:", "states:SendTask")) or each.action in DELIVER_LOGS:
                assert each.resource == "*"
            elif "*" in each.resource:
                assert each.resource.endswith(
                    (
                        ":stateMachine:happypath-*",
                        ":execution:happypath-*",
                        ":execution:happypath-document:*",
                        ":execution:happypath-review:*",
                        "-us-east-1/*",
                    )
                ), each


def test_policies_of_aws_are_those_of_the_services(driver: Driver) -> None:
    for name, role in roles(driver.installation).items():
        of_aws = {each.name for each in attached(driver.installation, role) if not each.is_ours}
        polls = {POLLING} if name.endswith("-StartExecution") else set()
        assert of_aws <= SERVICE_POLICIES | polls, name


@pytest.mark.parametrize(
    ("policy", "call", "lacks", "idles"),
    [
        (("s3:GetObject", "arn:b/*"), ("s3:GetObject", "arn:b/*"), False, False),
        (("s3:GetObject", "arn:b/*"), ("s3:PutObject", "arn:b/*"), True, True),
        (("s3:GetObject", "arn:other/*"), ("s3:GetObject", "arn:b/*"), True, True),
        (("states:StartExecution", "arn:m-*"), ("states:StartExecution", "arn:m-v1"), False, False),
        (("dynamodb:GetItem", "arn:t", "workflow"), ("dynamodb:GetItem", "arn:t", "workflow"), False, False),
        (("dynamodb:GetItem", "arn:t", "*"), ("dynamodb:GetItem", "arn:t", "workflow"), False, False),
        (("dynamodb:GetItem", "arn:t", "workflow"), ("dynamodb:GetItem", "arn:t", "*"), True, True),
    ],
)
def test_the_comparison_finds_what_is_narrower_and_what_is_wider(
    policy: tuple[str, ...], call: tuple[str, ...], lacks: bool, idles: bool
) -> None:
    lacking, idle = compared({Permission(*policy)}, {Permission(*call)})
    assert (bool(lacking), bool(idle)) == (lacks, idles)
