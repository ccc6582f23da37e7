"""IAM: the roles that stacks make."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

from moto.core.responses import ActionResult
from moto.iam.access_control import PermissionResult
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, Group, IAMBackend, Role, User, iam_backends
from moto.iam.responses import IamResponse
from moto.kms.models import Key
from moto.s3.models import FakeBucket
from moto.utilities.utils import get_partition

from happypath.sandbox.iam.enforcement import decide
from happypath.sandbox.iam.simulation import Simulation
from happypath.sandbox.patches.served import Patch, Served

# Its functions, not its bound methods: classes inherit.
_created_by_stack = vars(Role)["create_from_cloudformation_json"].__func__
_updated_by_stack = vars(Role)["update_from_cloudformation_json"].__func__
_deleted_by_stack = vars(Role)["delete_from_cloudformation_json"].__func__


@contextmanager
def managed_policies_of_roles(_: Served) -> Iterator[None]:
    """Managed policies of a stack's roles are attached, AWS's own among them; moto leaves them out.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html
    """
    with ExitStack() as patches:
        for name, replacement in (
            ("create_from_cloudformation_json", _create),
            ("update_from_cloudformation_json", _update),
            ("delete_from_cloudformation_json", _delete),
        ):
            patches.enter_context(patch.object(Role, name, classmethod(replacement)))
        yield


def _backend(account_id: str, region_name: str) -> IAMBackend:
    return iam_backends[account_id][get_partition(region_name)]


@cache
def _of_aws() -> dict[str, Any]:
    """AWS's own policies, by name."""
    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    return policies


def _attach(role: Any, resource: dict[str, Any], account_id: str, region_name: str) -> None:
    wanted = set(resource["Properties"].get("ManagedPolicyArns", []))
    for arn in set(role.managed_policies) - wanted:
        role.managed_policies[arn].detach_from(role)
    for arn in wanted - set(role.managed_policies):
        if arn.split(":")[4] == "aws":
            # The account has these only if moto was told so before it began, and then all thousand of them.
            name = arn.rpartition("/")[2]
            policy = AWSManagedPolicy.from_data(name, account_id, region_name, _of_aws()[name])
            policy.attach_to(role)
        else:
            _backend(account_id, region_name).attach_role_policy(arn, role.name)


def _create(
    cls: Any, name: str, resource: dict[str, Any], account_id: str, region_name: str, **more: Any
) -> Any:
    role = _created_by_stack(cls, name, resource, account_id, region_name, **more)
    _attach(role, resource, account_id, region_name)
    return role


def _update(
    cls: Any,
    original_resource: Any,
    new_resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
) -> Any:
    role = _updated_by_stack(
        cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
    )
    _attach(role, cloudformation_json, account_id, region_name)
    return role


def _delete(cls: Any, name: str, resource: dict[str, Any], account_id: str, region_name: str) -> None:
    roles = _backend(account_id, region_name).roles.values()
    for role in [each for each in roles if each.name == name]:
        for policy in list(role.managed_policies.values()):
            policy.detach_from(role)
    _deleted_by_stack(cls, name, resource, account_id, region_name)


@contextmanager
def inline_policies_of_stacks(_: Served) -> Iterator[None]:
    """The policies of a stack's roles and keys are JSON, as all policies are; moto's are what Python prints.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html
    """
    with ExitStack() as patches:
        for owner in (Group, Role, User):
            patches.enter_context(patch.object(owner, "put_policy", _in_json(owner.put_policy)))
        patches.enter_context(patch.object(Key, "create_from_cloudformation_json", classmethod(_create_key)))
        yield


_key_created_by_stack = vars(Key)["create_from_cloudformation_json"].__func__


def _create_key(cls: Any, /, *given: Any, **named: Any) -> Any:
    key = _key_created_by_stack(cls, *given, **named)
    if not isinstance(key.policy, str):
        key.policy = json.dumps(key.policy)
    return key


def _in_json(put: Callable[..., None]) -> Callable[..., None]:
    def put_in_json(holder: Any, policy_name: str, policy_json: Any) -> None:
        put(holder, policy_name, policy_json if isinstance(policy_json, str) else json.dumps(policy_json))

    return put_in_json


@contextmanager
def policies_of_buckets(_: Served) -> Iterator[None]:
    """Policies are enforced in front of S3 (`happypath.sandbox.iam`); moto's own check knows no conditions.

    What is left to S3 are the objects of a DeleteObjects, each of which is allowed or denied.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
    """

    def permission(_: Any, action: str, resource: str) -> PermissionResult:
        return PermissionResult.PERMITTED if decide(action, resource) else PermissionResult.DENIED

    with patch.object(FakeBucket, "get_permission", permission):
        yield


@contextmanager
def policy_simulator(_: Served) -> Iterator[None]:
    """SimulateCustomPolicy and SimulatePrincipalPolicy say what policies decide; moto has neither.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
    """

    def custom(response: Any) -> ActionResult:
        return _simulated(Simulation.of(response.params))

    def of_principal(response: Any) -> ActionResult:
        return _simulated(Simulation.of(response.params, response.params["PolicySourceArn"]))

    with (
        patch.object(IamResponse, "simulate_custom_policy", custom, create=True),
        patch.object(IamResponse, "simulate_principal_policy", of_principal, create=True),
    ):
        yield


def _simulated(simulation: Simulation) -> ActionResult:
    return ActionResult({"EvaluationResults": simulation.results(), "IsTruncated": False})


PATCHES: tuple[Patch, ...] = (
    managed_policies_of_roles,
    inline_policies_of_stacks,
    policies_of_buckets,
    policy_simulator,
)
