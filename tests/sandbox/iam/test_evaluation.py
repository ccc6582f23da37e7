"""Policies are evaluated as AWS documents it: one row for each rule."""

from __future__ import annotations

from typing import Any

import pytest

from happypath.sandbox.iam.evaluation import Decision, Policies, Request, evaluate
from happypath.sandbox.iam.policy import Policy, PolicyError
from happypath.sandbox.iam.principal import Anonymous, Principal, RoleSession, Root, Service, User

ACCOUNT = "123456789012"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/service/worker"
ROLE = RoleSession(ROLE_ARN, "session")
ALICE = User(f"arn:aws:iam::{ACCOUNT}:user/alice")
ROOT = Root(ACCOUNT)
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r"
EVENTS = Service("events.amazonaws.com", RULE, ACCOUNT)
KEY = "arn:aws:s3:::photos/a/b.jpg"


def allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | more


def deny(**more: Any) -> dict[str, Any]:
    return allow(Effect="Deny") | more


def without(name: str, **more: Any) -> dict[str, Any]:
    """An allow statement with another element in place of one."""
    return {key: value for key, value in allow(**more).items() if key != name}


def policy(*statements: dict[str, Any], version: str | None = "2012-10-17") -> Policy:
    return Policy.parse({**({"Version": version} if version else {}), "Statement": list(statements)})


def decided(
    principal: Principal = ROLE,
    action: str = "s3:GetObject",
    on: str | None = KEY,
    context: dict[str, tuple[str, ...]] | None = None,
    **policies: Any,
) -> Decision:
    return evaluate(Request(principal, action, on, context or {}), Policies(**policies))


def allows(statement: dict[str, Any], *, version: str | None = "2012-10-17", **asked: Any) -> bool:
    return decided(identity=[policy(statement, version=version)], **asked).allowed


@pytest.mark.parametrize(
    ("statement", "asked", "expected"),
    [
        # Actions: wildcards, and upper and lower case alike.
        (allow(), {}, True),
        (allow(Action="s3:*"), {}, True),
        (allow(Action="*"), {}, True),
        (allow(Action="S3:getobject"), {}, True),
        (allow(Action="s3:Get????ct"), {}, True),
        (allow(Action="s3:Get???ct"), {}, False),
        (allow(Action=["s3:PutObject", "s3:GetObject"]), {}, True),
        (allow(Action="s3:GetObjectVersion"), {}, False),
        (allow(Action="s3:Get"), {}, False),
        (without("Action", NotAction="s3:PutObject"), {}, True),
        (without("Action", NotAction=["s3:Get*"]), {}, False),
        # Resources: upper and lower case differ.
        (allow(Resource="arn:aws:s3:::photos/*"), {}, True),
        (allow(Resource="arn:aws:s3:::photos*"), {}, True),
        (allow(Resource="arn:aws:s3:::photos"), {}, False),
        (allow(Resource="arn:aws:s3:::Photos/*"), {}, False),
        (allow(Resource="arn:aws:s3:::photos/?/b.jpg"), {}, True),
        (allow(Resource="arn:aws:s3:::photos/a/b.j"), {}, False),
        (allow(Resource=["arn:aws:s3:::x", "arn:*:s3:::photos/a*"]), {}, True),
        (allow(Resource="arn:aws:s3:::photos/[a]/*"), {"on": "arn:aws:s3:::photos/[a]/c"}, True),
        (allow(Resource="arn:aws:s3:::photos/[a]/*"), {}, False),
        (allow(Resource="arn:aws:s3:::photos/*"), {"on": "arn:aws:s3:::photos/a\nb"}, True),
        (without("Resource", NotResource="arn:aws:s3:::photos/*"), {}, False),
        (without("Resource", NotResource="arn:aws:s3:::others/*"), {}, True),
        (allow(Resource="arn:aws:s3:::photos/*"), {"on": None}, True),
    ],
)
def test_an_identity_policy_matches(statement: dict[str, Any], asked: dict[str, Any], expected: bool) -> None:
    assert allows(statement, **asked) is expected


