"""The statements of all policies in `templates/`, each of which can be dropped in a sandbox and put back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from happypath.operations.installation import Installation
from happypath.project import SANDBOX_STACKS, TEMPLATES
from happypath.sandbox.deployment.serverless import parse

# The types that have a policy of their own, and where it is.
_POLICIES = {
    "AWS::IAM::ManagedPolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
}


@dataclass(frozen=True)
class Statement:
    """A statement of a policy of a template."""

    stack: str
    resource: str
    kind: str
    number: int
    # What it is called where it has a name.
    sid: str
    effect: str
    actions: tuple[str, ...]
    # Whether parameters decide that it is there.
    conditional: bool
    # The logical ids of the resources that the policy is of.
    of: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.stack}-{self.resource}-{self.sid or self.actions[0]}-{self.number}"

    def is_like(self, deployed: dict[str, Any]) -> bool:
        """Whether it is this statement, as it is deployed."""
        actions = tuple(_listed(deployed.get("Action", [])))
        return (actions, deployed["Effect"], deployed.get("Sid", "")) == (self.actions, self.effect, self.sid)


@cache
def statements() -> tuple[Statement, ...]:
    """All of them."""
    return tuple(each for stack in SANDBOX_STACKS for each in _of_stack(stack))


def _of_stack(stack: str) -> Iterator[Statement]:
    template = parse((TEMPLATES / stack / "template.yaml").read_text(encoding="utf-8"))
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        documents = [properties[key] for key in (_POLICIES.get(resource["Type"]),) if key]
        # A role's are named, and a function's are not.
        inline = [each.get("PolicyDocument", each) for each in _listed(properties.get("Policies", []))]
        documents += [each for each in inline if "Statement" in each]
        for number, (statement, conditional) in enumerate(
            pair for document in documents for pair in _unfolded(document["Statement"])
        ):
            yield Statement(
                stack,
                name,
                resource["Type"],
                number,
                statement.get("Sid", ""),
                statement["Effect"],
                tuple(_listed(statement["Action"])),
                conditional,
                tuple(
                    each["Ref"]
                    for key in ("Bucket", "Queues", "Topics")
                    for each in _listed(properties.get(key, []))
                ),
            )


def _unfolded(given: Any) -> Iterator[tuple[dict[str, Any], bool]]:
    """The statements of a list, and those of its `Fn::If`."""
    for each in _listed(given):
        if "Fn::If" in each:
            yield from ((one, True) for one in each["Fn::If"][1:] if "Effect" in one)
        else:
            yield each, False


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Deployed:
    """The policies of an installation, as they are deployed."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def physical(self, stack: str, resource: str) -> str:
        """The physical id of a resource of a stack."""
        found = self._installation.client("cloudformation").describe_stack_resources(
            StackName=f"{self._installation.prefix}-{stack}"
        )
        return next(
            str(each["PhysicalResourceId"])
            for each in found["StackResources"]
            if each.get("LogicalResourceId") == resource
        )

    def arn(self, statement: Statement) -> str:
        """The ARN of what a statement's policy is of; of a bucket that of an object."""
        physical = self.physical(statement.stack, statement.of[0])
        match statement.kind:
            case "AWS::S3::BucketPolicy":
                return f"arn:aws:s3:::{physical}/a"
            case "AWS::SQS::QueuePolicy":
                account, queue = physical.split("/")[-2:]
                return f"arn:aws:sqs:us-east-1:{account}:{queue}"
        return physical

    def functions(self, statement: Statement) -> list[str]:
        """The functions that have a statement by their role."""
        roles = self._roles(statement)
        pages = self._installation.client("lambda").get_paginator("list_functions").paginate()
        return [
            each["FunctionName"]
            for page in pages
            for each in page["Functions"]
            if each["Role"].rpartition("/")[2] in roles
        ]

    @contextmanager
    def without(self, statement: Statement) -> Iterator[bool]:
        """Drops a statement while the block lasts; whether it was there."""
        if statement.kind == "AWS::IAM::ManagedPolicy":
            found = self._of_managed(statement)
        elif roles := self._roles(statement):
            found = [each for role in roles for each in self._of_role(role)]
        else:
            found = self._of_resource(statement)
        undo = [
            (put, document)
            for put, document in found
            if any(statement.is_like(each) for each in document["Statement"])
        ]
        try:
            for put, document in undo:
                kept = [each for each in document["Statement"] if not statement.is_like(each)]
                assert len(kept) == len(document["Statement"]) - 1
                # AWS knows no policy without statements; this one is about nothing.
                put({**document, "Statement": kept or [{**document["Statement"][0], "Action": "none:None"}]})
            yield bool(undo)
        finally:
            for put, document in undo:
                put(document)

    def _roles(self, statement: Statement) -> list[str]:
        """The names of the roles that have a statement."""
        if statement.kind == "AWS::IAM::ManagedPolicy":
            arn = self.physical(statement.stack, statement.resource)
            found = self._installation.client("iam").list_entities_for_policy(PolicyArn=arn)
            return [each["RoleName"] for each in found["PolicyRoles"]]
        if statement.kind == "AWS::IAM::Role":
            return [self.physical(statement.stack, statement.resource)]
        if statement.kind.startswith("AWS::Serverless::"):
            return [self.physical(statement.stack, f"{statement.resource}Role")]
        return []

    def _of_managed(self, statement: Statement) -> list[tuple[Any, dict[str, Any]]]:
        iam = self._installation.client("iam")
        arn = self.physical(statement.stack, statement.resource)
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document: Any = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]

        def put(changed: dict[str, Any]) -> None:
            before = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(changed), SetAsDefault=True)
            iam.delete_policy_version(PolicyArn=arn, VersionId=before)

        return [(put, document)]

    def _of_role(self, role: str) -> list[tuple[Any, dict[str, Any]]]:
        iam = self._installation.client("iam")

        def of(name: str) -> tuple[Any, dict[str, Any]]:
            document: Any = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]

            def put(changed: dict[str, Any]) -> None:
                iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(changed))

            return put, document

        return [of(name) for name in iam.list_role_policies(RoleName=role)["PolicyNames"]]

    def _of_resource(self, statement: Statement) -> list[tuple[Any, dict[str, Any]]]:
        client = self._installation.client
        # What has its policy within itself is of no other.
        of = [self.physical(statement.stack, each) for each in statement.of or (statement.resource,)]
        match statement.kind:
            case "AWS::S3::BucketPolicy":
                return [self._of_bucket(each) for each in of]
            case "AWS::SQS::QueuePolicy":
                return [self._of_queue(each) for each in of]
            case "AWS::SNS::TopicPolicy":
                return [self._of_topic(each) for each in of]
        (key,) = of
        text = client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]
        return [
            (
                lambda changed: client("kms").put_key_policy(
                    KeyId=key, PolicyName="default", Policy=json.dumps(changed)
                ),
                json.loads(text),
            )
        ]

    def _of_bucket(self, bucket: str) -> tuple[Any, dict[str, Any]]:
        s3 = self._installation.client("s3")

        def put(changed: dict[str, Any]) -> None:
            s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(changed))

        return put, json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])

    def _of_topic(self, topic: str) -> tuple[Any, dict[str, Any]]:
        sns = self._installation.client("sns")

        def put(changed: dict[str, Any]) -> None:
            sns.set_topic_attributes(
                TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(changed)
            )

        return put, json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])

    def _of_queue(self, url: str) -> tuple[Any, dict[str, Any]]:
        sqs = self._installation.client("sqs")
        text = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]

        def put(changed: dict[str, Any]) -> None:
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(changed)})

        return put, json.loads(text)
