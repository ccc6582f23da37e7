"""Roles that stacks make have the managed policies that their templates say, and go with their stacks."""

from __future__ import annotations

import json

from happypath.sandbox.sandbox import Sandbox

ROLE = "role-of-a-stack"


def attached(sandbox: Sandbox) -> list[str]:
    listed = sandbox.client("iam").list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
    return sorted(each["PolicyName"] for each in listed)


def test_a_role_has_the_managed_policies_of_its_stack(sandbox: Sandbox) -> None:
    iam, cloudformation = sandbox.client("iam"), sandbox.client("cloudformation")
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ours = iam.create_policy(PolicyName="ours", PolicyDocument=document)["Policy"]["Arn"]
    of_aws = "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"

    def template(*arns: str) -> str:
        policies = "\n".join(f"        - {arn}" for arn in arns)
        return f"""
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: {ROLE}
      AssumeRolePolicyDocument: {{ Version: "2012-10-17", Statement: [] }}
      ManagedPolicyArns:
{policies}
"""

    cloudformation.create_stack(StackName="roles", TemplateBody=template(ours, of_aws))
    assert attached(sandbox) == ["AWSXRayDaemonWriteAccess", "ours"]
    cloudformation.update_stack(StackName="roles", TemplateBody=template(of_aws))
    assert attached(sandbox) == ["AWSXRayDaemonWriteAccess"]
    cloudformation.delete_stack(StackName="roles")
    assert ROLE not in {role["RoleName"] for role in iam.list_roles()["Roles"]}
    iam.delete_policy(PolicyArn=ours)


def test_the_policies_of_a_stacks_role_are_json(sandbox: Sandbox) -> None:
    iam, cloudformation = sandbox.client("iam"), sandbox.client("cloudformation")
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
    }
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": ROLE,
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []},
            "Policies": [{"PolicyName": "own", "PolicyDocument": policy}],
        },
    }
    cloudformation.create_stack(StackName="inline", TemplateBody=json.dumps({"Resources": {"Role": role}}))
    # botocore reads JSON; what is none stays text.
    assert iam.get_role_policy(RoleName=ROLE, PolicyName="own")["PolicyDocument"] == policy
    cloudformation.delete_stack(StackName="inline")