@pytest.mark.parametrize(
    ("resource", "context", "version", "expected"),
    [
        ("arn:aws:s3:::photos/${aws:username}/*", {"aws:username": ("a",)}, "2012-10-17", True),
        ("arn:aws:s3:::photos/${AWS:UserName}/*", {"aws:username": ("a",)}, "2012-10-17", True),
        ("arn:aws:s3:::photos/${aws:username}/*", {"aws:username": ("*",)}, "2012-10-17", False),
        ("arn:aws:s3:::photos/${aws:username}/*", {}, "2012-10-17", False),
        ("arn:aws:s3:::photos/${aws:username, 'a'}/*", {}, "2012-10-17", True),
        ("arn:aws:s3:::photos/${aws:username, 'x'}/*", {"aws:username": ("a",)}, "2012-10-17", True),
        ("arn:aws:s3:::photos/${aws:username}/*", {"aws:username": ("a", "b")}, "2012-10-17", False),
        # The version without variables.
        ("arn:aws:s3:::photos/${aws:username}/*", {"aws:username": ("a",)}, "2008-10-17", False),
        ("arn:aws:s3:::photos/${aws:username}/*", {"aws:username": ("a",)}, None, False),
    ],
)
def test_variables_are_filled_in(
    resource: str, context: dict[str, tuple[str, ...]], version: str | None, expected: bool
) -> None:
    assert allows(allow(Resource=resource), context=context, version=version) is expected


