"""Requests are held against the policies of who makes them, and are denied in AWS's words."""

from __future__ import annotations

import itertools
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from happypath.sandbox import iam
from happypath.sandbox.account import CREDENTIALS, OWN_ACCESS_KEY
from happypath.sandbox.calls import Calls
from happypath.sandbox.iam.enforcement import access_key, enforced
from tests.roles import ALL, document, make_role
from tests.waiting import ended

ACCOUNT = "123456789012"
KEY = {"PK": {"S": "a"}, "SK": {"S": "b"}}
_NUMBERS = itertools.count()

Acting = Callable[..., Any]


@pytest.fixture
def acting(sandbox: Any) -> Acting:
    """Makes a client that acts as a session of a role with the statements given."""

    def client(service: str, *statements: dict[str, Any]) -> Any:
        role = make_role(sandbox.client("iam"), f"acting-{next(_NUMBERS)}", *statements)
        key = access_key(iam.RoleSession(role, "a-session"))
        return boto3.client(
            service,  # type: ignore[call-overload]  # any
            endpoint_url=sandbox.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key,
            # As that of functions.
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    return client


@pytest.fixture
def bucket(sandbox: Any) -> Iterator[str]:
    s3 = sandbox.client("s3")
    name = f"enforced-{next(_NUMBERS)}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="mine/a", Body=b"a")
    yield name
    s3.delete_bucket_policy(Bucket=name)
    for each in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=each["Key"])
    s3.delete_bucket(Bucket=name)


