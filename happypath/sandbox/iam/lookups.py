"""What the account knows that requests do not say: names and keys of resources, and their policies."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from happypath.sandbox.iam.evaluation import Policies
from happypath.sandbox.iam.policy import Policy, PolicyError
from happypath.sandbox.iam.principal import Principal, RoleSession, User

_log = logging.getLogger(__name__)

_PARTITION = "aws"


def partition_key(table: str, index: str | None = None) -> str | None:
    """The attribute that a table's or an index's items are divided by."""
    for backend in dynamodb_backends[DEFAULT_ACCOUNT_ID].values():
        found = backend.tables.get(table)
        if found is not None:
            for each in [*found.global_indexes, *found.indexes] if index else []:
                if each.name == index:
                    return next(key["AttributeName"] for key in each.schema if key["KeyType"] == "HASH")
            return str(found.hash_key_attr)
    return None


def secret_arn(name: str, region: str) -> str | None:
    """The ARN of a secret by its name: it ends in characters that nobody knows."""
    from moto.secretsmanager.models import secretsmanager_backends  # noqa: PLC0415  # few use it, and it is slow

    secret = secretsmanager_backends[DEFAULT_ACCOUNT_ID][region].secrets.get(name)
    return str(secret.arn) if secret else None


def key_arn(key_id: str, region: str) -> str | None:
    """The ARN of a key by its id, its ARN, or an alias of it."""
    key = _key(key_id, region)
    return str(key.arn) if key else None


def customers_key_arn(key_id: str, region: str) -> str | None:
    """The same, of a key that is not one of those that AWS brings along (`alias/aws/s3`)."""
    key = _key(key_id, region)
    of_aws = key is not None and any(alias.startswith("alias/aws/") for alias in key.aliases)
    return None if key is None or of_aws else str(key.arn)


def _key(key_id: str, region: str) -> Any:
    from moto.kms.models import kms_backends  # noqa: PLC0415  # few use it, and it is slow

    backend = kms_backends[DEFAULT_ACCOUNT_ID][region]
    name = key_id.rpartition(":")[2] if key_id.startswith("arn:") else key_id
    found = backend.get_key_id_from_alias(name) if name.startswith("alias/") else name.rpartition("/")[2]
    return backend.keys.get(found or "")


def bucket_exists(name: str) -> bool:
    """Whether there is a bucket."""
    return name in s3_backends[DEFAULT_ACCOUNT_ID][_PARTITION].buckets


def role(arn: str) -> Any:
    """A role as moto holds it, by its ARN; None if there is none."""
    account_id, name = arn.split(":")[4], arn.rpartition("/")[2]
    roles = iam_backends[account_id][_PARTITION].roles.values()
    return next((each for each in roles if each.name == name), None)


def user(name: str, account_id: str = DEFAULT_ACCOUNT_ID) -> Any:
    """A user as moto holds it, by its name; None if there is none."""
    return iam_backends[account_id][_PARTITION].users.get(name)


def policies(principal: Principal, action: str, resource: str | None) -> Policies:
    """All policies that concern an action of a principal on a resource."""
    identity: list[Policy] = []
    boundary = session = None
    if isinstance(principal, RoleSession):
        found = role(principal.role_arn)
        identity = list(_of_identity(found, principal.role_arn))
        boundary = _boundary(found, principal.account_id)
        session = principal.session_policy and _read([principal.session_policy], principal.arn)
    elif isinstance(principal, User):
        found = user(principal.name, principal.account_id)
        identity = list(_of_identity(found, principal.arn))
        for group in iam_backends[principal.account_id][_PARTITION].get_groups_for_user(principal.name):
            identity += _of_identity(group, group.arn)
    return Policies(
        identity,
        of_resource(action, resource) if resource else None,
        next(iter(boundary), None) if boundary is not None else None,
        session[0] if session else None,
    )


def _of_identity(holder: Any, of: str) -> Iterator[Policy]:
    if holder is None:
        return
    yield from _read(holder.policies.values(), of)
    yield from _read((_document(each) for each in holder.managed_policies.values()), of)


def _document(managed: Any) -> Any:
    version = managed.default_version_id
    return next(each.document for each in managed.versions if each.version_id == version)


def _boundary(found: Any, account_id: str) -> list[Policy] | None:
    """A role's permissions boundary; one that is gone allows nothing."""
    arn = getattr(found, "permissions_boundary_arn", None)
    if not arn:
        return None
    managed = iam_backends[account_id][_PARTITION].managed_policies.get(arn)
    return _read([_document(managed)], arn) if managed else [Policy(())]


