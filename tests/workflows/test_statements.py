"""Every statement of every policy is needed: without it the run that needs it is denied, in AWS's words.

The statements are read from the templates, so that a new one is tested by being there. Policies are changed
in the deployed sandbox, which takes effect at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import boto3
import pytest
import requests

from happypath.project import TEMPLATES, WORKFLOWS
from happypath.sandbox import iam
from happypath.sandbox.iam.deliveries import of_function
from happypath.sandbox.iam.enforcement import access_key
from happypath.sandbox.iam.principal import Root
from tests.live import start_anew
from tests.outcomes import Row, rows
from tests.workflows import api, deletions, images, nested, reviews
from tests.workflows.driver import Driver, wait_until
from tests.workflows.notices import refused
from tests.workflows.statements import Deployed, Statement, statements
from tests.workflows.tasks import accepted

pytestmark = pytest.mark.timeout(300)

ACCOUNT = "123456789012"
# What the samples' parameters leave out, and where it is shown instead.
OTHERWISE = {
    "redact-RedactFunction-rekognition:DetectText-1": "Regions; tests/workflows/test_redact.py",
    "core-QueuePolicy-FromTheTopic-2": "UploadTopicArn; tests/sandbox/iam/test_resource_policies.py",
    "core-ReadUploadsPolicy-kms:Decrypt-2": "UploadKeyArn; tests/sandbox/test_upload_sources.py",
    "core-PutUploadsPolicy-kms:GenerateDataKey-1": "UploadKeyArn; tests/sandbox/test_upload_sources.py",
}


def takers(statement: Statement) -> list[str]:
    """The workflows that take a policy which another stack exports."""
    own = "" if statement.stack == "core" else f"{statement.stack}-"
    name = f"${{Prefix}}-{own}{statement.resource}"
    texts = {each: (TEMPLATES / each / "template.yaml").read_text("utf-8") for each in WORKFLOWS}
    return [each for each in WORKFLOWS if name in re.findall(r"Fn::ImportValue: !Sub (\S+)", texts[each])]


def is_taken(statement: Statement) -> bool:
    """Whether it is in force for anybody: what a copy of a workflow exports, nobody may take yet."""
    is_exported = statement.kind == "AWS::IAM::ManagedPolicy" and statement.stack in WORKFLOWS
    return not is_exported or bool(takers(statement))


ALL = {str(each): each for each in statements()}
ALLOWING = [
    each for each in statements() if each.effect == "Allow" and str(each) not in OTHERWISE and is_taken(each)
]
DENYING = [each for each in statements() if each.effect == "Deny"]


def test_every_statement_is_one_that_can_be_told_apart() -> None:
    assert len(ALL) == len(statements()) > 25
    assert {name for name, each in ALL.items() if each.conditional} == OTHERWISE.keys()


@pytest.mark.parametrize("statement", ALLOWING, ids=str)
def test_without_a_statement_the_run_that_needs_it_is_denied(statement: Statement, driver: Driver) -> None:
    denied = driver.sandbox.calls.denied
    with Deployed(driver.installation).without(statement) as was_there:
        assert was_there, f"{statement} is not deployed"
        # What they have read with it they may still know.
        start_anew(driver.installation, *Deployed(driver.installation).functions(statement))
        denied.clear()
        with needing(statement, driver):
            wait_until(lambda: any(names(statement, each) for each in list(denied)), f"{statement} is missed")
    sentences = [each for each in denied if names(statement, each)]
    assert all(" is not authorized to perform: " in each for each in sentences)
    if _is_of_deletions(statement):
        deletions.end_all(driver)


def names(statement: Statement, sentence: str) -> bool:
    """Whether a denial names an action of a statement, and who was denied."""
    said = re.fullmatch(r"User: (\S+) is not authorized to perform: (\S+) on resource: .*", sentence)
    if said is None:
        return False
    patterns = [re.escape(each.lower()).replace(r"\*", ".*") for each in statement.actions]
    return any(re.fullmatch(each, said[2].lower()) for each in patterns)


@pytest.mark.parametrize("statement", DENYING, ids=str)
def test_a_deny_is_for_what_comes_without_tls(statement: Statement, driver: Driver) -> None:
    deployed = Deployed(driver.installation)
    resource = deployed.arn(statement)
    action = statement.actions[0].replace(
        "*", "SendMessage" if "sqs" in statement.actions[0] else "GetObject"
    )
    plain = {"aws:securetransport": ("false",)}
    iam.check(Root(ACCOUNT), action, resource)
    with pytest.raises(iam.AccessDeniedError, match="with an explicit deny in a resource-based policy"):
        iam.check(Root(ACCOUNT), action, resource, plain)
    with deployed.without(statement) as was_there:
        assert was_there
        iam.check(Root(ACCOUNT), action, resource, plain)


@contextmanager
def needing(statement: Statement, driver: Driver) -> Iterator[None]:
    """Does what needs a statement, until the block ends."""
    by_check = CHECKED.get(f"{statement.resource}-{statement.sid}")
    if by_check is not None:
        with pytest.raises(iam.AccessDeniedError):
            by_check(driver)
        yield
    elif statement.resource == "DistributionBucketPolicy":
        url = f"{driver.installation.core['DistributionUrl']}/a"
        assert requests.get(url, timeout=30).status_code == HTTPStatus.FORBIDDEN
        yield
    elif _is_of_add_on(statement, driver):
        yield
    elif statement.sid == "LearnOfItsEnd":
        policy = Deployed(driver.installation).physical(statement.stack, statement.resource)
        nested.make_without_it(driver, policy)
        yield
    elif "logs:CreateLogDelivery" in statement.actions:
        _log_again(driver, user_of(statement))
        yield
    elif statement.resource == "StartExecutionFunction" or statement.kind == "AWS::SQS::QueuePolicy":
        live = "none" if statement.sid == "HoldUploadsBack" else accepted_workflow()
        driver.go_live(live)
        key = driver.new_key()
        driver.upload(driver.picture(accepted(accepted_workflow())), key)
        yield
        driver.go_live(accepted_workflow())
    elif statement.actions == ("s3:ListBucket",) and statement.resource == "ReadUploadsPolicy":
        _look_for_what_is_gone(driver, user_of(statement))
        yield
    elif statement.actions == ("s3:ListBucket",) and statement.resource == "WriteRenditionsPolicy":
        _look_for_a_rendition_that_is_gone(driver, statement)
        yield
    else:
        # What tasks leave for each other is looked for before it is there, too, and listed to be removed.
        workflow = user_of(statement)
        driver.go_live(workflow)
        for row in covering(workflow):
            driver.upload(driver.picture(row), driver.new_key_of(workflow, row, f"statement{row.suffix}"))
        yield


def _is_of_add_on(statement: Statement, driver: Driver) -> bool:
    """Does what needs a statement of notices, the API or deletions; whether it is one of theirs."""
    if statement.stack in {"notices", "subscriber"}:
        # Both come to an end: what is deleted before it is claimed, and a key that no workflow can use.
        driver.go_live("none")
        gone = driver.new_key()
        driver.upload(b"gone", gone)
        driver.installation.client("s3").delete_object(Bucket=driver.upload_bucket, Key=gone)
        refused(driver)
    elif statement.resource == "ReviewsFunction":
        api.review(driver)
    elif statement.resource in {"SearchFunction", "SearchPolicy"}:
        api.search(driver)
    elif statement.stack == "api" or statement.resource == "PutUploadsPolicy":
        _use_the_api(driver)
    elif statement.resource == "PublishPolicy" and statement.actions == ("s3:ListBucket",):
        deletions.publish_over(driver, user_of(statement))
    elif statement.stack == "images":
        images.ask_in_all_ways(driver)
    elif statement.resource == "PublishPolicy" and _is_of_deletions(statement):
        with deletions.about_to_publish(driver, user_of(statement)) as running, driver.losing_events():
            driver.delete(running)
    elif _is_of_deletions(statement):
        deletions.delete_all_the_ways(driver)
    elif statement.stack == "review":
        reviews.need(driver, statement.sid)
    else:
        return False
    return True


def _is_of_deletions(statement: Statement) -> bool:
    """Whether a deletion stops half-way without it."""
    return (
        statement.stack == "deletion"
        or statement.resource in {"RemovePublishedPolicy", "IndexCataloguePolicy"}
        or (statement.resource == "PublishPolicy" and "s3:DeleteObject" in statement.actions)
    )


def _use_the_api(driver: Driver) -> None:
    """Each route of the API, and a form that it gives; where one is denied, there are the others."""
    person = api.Person(driver.sandbox)
    person.get("/places/a-park/photos")
    asked = person.ask()
    if asked.ok:
        # While nothing has come it is looked for.
        person.status(asked.json()["uploadId"])
        api.send(asked.json()["form"], b"ok")


def accepted_workflow() -> str:
    """A workflow with a quick way."""
    return WORKFLOWS[0]


def user_of(statement: Statement) -> str:
    """A workflow that a statement is for: its own, or the first that takes the policy of another stack."""
    users = takers(statement)
    assert users or statement.stack != "core", f"no workflow takes {statement.resource}"
    return users[0] if users else statement.stack


def covering(workflow: str) -> list[Row]:
    """Few uploads that together come to every state which the table comes to."""
    chosen: list[Row] = []
    left = {state for row in rows(workflow) for state in row.path}
    while left:
        best = max(rows(workflow), key=lambda row: len(left & set(row.path)))
        chosen.append(best)
        left -= set(best.path)
    return chosen


def _log_again(driver: Driver, workflow: str) -> None:
    """Gives a state machine the logging that it has."""
    client = driver.installation.client("stepfunctions")
    arn = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:{driver.sandbox.prefix}-{workflow}"
    logging = client.describe_state_machine(stateMachineArn=arn)["loggingConfiguration"]
    # As it was, nothing would be changed.
    changed = {**logging, "includeExecutionData": not logging["includeExecutionData"]}
    with pytest.raises(client.exceptions.ClientError, match="not authorized to access the Log Destination"):
        client.update_state_machine(stateMachineArn=arn, loggingConfiguration=changed)


def _look_for_what_is_gone(driver: Driver, workflow: str) -> None:
    """Starts an execution for a photo that is not there any longer."""
    driver.go_live("none")
    key = driver.new_key()
    version = driver.put_quietly(key, b"gone")
    s3 = driver.installation.client("s3")
    s3.delete_object(Bucket=driver.upload_bucket, Key=key, VersionId=version)
    driver.go_live(workflow)
    driver.send(
        {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {
                "bucket": {"name": driver.upload_bucket},
                "object": {"key": key, "version-id": version, "sequencer": "0"},
            },
        }
    )


def _look_for_a_rendition_that_is_gone(driver: Driver, statement: Statement) -> None:
    """What the task does that replaces a rendition, if it is gone by then: too short a moment to be met."""
    arn = Deployed(driver.installation).physical(statement.stack, statement.resource)
    roles = driver.installation.client("iam").list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]
    key = access_key(iam.RoleSession(f"arn:aws:iam::{ACCOUNT}:role/{roles[0]['RoleName']}", "statement"))
    s3 = boto3.client(
        "s3",
        endpoint_url=driver.sandbox.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=key,
    )
    with pytest.raises(s3.exceptions.ClientError, match="403"):
        s3.head_object(Bucket=driver.installation.core["DistributionBucket"], Key="none/tile.jpg")


def _service(name: str, source: Callable[[Driver], str] | None = None) -> Callable[[Driver], iam.Service]:
    def make(driver: Driver) -> iam.Service:
        return iam.Service(f"{name}.amazonaws.com", source and source(driver), ACCOUNT)

    return make


def _key(driver: Driver, stack: str, name: str) -> str:
    return f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{Deployed(driver.installation).physical(stack, name)}"


def _rule_of_notices(driver: Driver) -> str:
    return f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{driver.sandbox.prefix}-notices"


def _rule_of_reviews(driver: Driver) -> str:
    return f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{driver.sandbox.prefix}-review-stopped"


def _undone(driver: Driver) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{driver.sandbox.prefix}-reviews-undone"


def _failed(driver: Driver) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{driver.sandbox.prefix}-notices-failed"


# What only AWS's own services do, which the sandbox does not run: CloudWatch's alarms, a key, and
# a bucket whose notifications go to the queue. Their requests are held against the deployed policies.
CHECKED: dict[str, Callable[[Driver], None]] = {
    "QueuePolicy-FromTheBucket": lambda driver: iam.check(
        _service("s3", lambda of: f"arn:aws:s3:::{of.upload_bucket}")(driver),
        "sqs:SendMessage",
        f"arn:aws:sqs:us-east-1:{ACCOUNT}:{driver.sandbox.prefix}-uploads",
    ),
    "DeadLetterQueuePolicy-FromTheRule": lambda driver: iam.check(
        _service("events", lambda of: f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{of.sandbox.prefix}-deleted")(
            driver
        ),
        "sqs:SendMessage",
        f"arn:aws:sqs:us-east-1:{ACCOUNT}:{driver.sandbox.prefix}-deletions-dead",
    ),
    "AlarmTopicPolicy-AlarmsPublish": lambda driver: iam.check(
        _service("cloudwatch")(driver), "sns:Publish", driver.installation.core["AlarmTopic"]
    ),
    "AlarmKey-AlarmsPublish": lambda driver: iam.check(
        _service("cloudwatch")(driver), "kms:Decrypt", _key(driver, "core", "AlarmKey")
    ),
    "AlarmKey-TheAccountDecides": lambda driver: iam.check(
        Root(ACCOUNT), "kms:Encrypt", _key(driver, "core", "AlarmKey")
    ),
    "NoticesKey-RulesPublish": lambda driver: iam.check(
        _service("events")(driver), "kms:Decrypt", _key(driver, "notices", "NoticesKey")
    ),
    "NoticesKey-TheAccountDecides": lambda driver: iam.check(
        Root(ACCOUNT), "kms:Encrypt", _key(driver, "notices", "NoticesKey")
    ),
    # What the topic does not take, and what is given up; tests/workflows/test_notices.py has that done.
    "FailedQueuePolicy-FromTheRule": lambda driver: iam.check(
        _service("events", _rule_of_notices)(driver), "sqs:SendMessage", _failed(driver)
    ),
    "NoticesFunction-TellWhatFailed": lambda driver: iam.check(
        of_function(f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{driver.sandbox.prefix}-Notices"),
        "sqs:SendMessage",
        _failed(driver),
    ),
    # What cannot be handled; `reviews.give_up` has that done.
    "UndoneQueuePolicy-FromTheRule": lambda driver: iam.check(
        _service("events", _rule_of_reviews)(driver), "sqs:SendMessage", _undone(driver)
    ),
    "SealKey-TheAccountDecides": lambda driver: iam.check(
        Root(ACCOUNT), "kms:GenerateMac", _key(driver, "api", "SealKey")
    ),
}


def test_what_is_checked_here_is_allowed_as_deployed(driver: Driver) -> None:
    for check in CHECKED.values():
        check(driver)