def test_a_variable_can_be_the_character_itself() -> None:
    statement = allow(Resource="arn:aws:s3:::photos/${*}${?}${$}")
    assert allows(statement, on="arn:aws:s3:::photos/*?$")
    assert not allows(statement, on="arn:aws:s3:::photos/abc")


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        ({"StringEquals": {"s3:prefix": "a"}}, {"s3:prefix": ("a",)}, True),
        ({"StringEquals": {"s3:prefix": "A"}}, {"s3:prefix": ("a",)}, False),
        ({"StringEquals": {"S3:Prefix": "a"}}, {"s3:prefix": ("a",)}, True),
        ({"stringequals": {"s3:prefix": "a"}}, {"s3:prefix": ("a",)}, True),
        ({"StringEquals": {"s3:prefix": ["b", "a"]}}, {"s3:prefix": ("a",)}, True),
        ({"StringEquals": {"s3:prefix": "a*"}}, {"s3:prefix": ("ab",)}, False),
        ({"StringEquals": {"s3:prefix": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"s3:prefix": "a"}}, {}, True),
        ({"StringEqualsIfExists": {"s3:prefix": "a"}}, {"s3:prefix": ("b",)}, False),
        ({"StringNotEquals": {"s3:prefix": ["a", "b"]}}, {"s3:prefix": ("b",)}, False),
        ({"StringNotEquals": {"s3:prefix": ["a", "b"]}}, {"s3:prefix": ("c",)}, True),
        ({"StringNotEquals": {"s3:prefix": "a"}}, {}, True),
        ({"StringEqualsIgnoreCase": {"s3:prefix": "A"}}, {"s3:prefix": ("a",)}, True),
        ({"StringNotEqualsIgnoreCase": {"s3:prefix": "A"}}, {"s3:prefix": ("a",)}, False),
        ({"StringLike": {"s3:prefix": "a/*"}}, {"s3:prefix": ("a/b",)}, True),
        ({"StringLike": {"s3:prefix": "a?"}}, {"s3:prefix": ("a",)}, False),
        ({"StringNotLike": {"s3:prefix": "a*"}}, {"s3:prefix": ("ab",)}, False),
        ({"StringLike": {"s3:prefix": "${aws:username}/*"}}, {"s3:prefix": ("x/y",)}, False),
        (
            {"StringLike": {"s3:prefix": "${aws:username}/*"}},
            {"s3:prefix": ("x/y",), "aws:username": ("x",)},
            True,
        ),
        # All keys and all operators must hold.
        ({"StringEquals": {"s3:prefix": "a", "s3:delimiter": "/"}}, {"s3:prefix": ("a",)}, False),
        (
            {"StringEquals": {"s3:prefix": "a"}, "NumericLessThan": {"s3:max-keys": "10"}},
            {"s3:prefix": ("a",), "s3:max-keys": ("9",)},
            True,
        ),
        ({"NumericEquals": {"s3:max-keys": 10}}, {"s3:max-keys": ("10.0",)}, True),
        ({"NumericNotEquals": {"s3:max-keys": 10}}, {"s3:max-keys": ("10",)}, False),
        ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, {"s3:max-keys": ("10",)}, True),
        ({"NumericGreaterThan": {"s3:max-keys": "10"}}, {"s3:max-keys": ("10",)}, False),
        ({"NumericGreaterThanEquals": {"s3:max-keys": "10"}}, {"s3:max-keys": ("10",)}, True),
        ({"NumericEquals": {"s3:max-keys": "10"}}, {"s3:max-keys": ("ten",)}, False),
        ({"NumericLessThan": {"s3:max-keys": "10"}}, {"s3:max-keys": ("nan",)}, False),
        (
            {"DateGreaterThan": {"aws:CurrentTime": "2020-04-01T00:00:00Z"}},
            {"aws:currenttime": ("2026-01-01T00:00:00+00:00",)},
            True,
        ),
        (
            {"DateLessThan": {"aws:CurrentTime": "2020-04-01"}},
            {"aws:currenttime": ("2026-01-01T00:00:00Z",)},
            False,
        ),
        ({"DateLessThan": {"aws:EpochTime": "1700000000"}}, {"aws:epochtime": ("1600000000",)}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, {"aws:securetransport": ("true",)}, True),
        ({"Bool": {"aws:SecureTransport": False}}, {"aws:securetransport": ("true",)}, False),
        ({"Bool": {"aws:SecureTransport": "TRUE"}}, {"aws:securetransport": ("true",)}, True),
        ({"Bool": {"aws:MultiFactorAuthPresent": "false"}}, {}, False),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}, {}, True),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, {"aws:sourceip": ("127.0.0.1",)}, True),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.1"}}, {"aws:sourceip": ("127.0.0.1",)}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws:sourceip": ("127.0.0.1",)}, False),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws:sourceip": ("::1",)}, False),
        ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws:sourceip": ("127.0.0.1",)}, True),
        ({"IpAddress": {"aws:SourceIp": "::/0"}}, {"aws:sourceip": ("::1",)}, True),
        ({"BinaryEquals": {"aws:UserAgent": "QUJD"}}, {"aws:useragent": ("QUJD",)}, True),
        ({"BinaryEquals": {"aws:UserAgent": "QUJD"}}, {"aws:useragent": ("no base64",)}, False),
        # ARNs: each of the six parts by itself, and ArnEquals is ArnLike.
        ({"ArnEquals": {"aws:SourceArn": RULE}}, {"aws:sourcearn": (RULE,)}, True),
        (
            {"ArnEquals": {"aws:SourceArn": "arn:aws:events:*:*:rule/*"}},
            {"aws:sourcearn": (RULE,)},
            True,
        ),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:events:*"}}, {"aws:sourcearn": (RULE,)}, False),
        ({"ArnLike": {"aws:SourceArn": "*"}}, {"aws:sourcearn": (RULE,)}, False),
        ({"StringLike": {"aws:SourceArn": "*"}}, {"aws:sourcearn": (RULE,)}, True),
        ({"ArnLike": {"aws:SourceArn": RULE[:-1] + "?"}}, {"aws:sourcearn": (RULE,)}, True),
        (
            {"ArnLike": {"aws:SourceArn": "arn:aws:states:*:*:execution:*"}},
            {"aws:sourcearn": ("arn:aws:states:us-east-1:1:execution:m:e",)},
            True,
        ),
        ({"ArnNotLike": {"aws:SourceArn": "arn:aws:s3:::*"}}, {"aws:sourcearn": (RULE,)}, True),
        ({"ArnNotEquals": {"aws:SourceArn": RULE}}, {"aws:sourcearn": (RULE,)}, False),
        ({"ArnLikeIfExists": {"aws:SourceArn": RULE}}, {}, True),
        # Null asks whether the key is absent.
        ({"Null": {"aws:TokenIssueTime": "true"}}, {}, True),
        ({"Null": {"aws:TokenIssueTime": True}}, {"aws:tokenissuetime": ("2026",)}, False),
        ({"Null": {"aws:TokenIssueTime": "false"}}, {"aws:tokenissuetime": ("2026",)}, True),
        ({"Null": {"aws:TokenIssueTime": "false"}}, {}, False),
        # Keys of several values.
        (
            {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["a", "b"]}},
            {"dynamodb:leadingkeys": ("a", "b")},
            True,
        ),
        (
            {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["a"]}},
            {"dynamodb:leadingkeys": ("a", "b")},
            False,
        ),
        ({"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["a"]}}, {}, True),
        (
            {"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": ["a"]}},
            {"dynamodb:leadingkeys": ("a", "b")},
            True,
        ),
        ({"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": ["a"]}}, {}, False),
        ({"ForAnyValue:StringNotEquals": {"dynamodb:LeadingKeys": ["a"]}}, {}, False),
        ({"ForAllValues:StringNotEquals": {"dynamodb:LeadingKeys": ["a"]}}, {}, True),
        (
            {"ForAllValues:StringNotEquals": {"dynamodb:LeadingKeys": ["a"]}},
            {"dynamodb:leadingkeys": ("a", "b")},
            False,
        ),
        (
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["p-*"]}},
            {"dynamodb:leadingkeys": ("p-1", "p-2")},
            True,
        ),
        (
            {"ForAnyValue:StringLikeIfExists": {"dynamodb:LeadingKeys": ["p-*"]}},
            {},
            True,
        ),
    ],
)
def test_a_condition_holds(
    condition: dict[str, Any], context: dict[str, tuple[str, ...]], expected: bool
) -> None:
    assert allows(allow(Condition=condition), context=context) is expected
    # The same condition of a Deny denies where it holds.
    both = [policy(allow(), deny(Condition=condition))]
    assert decided(identity=both, context=context).allowed is not expected