def statement(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def refusal(call: Callable[[], Any]) -> tuple[str, int, str]:
    """The code, the HTTP status and the message of an error."""
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response
    return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Message"]


NOTHING = statement("ec2:DescribeRegions")


@pytest.mark.parametrize(
    ("service", "call", "code", "status", "action", "resource"),
    [
        (
            "dynamodb",
            lambda client: client.put_item(TableName="t", Item=KEY),
            "AccessDeniedException",
            400,
            "dynamodb:PutItem",
            f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t",
        ),
        (
            "lambda",
            lambda client: client.invoke(FunctionName="f"),
            "AccessDeniedException",
            403,
            "lambda:InvokeFunction",
            f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f",
        ),
        (
            "s3",
            lambda client: client.get_object(Bucket="b", Key="k é"),
            "AccessDenied",
            403,
            "s3:GetObject",
            '"arn:aws:s3:::b/k é"',
        ),
        (
            "sqs",
            lambda client: client.send_message_batch(
                QueueUrl=f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/q",
                Entries=[{"Id": "a", "MessageBody": "b"}],
            ),
            "AccessDenied",
            403,
            "sqs:sendmessage",
            f"arn:aws:sqs:us-east-1:{ACCOUNT}:q",
        ),
        (
            "sns",
            lambda client: client.publish(TopicArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:t", Message="m"),
            "AuthorizationError",
            403,
            "SNS:Publish",
            f"arn:aws:sns:us-east-1:{ACCOUNT}:t",
        ),
        (
            "stepfunctions",
            lambda client: client.list_state_machines(),
            "AccessDeniedException",
            400,
            "states:ListStateMachines",
            "*",
        ),
        (
            "iam",
            lambda client: client.list_roles(),
            "AccessDenied",
            403,
            "iam:ListRoles",
            "*",
        ),
        (
            "ssm",
            lambda client: client.get_parameter(Name="/live"),
            "AccessDeniedException",
            400,
            "ssm:GetParameter",
            f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/live",
        ),
        (
            "events",
            lambda client: client.put_events(Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}"}]),
            "AccessDeniedException",
            400,
            "events:PutEvents",
            f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalnum() else "",
)
def test_each_service_denies_as_it_does_on_aws(
    acting: Acting,
    service: str,
    call: Callable[[Any], Any],
    code: str,
    status: int,
    action: str,
    resource: str,
) -> None:
    found, http, message = refusal(lambda: call(acting(service, NOTHING)))
    assert (found, http) == (code, status)
    said = f"{action} on resource: {resource} because no identity-based policy allows the {action} action"
    assert message.startswith(f"User: arn:aws:sts::{ACCOUNT}:assumed-role/acting-")
    assert message.endswith(f"/a-session is not authorized to perform: {said}")


def test_who_may_not_list_is_forbidden_what_is_not_there(acting: Acting, bucket: str) -> None:
    objects, itself = f"arn:aws:s3:::{bucket}/*", f"arn:aws:s3:::{bucket}"
    reads = statement("s3:GetObject", objects)
    blind, seeing = acting("s3", reads), acting("s3", reads, statement("s3:ListBucket", itself))
    assert blind.get_object(Bucket=bucket, Key="mine/a")["Body"].read() == b"a"
    code, status, message = refusal(lambda: blind.get_object(Bucket=bucket, Key="none"))
    assert (code, status) == ("AccessDenied", 403)
    assert "s3:ListBucket" in message
    assert refusal(lambda: blind.head_object(Bucket=bucket, Key="none"))[1] == 403
    assert refusal(lambda: seeing.get_object(Bucket=bucket, Key="none"))[:2] == ("NoSuchKey", 404)
    assert refusal(lambda: seeing.head_object(Bucket=bucket, Key="none"))[1] == 404
    # The bucket that is not there is no secret.
    anywhere = acting("s3", statement("s3:GetObject"))
    assert refusal(lambda: anywhere.get_object(Bucket="no-such-bucket", Key="a"))[0] == "NoSuchBucket"


def test_a_version_is_another_action(acting: Acting, bucket: str) -> None:
    client = acting("s3", statement("s3:GetObject"))
    message = refusal(lambda: client.get_object(Bucket=bucket, Key="mine/a", VersionId="null"))[2]
    assert "s3:GetObjectVersion" in message


def test_a_prefix_is_a_condition(acting: Acting, bucket: str) -> None:
    condition = {"StringLike": {"s3:prefix": "mine/*"}}
    client = acting("s3", statement("s3:ListBucket", Condition=condition))
    assert client.list_objects_v2(Bucket=bucket, Prefix="mine/")["KeyCount"] == 1
    assert refusal(lambda: client.list_objects_v2(Bucket=bucket))[0] == "AccessDenied"


def test_objects_are_denied_one_by_one_when_many_are_deleted(acting: Acting, bucket: str) -> None:
    client = acting("s3", statement(["s3:DeleteObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/mine/*"))
    answer = client.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "mine/a"}, {"Key": "others/a"}]}
    )
    assert [each["Key"] for each in answer["Deleted"]] == ["mine/a"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("others/a", "AccessDenied")]


def test_deleting_many_asks_for_no_right_to_versions(acting: Acting, bucket: str, sandbox: Any) -> None:
    """AWS asks for s3:DeleteObjectVersion: docs/sandbox.md."""
    version = sandbox.client("s3").put_object(Bucket=bucket, Key="mine/v", Body=b"a").get("VersionId", "null")
    client = acting("s3", statement("s3:DeleteObject", f"arn:aws:s3:::{bucket}/*"))
    answer = client.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "mine/v", "VersionId": version}]}
    )
    assert [each["Key"] for each in answer["Deleted"]] == ["mine/v"]


def test_an_items_partition_is_a_condition(acting: Acting, sandbox: Any) -> None:
    own = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"]}}
    client = acting("dynamodb", statement("dynamodb:*", Condition=own))
    table, mine = sandbox.prefix, {"PK": {"S": "mine"}, "SK": {"S": "x"}}
    assert "Item" not in client.get_item(TableName=table, Key=mine)
    assert refusal(lambda: client.get_item(TableName=table, Key=KEY))[0] == "AccessDeniedException"
    assert (
        refusal(
            lambda: client.batch_get_item(RequestItems={table: {"Keys": [mine, KEY]}}),
        )[0]
        == "AccessDeniedException"
    )
    query = {"KeyConditionExpression": "#p = :p", "ExpressionAttributeNames": {"#p": "PK"}}
    client.query(TableName=table, ExpressionAttributeValues={":p": {"S": "mine"}}, **query)
    with pytest.raises(ClientError, match="not authorized to perform: dynamodb:Query"):
        client.query(TableName=table, ExpressionAttributeValues={":p": {"S": "a"}}, **query)