def _read(documents: Iterable[Any], of: str) -> list[Policy]:
    read = []
    for document in documents:
        try:
            read.append(Policy.parse(document))
        except PolicyError as error:
            _log.warning("A policy of %s counts for nothing: %s.", of, error)
    return read


def of_resource(action: str, resource: str) -> Policy | None:
    """The policy of the resource that an action is on, if it has one."""
    parts = resource.split(":", 5)
    find = _OF_RESOURCES.get(parts[2]) if len(parts) == 6 else None
    document = find(resource, parts[3], parts[4], parts[5], action) if find else None
    return next(iter(_read([document], resource)), None) if document else None


# Each takes the ARN, its region, its account, what is after them, and the action.


def _of_bucket(_arn: str, _region: str, _account: str, name: str, _action: str) -> Any:
    bucket = s3_backends[DEFAULT_ACCOUNT_ID][_PARTITION].buckets.get(name.partition("/")[0])
    return bucket and bucket.policy and bucket.policy.decode()


def _of_queue(_arn: str, region: str, account: str, name: str, _action: str) -> Any:
    queue = sqs_backends[account][region].queues.get(name)
    return queue and queue.policy


def _of_topic(arn: str, region: str, account: str, _name: str, _action: str) -> Any:
    topic = sns_backends[account][region].topics.get(arn)
    return topic and topic.policy


def _of_function(_arn: str, region: str, account: str, name: str, _action: str) -> Any:
    kind, _, rest = name.partition(":")
    if kind != "function":
        return None
    function = lambda_backends[account][region]._lambdas._functions.get(rest.partition(":")[0])
    latest = function and function["latest"]
    statements = latest.policy.statements if latest else []
    return statements and _document_of([_with_principal(each) for each in statements])


def _with_principal(statement: dict[str, Any]) -> dict[str, Any]:
    """A permission names an account or a role as text, which a policy does by kind."""
    principal = statement.get("Principal")
    named = isinstance(principal, str) and principal != "*"
    return {**statement, "Principal": {"AWS": principal}} if named else statement


def _of_bus(_arn: str, region: str, account: str, name: str, _action: str) -> Any:
    bus = events_backends[account][region].event_buses.get(name.removeprefix("event-bus/"))
    return bus and bus.policy


def _of_logs(_arn: str, region: str, account: str, _name: str, _action: str) -> Any:
    """The policies of logs are the account's, and name groups."""
    statements: list[Any] = []
    for each in logs_backends[account][region].resource_policies.values():
        made = json.loads(each.policy_document)["Statement"]
        statements += made if isinstance(made, list) else [made]
    return statements and _document_of(statements)


def _of_key(arn: str, region: str, _account: str, _name: str, _action: str) -> Any:
    key = _key(arn, region)
    return key and key.policy


def _of_secret(arn: str, region: str, account: str, _name: str, _action: str) -> Any:
    from moto.secretsmanager.models import secretsmanager_backends  # noqa: PLC0415  # few use it, and it is slow

    secrets = secretsmanager_backends[account][region].secrets.values()
    return next((getattr(each, "policy", None) for each in secrets if each.arn == arn), None)


def _of_role(arn: str, _region: str, _account: str, _name: str, action: str) -> Any:
    found = role(arn) if action.lower().startswith("sts:assumerole") else None
    return found and found.assume_role_policy_document


def _document_of(statements: list[Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


_OF_RESOURCES: dict[str, Callable[[str, str, str, str, str], Any]] = {
    "events": _of_bus,
    "iam": _of_role,
    "kms": _of_key,
    "lambda": _of_function,
    "logs": _of_logs,
    "s3": _of_bucket,
    "secretsmanager": _of_secret,
    "sns": _of_topic,
    "sqs": _of_queue,
}
