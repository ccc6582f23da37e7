"""Types of resources that moto's CloudFormation does not make, and its services do: by calls of their API.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from moto.awslambda.models import FunctionUrlConfig, lambda_backends
from moto.cloudfront.models import cloudfront_backends
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from happypath.sandbox.cloudfront import cache_policies, response_headers

_PARTITION = "aws"

Properties: TypeAlias = Mapping[str, Any]
Clients: TypeAlias = Callable[[str], Any]


@dataclass(frozen=True)
class Place:
    """Where a stack is, and clients of the services there, by their names in boto3."""

    clients: Clients
    account_id: str
    region: str


# Makes a resource, or changes it to these properties: where, its name, properties → its physical id.
Put: TypeAlias = Callable[[Place, str, Properties], str]
# Removes it: where, its physical id, properties.
Remove: TypeAlias = Callable[[Place, str, Properties], None]


@dataclass(frozen=True)
class Kind:
    """A type of resource."""

    put: Put
    remove: Remove
    # The property that names it, if there is one.
    name: str = ""
    # Whether another physical id is another resource, and the old one goes.
    replaces: bool = False
    # What Fn::GetAtt may ask for → the value, of the physical id.
    attributes: Mapping[str, Callable[[Place, str], str]] = field(default_factory=dict)


def _json(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


# Policies go to moto's backends: every start of the sandbox waits for them, and a client takes 0.2 s to make.


def _queues(place: Place, properties: Properties, policy: str) -> None:
    for url in properties["Queues"]:
        backend = sqs_backends[place.account_id][place.region]
        backend.set_queue_attributes(url.rpartition("/")[2], {"Policy": policy})


def _queue_policy(place: Place, name: str, properties: Properties) -> str:
    _queues(place, properties, _json(properties["PolicyDocument"]))
    return name


def _topic_policy(place: Place, name: str, properties: Properties) -> str:
    for arn in properties["Topics"]:
        backend = sns_backends[place.account_id][place.region]
        backend.set_topic_attribute(arn, "policy", _json(properties["PolicyDocument"]))
    return name


def _no_topic_policy(place: Place, _: str, properties: Properties) -> None:
    """Leaves the policy that a topic is made with."""
    for arn in properties["Topics"]:
        topic: Any = sns_backends[place.account_id][place.region].topics.get(arn)
        if topic is not None:
            default = topic._create_default_topic_policy(place.region, place.account_id, topic.name)
            topic.policy = json.dumps(default)


def _bucket_policy(place: Place, _: str, properties: Properties) -> str:
    policy = _json(properties["PolicyDocument"]).encode()
    s3_backends[place.account_id][_PARTITION].put_bucket_policy(properties["Bucket"], policy)
    return str(properties["Bucket"])


def _no_bucket_policy(place: Place, bucket: str, _: Properties) -> None:
    s3_backends[place.account_id][_PARTITION].delete_bucket_policy(bucket)


def _subscription(place: Place, _: str, properties: Properties) -> str:
    backend = sns_backends[place.account_id][place.region]
    made = backend.subscribe(properties["TopicArn"], properties["Endpoint"], properties["Protocol"])
    for name in ("FilterPolicyScope", "FilterPolicy", "RawMessageDelivery", "RedrivePolicy"):
        if name in properties:
            backend.set_subscription_attributes(made.arn, name, _attribute(properties[name]))
    return str(made.arn)


def _no_subscription(place: Place, arn: str, _: Properties) -> None:
    sns_backends[place.account_id][place.region].unsubscribe(arn)


def _attribute(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (bool, dict, list)) else str(value)


def _managed_policy(place: Place, name: str, properties: Properties) -> str:
    backend = iam_backends[place.account_id][_PARTITION]
    document = _json(properties["PolicyDocument"])
    policy: Any = backend.managed_policies.get(name)
    if policy is None:
        description, path, tags = (properties.get(each) for each in ("Description", "Path", "Tags"))
        policy = backend.create_policy(description or "", path or "/", document, name, tags or [])
    else:
        # Changed, it has one version more, and at most five.
        old = policy.default_version_id
        backend.create_policy_version(policy.arn, document, set_as_default=True)
        backend.delete_policy_version(policy.arn, old)
    for holders, of_stack in (
        (backend.roles.values(), "Roles"),
        (backend.users.values(), "Users"),
        (backend.groups.values(), "Groups"),
    ):
        for holder in holders:
            if holder.name in properties.get(of_stack, ()) and policy.arn not in holder.managed_policies:
                policy.attach_to(holder)
    return str(policy.arn)


def _no_managed_policy(place: Place, arn: str, _: Properties) -> None:
    backend = iam_backends[place.account_id][_PARTITION]
    policy = backend.get_policy(arn)
    holders: list[Any] = [*backend.roles.values(), *backend.users.values(), *backend.groups.values()]
    for holder in holders:
        if arn in holder.managed_policies:
            policy.detach_from(holder)
    backend.delete_policy(arn)


# What is changed keeps its id, by which it is named then.


def _origin_access(place: Place, name: str, properties: Properties) -> str:
    backend = cloudfront_backends[place.account_id][_PARTITION]
    config = properties["OriginAccessControlConfig"]
    if name in backend.origin_access_controls:
        return str(backend.update_origin_access_control(name, config).id)
    return str(backend.create_origin_access_control(config).id)


def _no_origin_access(place: Place, control: str, _: Properties) -> None:
    cloudfront_backends[place.account_id][_PARTITION].delete_origin_access_control(control)


def _response_headers(place: Place, name: str, properties: Properties) -> str:
    return response_headers.POLICIES.put(place.account_id, properties["ResponseHeadersPolicyConfig"], name)


def _cache_policy(place: Place, name: str, properties: Properties) -> str:
    return cache_policies.POLICIES.put(place.account_id, properties["CachePolicyConfig"], name)


def _url_of(place: Place, function: str) -> FunctionUrlConfig:
    return lambda_backends[place.account_id][place.region].get_function_url_config(function)


def _function_url(place: Place, _: str, properties: Properties) -> str:
    if properties.get("Qualifier"):
        raise ValueError("The sandbox has no function URLs of aliases.")
    backend = lambda_backends[place.account_id][place.region]
    function = backend.get_function(properties["TargetFunctionArn"])
    config = {name: each for name, each in properties.items() if name in {"AuthType", "Cors", "InvokeMode"}}
    if function.url_config is None:
        function.create_url_config(config)
    else:
        function.update_url_config(config)
    return str(function.function_arn)


def _no_function_url(place: Place, arn: str, _: Properties) -> None:
    lambda_backends[place.account_id][place.region].delete_function_url_config(arn)


def _secret(place: Place, name: str, properties: Properties) -> str:
    """Made with a value that is generated, which a change of the template leaves alone."""
    client = place.clients("secretsmanager")
    settings = {each: properties[each] for each in ("Description", "KmsKeyId") if each in properties}
    try:
        return str(client.update_secret(SecretId=name, **settings)["ARN"])
    except client.exceptions.ResourceNotFoundException:
        pass
    generated = properties.get("GenerateSecretString")
    if generated is not None and "SecretStringTemplate" in generated:
        raise ValueError("The sandbox generates no SecretStringTemplate.")
    value = (
        client.get_random_password(**generated)["RandomPassword"]
        if generated is not None
        else properties.get("SecretString")
    )
    given = {} if value is None else {"SecretString": value}
    return str(client.create_secret(Name=name, **settings, **given)["ARN"])


def _no_secret(place: Place, arn: str, _: Properties) -> None:
    place.clients("secretsmanager").delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


# CloudFormation takes numbers as text, too.
_ALARM_NUMBERS = {"Threshold": float, "Period": int, "EvaluationPeriods": int, "DatapointsToAlarm": int}


def _alarm(place: Place, name: str, properties: Properties) -> str:
    numbers = {
        each: number(properties[each]) for each, number in _ALARM_NUMBERS.items() if each in properties
    }
    place.clients("cloudwatch").put_metric_alarm(**{**properties, **numbers, "AlarmName": name})
    return name


def _arn_of_alarm(place: Place, name: str) -> str:
    (alarm,) = place.clients("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(alarm["AlarmArn"])


def _settings_of_asynchronous_invocations(place: Place, name: str, properties: Properties) -> str:
    numbers = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")
    place.clients("lambda").put_function_event_invoke_config(
        **{each: properties[each] for each in ("FunctionName", "DestinationConfig") if each in properties},
        **{each: int(properties[each]) for each in numbers if each in properties},
    )
    return name


def _alias(place: Place, _: str, properties: Properties) -> str:
    known = ("FunctionName", "Name", "FunctionVersion", "Description", "RoutingConfig")
    given = {each: properties[each] for each in known if each in properties}
    given["FunctionVersion"] = str(given["FunctionVersion"]).rpartition(":")[2]
    client = place.clients("lambda")
    try:
        return str(client.create_alias(**given)["AliasArn"])
    except client.exceptions.ResourceConflictException:
        return str(client.update_alias(**given)["AliasArn"])


def _no_alias(place: Place, _: str, properties: Properties) -> None:
    place.clients("lambda").delete_alias(FunctionName=properties["FunctionName"], Name=properties["Name"])


KINDS: Mapping[str, Kind] = {
    "AWS::CloudWatch::Alarm": Kind(
        _alarm,
        lambda place, name, _: place.clients("cloudwatch").delete_alarms(AlarmNames=[name]),
        name="AlarmName",
        attributes={"Arn": _arn_of_alarm},
    ),
    "AWS::CloudFront::CachePolicy": Kind(
        _cache_policy,
        lambda place, policy, _: cache_policies.POLICIES.remove(place.account_id, policy),
        attributes={"Id": lambda _, policy: policy},
    ),
    "AWS::CloudFront::OriginAccessControl": Kind(
        _origin_access, _no_origin_access, attributes={"Id": lambda _, control: control}
    ),
    "AWS::CloudFront::ResponseHeadersPolicy": Kind(
        _response_headers,
        lambda place, policy, _: response_headers.POLICIES.remove(place.account_id, policy),
        attributes={"Id": lambda _, policy: policy},
    ),
    "AWS::IAM::ManagedPolicy": Kind(
        _managed_policy,
        _no_managed_policy,
        name="ManagedPolicyName",
        attributes={"PolicyArn": lambda _, arn: arn},
    ),
    "AWS::Lambda::Alias": Kind(_alias, _no_alias, attributes={"AliasArn": lambda _, arn: arn}),
    "AWS::Lambda::EventInvokeConfig": Kind(
        _settings_of_asynchronous_invocations,
        lambda place, _, properties: place.clients("lambda").delete_function_event_invoke_config(
            FunctionName=properties["FunctionName"]
        ),
    ),
    "AWS::Lambda::Url": Kind(
        _function_url,
        _no_function_url,
        attributes={
            "FunctionArn": lambda _, arn: arn,
            "FunctionUrl": lambda place, arn: f"{_url_of(place, arn).url}/",
        },
    ),
    "AWS::SecretsManager::Secret": Kind(
        _secret, _no_secret, name="Name", attributes={"Id": lambda _, arn: arn}
    ),
    "AWS::S3::BucketPolicy": Kind(_bucket_policy, _no_bucket_policy),
    "AWS::SNS::Subscription": Kind(_subscription, _no_subscription, replaces=True),
    "AWS::SNS::TopicPolicy": Kind(_topic_policy, _no_topic_policy),
    "AWS::SQS::QueuePolicy": Kind(_queue_policy, lambda place, _, properties: _queues(place, properties, "")),
}
