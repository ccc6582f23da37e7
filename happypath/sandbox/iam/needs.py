"""What an operation needs: actions, each on a resource, with the condition keys of their own.

From AWS's Service Authorization Reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
An operation of which this does not know the resource is judged by its action alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from happypath.sandbox.iam import lookups
from happypath.sandbox.iam.calls import Call
from happypath.sandbox.iam.conditions import Context


@dataclass(frozen=True)
class Need:
    """An action on a resource; `resource` is None where it is not known which."""

    action: str
    resource: str | None
    context: Context = field(default_factory=dict)
    # What the service answers where this is denied, if not that: its code and its sentence.
    otherwise: tuple[str, str] | None = None


# The name that signs → the one in policies.
_PREFIXES = {"monitoring": "cloudwatch", "email": "ses"}
# Operations whose action has another name.
_ACTIONS = {
    ("lambda", "Invoke"): "InvokeFunction",
    ("lambda", "InvokeAsync"): "InvokeFunction",
    ("lambda", "InvokeWithResponseStream"): "InvokeFunction",
    ("lambda", "ListVersionsByFunction"): "ListVersionsByFunction",
    ("sns", "PublishBatch"): "Publish",
    ("sqs", "ChangeMessageVisibilityBatch"): "ChangeMessageVisibility",
    ("sqs", "DeleteMessageBatch"): "DeleteMessage",
    ("sqs", "SendMessageBatch"): "SendMessage",
}
# Services whose operations have no resource to be limited to.
_WITHOUT_RESOURCES = {"cloudwatch", "comprehend", "polly", "textract", "translate", "xray"}
# The resource by the argument that names it. An argument that is an ARN is the resource itself.
_RESOURCES: dict[str, dict[str, str]] = {
    "events": {
        "EventBusName": "event-bus/{}",
        "ArchiveName": "archive/{}",
    },
    "firehose": {"DeliveryStreamName": "deliverystream/{}"},
    "iam": {
        "RoleName": "role/{}",
        "UserName": "user/{}",
        "GroupName": "group/{}",
        "PolicyArn": "{}",
    },
    "kinesis": {"StreamName": "stream/{}", "StreamARN": "{}"},
    "lambda": {"FunctionName": "function:{}", "UUID": "event-source-mapping:{}"},
    "rekognition": {"CollectionId": "collection/{}"},
    "sns": {"TopicArn": "{}", "TargetArn": "{}", "ResourceArn": "{}", "Name": "{}"},
    "sqs": {"QueueName": "{}"},
    "states": {
        "stateMachineArn": "{}",
        "executionArn": "{}",
        "activityArn": "{}",
        "resourceArn": "{}",
        "mapRunArn": "{}",
    },
    "sts": {"RoleArn": "{}"},
}
# Where no argument names a resource there is none for these services.
_ELSE_ALL = {"events", "kinesis", "lambda", "logs", "rekognition", "sns", "sqs", "ssm", "states", "sts"}
_PARTS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
_OF_STREAMS = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
_PARTIQL = {
    "SELECT": "PartiQLSelect",
    "INSERT": "PartiQLInsert",
    "UPDATE": "PartiQLUpdate",
    "DELETE": "PartiQLDelete",
}


def needs(call: Call, account_id: str) -> list[Need]:
    """What a call needs, of any service but S3.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: its arguments make no sense.
    """
    service = _PREFIXES.get(call.service, call.service)
    arn = partial(_arn, service, call.region, account_id)
    own = _OF_SERVICES.get(service)
    if own is not None:
        return list(own(call, arn))
    return [_plain(service, call, arn)]


def _arn(service: str, region: str, account_id: str, resource: str) -> str:
    if service in {"cloudfront", "iam"}:
        region = ""
    return f"arn:aws:{service}:{region}:{account_id}:{resource}"


_Arn = Callable[[str], str]


def _action(service: str, operation: str) -> str:
    return f"{service}:{_ACTIONS.get((service, operation), operation)}"


def _plain(service: str, call: Call, arn: _Arn) -> Need:
    """By the one argument that names the resource."""
    action = _action(service, call.operation)
    if service in _WITHOUT_RESOURCES:
        return Need(action, "*")
    for name, template in _RESOURCES.get(service, {}).items():
        value = call.arguments.get(name)
        if isinstance(value, str) and value:
            return Need(action, value if value.startswith("arn:") else arn(template.format(value)))
    return Need(action, "*" if service in _ELSE_ALL else None)


def _dynamodb(call: Call, arn: _Arn) -> Iterator[Need]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html"""
    arguments, name = call.arguments, call.operation
    if name in _OF_STREAMS:
        yield _on_stream(name, arguments, arn)
    elif name in {"TransactWriteItems", "TransactGetItems"}:
        enclosing = {"dynamodb:enclosingoperation": (name,)}
        for each in arguments["TransactItems"]:
            for part, operand in each.items():
                yield _on_table(_PARTS[part], operand, arn, enclosing)
    elif name in {"BatchGetItem", "BatchWriteItem"}:
        for table, requests in arguments["RequestItems"].items():
            keys = requests["Keys"] if name == "BatchGetItem" else [_written(each) for each in requests]
            yield Need(f"dynamodb:{name}", _table(table, arn), _leading(table, keys))
    elif name in {"ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"}:
        own = [arguments] if "Statement" in arguments else []
        for each in [*own, *arguments.get("Statements", []), *arguments.get("TransactStatements", [])]:
            yield _partiql(each["Statement"], arn)
    elif "TableName" in arguments:
        yield _on_table(name, arguments, arn, {})
    else:
        yield Need(f"dynamodb:{name}", arguments.get("ResourceArn", "*"))