def test_a_transaction_needs_what_its_parts_need(acting: Acting, sandbox: Any) -> None:
    client = acting("dynamodb", statement("dynamodb:PutItem"))
    parts = [{"Put": {"TableName": sandbox.prefix, "Item": KEY}}]
    check = {"TableName": sandbox.prefix, "Key": KEY, "ConditionExpression": "attribute_exists(PK)"}
    checked = [*parts, {"ConditionCheck": check}]
    with pytest.raises(ClientError, match="dynamodb:ConditionCheckItem"):
        client.transact_write_items(TransactItems=checked)
    assert "Item" not in sandbox.client("dynamodb").get_item(TableName=sandbox.prefix, Key=KEY)


def test_an_unknown_condition_key_denies_and_says_so(acting: Acting, sandbox: Any) -> None:
    condition = {"StringEquals": {"dynamodb:FullTableScan": "false"}}
    client = acting("dynamodb", statement("dynamodb:*", Condition=condition))
    message = refusal(lambda: client.get_item(TableName=sandbox.prefix, Key=KEY))[2]
    assert "does not know the condition key dynamodb:fulltablescan" in message


def test_a_bucket_denies_its_owner_too(sandbox: Any, bucket: str) -> None:
    owner = boto3.client(
        "s3",
        endpoint_url=sandbox.endpoint,
        region_name="us-east-1",
        aws_access_key_id="anyone",
        aws_secret_access_key="any",
    )
    assert owner.get_object(Bucket=bucket, Key="mine/a")
    denial = {**ALL, "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject"}
    denial["Resource"] = f"arn:aws:s3:::{bucket}/*"
    owner.put_bucket_policy(Bucket=bucket, Policy=document(denial))
    message = refusal(lambda: owner.get_object(Bucket=bucket, Key="mine/a"))[2]
    assert message == (
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: s3:GetObject on resource: "
        f'"arn:aws:s3:::{bucket}/mine/a" with an explicit deny in a resource-based policy'
    )


def test_what_nobody_signed_is_for_what_everybody_may(sandbox: Any, bucket: str) -> None:
    address = f"{sandbox.endpoint}/{bucket}/mine/a"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(address, timeout=10)
    public = statement("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal="*")
    sandbox.client("s3").put_bucket_policy(Bucket=bucket, Policy=document(public))
    with urllib.request.urlopen(address, timeout=10) as answer:
        assert answer.read() == b"a"


def test_a_presigned_address_has_the_rights_of_who_signed(acting: Acting, bucket: str) -> None:
    def read(client: Any) -> bytes:
        address = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "mine/a"})
        with urllib.request.urlopen(address, timeout=10) as answer:
            body: bytes = answer.read()
            return body

    assert read(acting("s3", statement("s3:GetObject"))) == b"a"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        read(acting("s3", NOTHING))


def test_a_users_own_keys_have_the_users_rights(sandbox: Any) -> None:
    client = sandbox.client("iam")
    client.create_user(UserName="alice")
    keys = client.create_access_key(UserName="alice")["AccessKey"]

    def acting(service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]  # any
            endpoint_url=sandbox.endpoint,
            region_name="us-east-1",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
        )

    message = refusal(lambda: acting("dynamodb").list_tables())[2]
    assert message.startswith(f"User: arn:aws:iam::{ACCOUNT}:user/alice is not authorized")
    # Whoever they are, they are told.
    assert acting("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/alice"
    client.put_user_policy(
        UserName="alice", PolicyName="own", PolicyDocument=document(statement("dynamodb:ListTables"))
    )
    assert acting("dynamodb").list_tables()["TableNames"]


def test_a_boundary_limits_a_role(sandbox: Any) -> None:
    client = sandbox.client("iam")
    boundary = client.create_policy(
        PolicyName="boundary", PolicyDocument=document(statement("dynamodb:GetItem"))
    )["Policy"]["Arn"]
    role = make_role(client, "bounded")
    client.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=boundary)
    session = iam.RoleSession(role, "s")
    iam.check(session, "dynamodb:GetItem", "*")
    with pytest.raises(iam.AccessDeniedError, match="no permissions boundary allows the dynamodb:ListTables"):
        iam.check(session, "dynamodb:ListTables", "*")