@pytest.mark.parametrize("operator", ["StringEquals", "StringNotEquals", "StringEqualsIfExists", "Null"])
def test_an_unknown_condition_key_denies_and_says_so(operator: str) -> None:
    condition = {operator: {"ec2:Vpc": "true"}}
    decision = decided(identity=[policy(allow(Condition=condition))])
    assert not decision.allowed
    assert decision.unknown_keys == ("ec2:vpc",)
    decision = decided(identity=[policy(allow(), deny(Condition=condition))])
    assert not decision.allowed
    assert decision.unknown_keys == ("ec2:vpc",)


def test_an_unknown_condition_key_does_not_matter_where_another_decides() -> None:
    condition = {"StringEquals": {"ec2:Vpc": "v", "s3:prefix": "a"}}
    denial = deny(Condition=condition)
    assert decided(identity=[policy(allow(), denial)], context={"s3:prefix": ("b",)}).allowed
    assert decided(identity=[policy(allow(), deny(Condition=condition, Action="s3:PutObject"))]).allowed


BY_ROLE = {"AWS": ROLE_ARN}
BY_SESSION = {"AWS": ROLE.arn}
BY_ACCOUNT = {"AWS": ACCOUNT}
BY_ROOT = {"AWS": ROOT.arn}
BY_EVENTS = {"Service": "events.amazonaws.com"}
NOTHING = policy(allow(Action="s3:PutObject"))