def _on_stream(name: str, arguments: Mapping[str, Any], arn: _Arn) -> Need:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html"""
    table = arguments.get("TableName")
    if name == "ListStreams":
        return Need("dynamodb:ListStreams", arn(f"table/{table}/stream/*") if table else "*")
    # An iterator begins with its stream's ARN.
    stream = arguments["ShardIterator"].partition("|")[0] if name == "GetRecords" else arguments["StreamArn"]
    return Need(f"dynamodb:{name}", stream)


def _table(name: str, arn: _Arn) -> str:
    return name if name.startswith("arn:") else arn(f"table/{name}")


def _written(request: Mapping[str, Any]) -> Any:
    (operand,) = request.values()
    return operand.get("Key") or operand["Item"]


def _on_table(name: str, arguments: Mapping[str, Any], arn: _Arn, context: Context) -> Need:
    table = arguments["TableName"]
    key = arguments.get("Key") or arguments.get("Item")
    keys: dict[str, tuple[str, ...]] = {**context}
    if key:
        keys |= _leading(table, [key])
    elif "KeyConditionExpression" in arguments or "KeyConditions" in arguments:
        keys |= _queried(table, arguments)
    for argument in ("ReturnValues", "Select"):
        if argument in arguments:
            keys[f"dynamodb:{argument.lower()}"] = (str(arguments[argument]),)
    index = arguments.get("IndexName")
    resource = _table(table, arn)
    return Need(f"dynamodb:{name}", f"{resource}/index/{index}" if index else resource, keys)


def _leading(table: str, keys: list[Any]) -> dict[str, tuple[str, ...]]:
    """`dynamodb:LeadingKeys`, the values of the partition key."""
    attribute = lookups.partition_key(table.rpartition("/")[2])
    found = [key[attribute] for key in keys if attribute in key]
    return {"dynamodb:leadingkeys": tuple(_scalar(each) for each in found)} if found else {}


def _scalar(value: Mapping[str, Any]) -> str:
    (text,) = value.values()
    return str(text)


def _queried(table: str, arguments: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    attribute = lookups.partition_key(table.rpartition("/")[2], arguments.get("IndexName"))
    if attribute in arguments.get("KeyConditions", {}):
        values = arguments["KeyConditions"][attribute]["AttributeValueList"]
        return {"dynamodb:leadingkeys": tuple(_scalar(each) for each in values)}
    names = arguments.get("ExpressionAttributeNames", {})
    values = arguments.get("ExpressionAttributeValues", {})
    for name, value in re.findall(r"(#?[\w.-]+)\s*=\s*(:\w+)", arguments.get("KeyConditionExpression", "")):
        if names.get(name, name) == attribute and value in values:
            return {"dynamodb:leadingkeys": (_scalar(values[value]),)}
    return {}


def _partiql(statement: str, arn: _Arn) -> Need:
    action = _PARTIQL[statement.split(None, 1)[0].upper()]
    named = re.search(r'(?:FROM|INTO|UPDATE)\s+"?([\w.-]+)"?(?:\."?([\w.-]+)"?)?', statement, re.IGNORECASE)
    if named is None:
        raise ValueError(statement)
    table = arn(f"table/{named[1]}")
    return Need(f"dynamodb:{action}", f"{table}/index/{named[2]}" if named[2] else table)


def _sqs(call: Call, arn: _Arn) -> Iterator[Need]:
    url = call.arguments.get("QueueUrl")
    if url:
        queue = urlsplit(url).path.rpartition("/")[2]
        yield Need(_action("sqs", call.operation), arn(queue))
    else:
        yield _plain("sqs", call, arn)


def _sns(call: Call, arn: _Arn) -> Iterator[Need]:
    arguments = call.arguments
    if "PhoneNumber" in arguments:
        yield Need("sns:Publish", "*")
    elif "SubscriptionArn" in arguments:
        yield Need(f"sns:{call.operation}", arguments["SubscriptionArn"].rpartition(":")[0])
    else:
        plain = _plain("sns", call, arn)
        keys = {"Protocol": "sns:protocol", "Endpoint": "sns:endpoint"}
        context = {key: (str(arguments[name]),) for name, key in keys.items() if name in arguments}
        yield Need(plain.action, plain.resource, context)


def _states(call: Call, arn: _Arn) -> Iterator[Need]:
    yield _plain("states", call, arn)
    if call.operation in {"CreateStateMachine", "UpdateStateMachine"} and call.arguments.get("roleArn"):
        yield _pass_role(call.arguments["roleArn"], "states.amazonaws.com")


def _lambda(call: Call, arn: _Arn) -> Iterator[Need]:
    plain = _plain("lambda", call, arn)
    # `NAME`, `ACCOUNT:function:NAME` and the whole ARN name the same function.
    name = call.arguments.get("FunctionName", "")
    resource = plain.resource
    if name and not name.startswith("arn:"):
        resource = arn(f"function:{name.rpartition('function:')[2]}")
    qualifier = call.arguments.get("Qualifier")
    if qualifier and resource and resource.count(":") == 6:
        resource = f"{resource}:{qualifier}"
    yield Need(plain.action, resource)
    if call.operation in {"CreateFunction", "UpdateFunctionConfiguration"} and call.arguments.get("Role"):
        yield _pass_role(call.arguments["Role"], "lambda.amazonaws.com")


def _pass_role(role_arn: str, service: str) -> Need:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"""
    return Need("iam:PassRole", role_arn, {"iam:passedtoservice": (service,)})