def state_machine(sandbox: Any, role: str, state: dict[str, Any]) -> tuple[str, str, str]:
    """The status, the error and the cause of an execution of one state."""
    stepfunctions = sandbox.client("stepfunctions")
    machine = stepfunctions.create_state_machine(
        name=f"one-state-{next(_NUMBERS)}",
        definition=json.dumps({"StartAt": "S", "States": {"S": {"Type": "Task", "End": True, **state}}}),
        roleArn=role,
    )["stateMachineArn"]
    arn = stepfunctions.start_execution(stateMachineArn=machine)["executionArn"]
    found = ended(stepfunctions, arn)
    stepfunctions.delete_state_machine(stateMachineArn=machine)
    return found["status"], found.get("error", ""), found.get("cause", "")


@pytest.mark.parametrize(
    ("resource", "parameters", "error", "action"),
    [
        (
            "dynamodb:getItem",
            {"TableName": "happypath", "Key": KEY},
            "DynamoDB.AmazonDynamoDBException",
            "dynamodb:GetItem",
        ),
        ("lambda:invoke", {"FunctionName": "f"}, "Lambda.AWSLambdaException", "lambda:InvokeFunction"),
        (
            "events:putEvents",
            {"Entries": [{"Source": "a", "DetailType": "b", "Detail": {}}]},
            "EventBridge.AccessDeniedException",
            "events:PutEvents",
        ),
        ("aws-sdk:dynamodb:listTables", {}, "DynamoDb.DynamoDbException", "dynamodb:ListTables"),
    ],
)
def test_a_state_has_the_rights_of_its_state_machines_role(
    sandbox: Any, resource: str, parameters: dict[str, Any], error: str, action: str
) -> None:
    state = {"Resource": f"arn:aws:states:::{resource}", "Parameters": parameters}
    role = make_role(sandbox.client("iam"), "of-a-machine", NOTHING)
    status, name, cause = state_machine(sandbox, role, state)
    assert (status, name) == ("FAILED", error)
    assert "assumed-role/of-a-machine/" in cause
    assert f"is not authorized to perform: {action} on resource: " in cause


def test_a_check_asks_the_policy_of_a_resource(sandbox: Any) -> None:
    sqs = sandbox.client("sqs")
    url = sqs.create_queue(QueueName="checked")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:checked"
    rule = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r"
    with pytest.raises(iam.AccessDeniedError, match=r"User: events\.amazonaws\.com is not authorized"):
        iam.check(iam.Service("events.amazonaws.com", rule, ACCOUNT), "sqs:SendMessage", arn)
    sends = statement(
        "sqs:SendMessage",
        arn,
        Principal={"Service": "events.amazonaws.com"},
        Condition={"ArnEquals": {"aws:SourceArn": rule}},
    )
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(sends)})
    iam.check(iam.Service("events.amazonaws.com", rule, ACCOUNT), "sqs:SendMessage", arn)
    with pytest.raises(iam.AccessDeniedError):
        iam.check(iam.Service("events.amazonaws.com", f"{rule}2", ACCOUNT), "sqs:SendMessage", arn)
    sqs.delete_queue(QueueUrl=url)


def test_a_role_is_assumed_by_a_service_that_it_trusts(sandbox: Any) -> None:
    role = make_role(sandbox.client("iam"), "trusting", trusts=["lambda"])
    assert iam.assume(role, "lambda.amazonaws.com", "s").arn.endswith("assumed-role/trusting/s")
    with pytest.raises(iam.AccessDeniedError, match="no role trust policy allows the sts:AssumeRole"):
        iam.assume(role, "events.amazonaws.com", "s")


def test_without_enforcement_everybody_may_do_everything() -> None:
    session = iam.RoleSession(f"arn:aws:iam::{ACCOUNT}:role/no-such-role", "s")
    with enforced(Calls(), on=False):
        iam.check(session, "dynamodb:PutItem", "*")
    with enforced(Calls()), pytest.raises(iam.AccessDeniedError):
        iam.check(session, "dynamodb:PutItem", "*")


def test_the_sandboxs_own_key_is_held_to_nothing(sandbox: Any, bucket: str) -> None:
    denial = {**ALL, "Effect": "Deny", "Principal": "*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    sandbox.client("s3").put_bucket_policy(Bucket=bucket, Policy=document(denial))
    assert sandbox.client("s3")._request_signer._credentials.access_key == OWN_ACCESS_KEY
    assert sandbox.client("s3").get_object(Bucket=bucket, Key="mine/a")["Body"].read() == b"a"