@pytest.mark.parametrize(
    ("principal", "identity", "resource", "boundary", "session", "expected"),
    [
        # Same account: either the identity's policies or the resource's will do.
        (ROLE, [], None, None, None, False),
        (ROLE, [allow()], None, None, None, True),
        (ROLE, [], allow(Principal=BY_ROLE), None, None, True),
        (ROLE, [], allow(Principal=BY_SESSION), None, None, True),
        (ROLE, [], allow(Principal={"AWS": ["arn:aws:iam::1:root", ROLE_ARN]}), None, None, True),
        (ROLE, [], allow(Principal="*"), None, None, True),
        (ROLE, [], allow(Principal={"AWS": "*"}), None, None, True),
        (ROLE, [], allow(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}), None, None, False),
        (ROLE, [], allow(Principal=BY_EVENTS), None, None, False),
        # Naming the account leaves it to the account's own policies.
        (ROLE, [], allow(Principal=BY_ACCOUNT), None, None, False),
        (ROLE, [], allow(Principal=BY_ROOT), None, None, False),
        (ROLE, [allow()], allow(Principal=BY_ROOT), None, None, True),
        (ALICE, [], allow(Principal={"AWS": ALICE.arn}), None, None, True),
        (ALICE, [allow()], None, None, None, True),
        # An explicit deny wins, wherever it is.
        (ROLE, [allow(), deny()], None, None, None, False),
        (ROLE, [allow()], deny(Principal="*"), None, None, False),
        (ROLE, [allow()], deny(Principal=BY_ACCOUNT), None, None, False),
        (ROLE, [allow()], deny(Principal=BY_ROLE), None, None, False),
        (ROLE, [allow()], deny(Principal=BY_EVENTS), None, None, True),
        (ROLE, [deny()], allow(Principal=BY_SESSION), None, None, False),
        (ROLE, [allow()], None, deny(), None, False),
        (ROLE, [allow()], None, None, deny(), False),
        # NotPrincipal spares whoever is named with all that it belongs to.
        (ROLE, [allow()], deny(NotPrincipal={"AWS": [ROLE.arn, ROLE_ARN, ROOT.arn]}), None, None, True),
        (ROLE, [allow()], deny(NotPrincipal={"AWS": [ROLE_ARN]}), None, None, False),
        (ALICE, [allow()], deny(NotPrincipal={"AWS": [ALICE.arn, ROOT.arn]}), None, None, True),
        (ALICE, [allow()], deny(NotPrincipal={"AWS": [ROLE_ARN, ROOT.arn]}), None, None, False),
        # A boundary and a session's policy limit what identities may; and what a resource gives to a role,
        # not to a session of it, nor to a user.
        (ROLE, [allow()], None, NOTHING, None, False),
        (ROLE, [allow()], None, policy(allow()), None, True),
        (ROLE, [], None, policy(allow()), None, False),
        (ROLE, [allow()], None, None, NOTHING, False),
        (ROLE, [allow()], None, None, policy(allow()), True),
        (ROLE, [], allow(Principal=BY_ROLE), NOTHING, None, False),
        (ROLE, [], allow(Principal=BY_SESSION), NOTHING, None, True),
        (ROLE, [], allow(Principal=BY_SESSION), None, NOTHING, True),
        (ALICE, [], allow(Principal={"AWS": ALICE.arn}), NOTHING, None, True),
        # The account itself needs no policy, and is held back by the resource's only.
        (ROOT, [], None, None, None, True),
        (ROOT, [], allow(Principal=BY_ROLE), None, None, True),
        (ROOT, [], deny(Principal="*"), None, None, False),
        (ROOT, [], deny(Principal=BY_ROLE), None, None, True),
        # A service has nothing but the resource's policy, and so has who is nobody.
        (EVENTS, [], None, None, None, False),
        (EVENTS, [], allow(Principal=BY_EVENTS), None, None, True),
        (EVENTS, [], allow(Principal={"Service": ["s3.amazonaws.com"]}), None, None, False),
        (EVENTS, [], allow(Principal="*"), None, None, True),
        (EVENTS, [], allow(Principal=BY_ACCOUNT), None, None, False),
        (Anonymous(), [], None, None, None, False),
        (Anonymous(), [], allow(Principal="*"), None, None, True),
        (Anonymous(), [], allow(Principal=BY_ACCOUNT), None, None, False),
    ],
)
def test_policies_of_all_kinds_decide_together(
    principal: Principal, identity: list[Any], resource: Any, boundary: Any, session: Any, expected: bool
) -> None:
    def of(statement: Any) -> Policy | None:
        return policy(statement) if isinstance(statement, dict) else statement

    decision = decided(
        principal,
        identity=[policy(*identity)] if identity else [],
        resource=of(resource),
        boundary=of(boundary),
        session=of(session),
    )
    assert decision.allowed is expected