def _events(call: Call, arn: _Arn) -> Iterator[Need]:
    arguments = call.arguments
    if call.operation == "PutEvents":
        for entry in arguments["Entries"]:
            bus = entry.get("EventBusName") or "default"
            keys = {"Source": "events:source", "DetailType": "events:detail-type"}
            context = {key: (str(entry[name]),) for name, key in keys.items() if name in entry}
            yield Need(
                "events:PutEvents", bus if bus.startswith("arn:") else arn(f"event-bus/{bus}"), context
            )
        return
    rule = arguments.get("Rule") or (arguments.get("Name") if call.operation.endswith("Rule") else None)
    if rule:
        bus = (arguments.get("EventBusName") or "default").rpartition("/")[2]
        yield Need(
            f"events:{call.operation}", arn(f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}")
        )
    elif "EventBus" in call.operation and isinstance(arguments.get("Name"), str):
        yield Need(f"events:{call.operation}", arn(f"event-bus/{arguments['Name']}"))
    else:
        yield _plain("events", call, arn)
    for target in arguments.get("Targets", []):
        if isinstance(target, dict) and target.get("RoleArn"):
            yield _pass_role(target["RoleArn"], "events.amazonaws.com")


def _ssm(call: Call, arn: _Arn) -> Iterator[Need]:
    arguments = call.arguments
    if "Parameter" not in call.operation:
        yield Need(f"ssm:{call.operation}", None)
        return
    named = [arguments.get("Name"), arguments.get("Path"), *arguments.get("Names", [])]
    names = [name for name in named if isinstance(name, str)]
    for name in names:
        # A version or a label may follow: `/name:3`.
        own = name if name.startswith("arn:") else arn(f"parameter/{name.partition(':')[0].lstrip('/')}")
        yield Need(f"ssm:{call.operation}", own)
    if not names:
        yield Need(f"ssm:{call.operation}", "*")