@pytest.mark.parametrize(
    ("policies", "reason"),
    [
        ({}, "because no identity-based policy allows the s3:GetObject action"),
        (
            {"identity": [policy(allow())], "boundary": NOTHING},
            "because no permissions boundary allows the s3:GetObject action",
        ),
        (
            {"identity": [policy(allow())], "session": NOTHING},
            "because no session policy allows the s3:GetObject action",
        ),
        ({"identity": [policy(deny())]}, "with an explicit deny in an identity-based policy"),
        ({"resource": policy(deny(Principal="*"))}, "with an explicit deny in a resource-based policy"),
        ({"boundary": policy(deny())}, "with an explicit deny in a permissions boundary"),
        ({"session": policy(deny())}, "with an explicit deny in a session policy"),
    ],
)
def test_a_denial_says_which_kind_of_policy(policies: dict[str, Any], reason: str) -> None:
    assert decided(**policies).reason == reason


def test_a_service_is_told_of_the_resources_policy() -> None:
    decision = decided(EVENTS, "sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q")
    assert decision.reason == "because no resource-based policy allows the sqs:SendMessage action"


@pytest.mark.parametrize(
    ("principal", "identity", "trusted", "reason"),
    [
        (Service("lambda.amazonaws.com"), [], {"Service": "lambda.amazonaws.com"}, ""),
        (
            Service("states.amazonaws.com"),
            [],
            {"Service": "lambda.amazonaws.com"},
            "because no role trust policy allows the sts:AssumeRole action",
        ),
        # Both must allow it, unless the trust policy names who assumes.
        (ROLE, [], BY_ROLE, ""),
        (ROLE, [], BY_ROOT, "because no identity-based policy allows the sts:AssumeRole action"),
        (ROLE, ["sts:AssumeRole"], BY_ROOT, ""),
        (
            ROLE,
            ["sts:AssumeRole"],
            BY_EVENTS,
            "because no role trust policy allows the sts:AssumeRole action",
        ),
        (ROOT, [], BY_ROOT, ""),
        (ROOT, [], BY_EVENTS, "because no role trust policy allows the sts:AssumeRole action"),
    ],
)
def test_a_role_is_assumed_by_whom_it_trusts(
    principal: Principal, identity: list[str], trusted: dict[str, str], reason: str
) -> None:
    trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trusted})
    decision = decided(
        principal,
        "sts:AssumeRole",
        f"arn:aws:iam::{ACCOUNT}:role/other",
        identity=[policy(allow(Action=identity))] if identity else [],
        resource=trust,
    )
    assert (decision.allowed, decision.reason) == (not reason, reason)


def test_a_key_is_used_by_whom_its_policy_lets() -> None:
    arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k"
    identity = [policy(allow(Action="kms:Decrypt"))]
    assert not decided(ROLE, "kms:Decrypt", arn, identity=identity).allowed
    delegating = policy(allow(Action="kms:*", Principal=BY_ROOT))
    assert decided(ROLE, "kms:Decrypt", arn, identity=identity, resource=delegating).allowed
    assert not decided(ROLE, "kms:Decrypt", arn, resource=delegating).allowed


@pytest.mark.parametrize(
    "document",
    [
        "no JSON",
        "[]",
        {},
        {"Statement": ["text"]},
        {"Statement": [{"Effect": "allow", "Action": "*", "Resource": "*"}]},
        {"Statement": [{"Effect": "Allow", "Resource": "*"}]},
        {"Statement": [{"Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*"}]},
        {"Statement": [{"Effect": "Allow", "Action": 1, "Resource": "*"}]},
        {"Statement": [allow(Condition=[])]},
        {"Statement": [allow(Condition={"StringEquals": "a"})]},
        {"Statement": [allow(Condition={"StringMatches": {"s3:prefix": "a"}})]},
        {"Statement": [allow(Condition={"ForSomeValues:StringEquals": {"s3:prefix": "a"}})]},
        {"Statement": [allow(Condition={"NullIfExists": {"s3:prefix": "true"}})]},
        {"Statement": [allow(Condition={"StringEquals": {"s3:prefix": {"a": 1}}})]},
        {"Statement": [allow(Principal="someone")]},
    ],
)
def test_what_is_no_policy_is_refused(document: Any) -> None:
    with pytest.raises(PolicyError):
        Policy.parse(document)


def test_one_statement_needs_no_list() -> None:
    assert decided(identity=[Policy.parse({"Statement": allow()})]).allowed