def _secretsmanager(call: Call, arn: _Arn) -> Iterator[Need]:
    secret = call.arguments.get("SecretId") or call.arguments.get("Name")
    if secret is None:
        yield Need(f"secretsmanager:{call.operation}", "*")
    else:
        known = secret if secret.startswith("arn:") else lookups.secret_arn(secret, call.region)
        yield Need(f"secretsmanager:{call.operation}", known or arn(f"secret:{secret}"))


def _kms(call: Call, arn: _Arn) -> Iterator[Need]:
    key = call.arguments.get("KeyId")
    known = lookups.key_arn(key, call.region) if key else "*"
    account = {"kms:calleraccount": (arn("").split(":")[4],)}
    yield Need(f"kms:{call.operation}", known or arn(f"key/{key}"), account)


def _cloudfront(call: Call, arn: _Arn) -> Iterator[Need]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudfront.html."""
    named = call.arguments.get("DistributionId") or call.arguments.get("Id")
    kind = next((name for word, name in _OF_CLOUDFRONT.items() if word in call.operation), None)
    resource = arn(f"{kind}/{named}") if kind and named else "*" if kind else None
    yield Need(f"cloudfront:{call.operation}", resource)


_OF_CLOUDFRONT = {
    "Distribution": "distribution",
    "Invalidation": "distribution",
    "OriginAccessControl": "origin-access-control",
}


def _logs(call: Call, arn: _Arn) -> Iterator[Need]:
    """The ARNs of AWS's own messages: of a group, with an empty stream behind it."""
    group = call.arguments.get("logGroupName") or call.arguments.get("logGroupIdentifier")
    if not group:
        yield Need(f"logs:{call.operation}", "*")
        return
    name = group.rpartition("log-group:")[2].removesuffix(":*")
    stream = call.arguments.get("logStreamName", "")
    yield Need(f"logs:{call.operation}", arn(f"log-group:{name}:log-stream:{stream}"))


# Rekognition and Textract read an object with the caller's permissions.
# https://docs.aws.amazon.com/rekognition/latest/dg/security_iam_service-with-iam.html
_UNREADABLE = (
    "InvalidS3ObjectException",
    "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
)


def _rekognition(call: Call, arn: _Arn) -> Iterator[Need]:
    yield _plain("rekognition", call, arn)
    for name in ("Image", "SourceImage", "TargetImage", "Video", "Document"):
        stored = (call.arguments.get(name) or {}).get("S3Object")
        if stored:
            # moto's and AWS's names of the key differ by service: `Name`.
            version = stored.get("Version")
            action = "s3:GetObjectVersion" if version else "s3:GetObject"
            resource = f"arn:aws:s3:::{stored['Bucket']}/{stored['Name']}"
            context = {"s3:versionid": (str(version),)} if version else {}
            yield Need(action, resource, context, _UNREADABLE)


def _textract(call: Call, arn: _Arn) -> Iterator[Need]:
    yield Need(f"textract:{call.operation}", "*")
    yield from list(_rekognition(call, arn))[1:]


def _sts(call: Call, arn: _Arn) -> Iterator[Need]:
    # Whoever asks gets the answer, even where a policy denies it.
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    if call.operation == "GetCallerIdentity":
        return
    keys = {"ExternalId": "sts:externalid", "RoleSessionName": "sts:rolesessionname"}
    context = {key: (str(call.arguments[name]),) for name, key in keys.items() if name in call.arguments}
    yield Need(f"sts:{call.operation}", _plain("sts", call, arn).resource, context)


_OF_SERVICES: dict[str, Callable[[Call, _Arn], Iterator[Need]]] = {
    "cloudfront": _cloudfront,
    "dynamodb": _dynamodb,
    "events": _events,
    "kms": _kms,
    "lambda": _lambda,
    "logs": _logs,
    "rekognition": _rekognition,
    "secretsmanager": _secretsmanager,
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _ssm,
    "states": _states,
    "sts": _sts,
    "textract": _textract,
}
