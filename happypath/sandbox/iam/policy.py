"""Policies as documents, read once and then asked many times.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from happypath.sandbox.iam import conditions
from happypath.sandbox.iam.conditions import Condition, ConditionError
from happypath.sandbox.iam.patterns import Lookup, Pattern, matches_action
from happypath.sandbox.iam.principal import Anonymous, Principal, RoleSession, Root, Service

# The version with variables; a policy that names none has the older one.
_WITH_VARIABLES = "2012-10-17"

Effect = Literal["Allow", "Deny"]


class PolicyError(ValueError):
    """A document is no policy; the message says why."""


@dataclass(frozen=True)
class Grant:
    """How a statement names a principal: by itself, or only the account that it belongs to."""

    # The account is named: its own policies decide who of it may.
    by_account: bool = False
    # The session, user or service itself is named, and no role or everybody.
    exact: bool = False


@dataclass(frozen=True)
class Principals:
    """The Principal of a statement, by kind; `everybody` is `*`."""

    everybody: bool
    aws: frozenset[str]
    services: frozenset[str]

    def names(self, principal: Principal) -> Grant | None:
        """How it names a principal, if it does."""
        if isinstance(principal, Service):
            exact = principal.name in self.services
            return Grant(exact=exact) if exact or self.everybody else None
        if isinstance(principal, Anonymous):
            return Grant() if self.everybody else None
        if self.everybody:
            return Grant()
        if principal.arn in self.aws:
            return Grant(by_account=isinstance(principal, Root), exact=not isinstance(principal, Root))
        if isinstance(principal, RoleSession) and principal.role_arn in self.aws:
            return Grant()
        account = {principal.account_id, Root(principal.account_id).arn}
        return Grant(by_account=True) if account & self.aws else None

    def spares(self, principal: Principal) -> bool:
        """Whether NotPrincipal of these leaves a principal out: its whole chain must be named.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        """
        if isinstance(principal, Service):
            return principal.name in self.services
        if isinstance(principal, Anonymous):
            return self.everybody
        chain = {principal.arn}
        if isinstance(principal, RoleSession):
            chain.add(principal.role_arn)
        account = {principal.account_id, Root(principal.account_id).arn}
        return self.everybody or (chain <= self.aws | account and bool(account & self.aws))


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    sid: str
    effect: Effect
    actions: tuple[str, ...]
    not_actions: bool
    # None in a trust policy, which is of one role.
    resources: tuple[Pattern, ...] | None
    not_resources: bool
    # None in what belongs to an identity.
    principals: Principals | None
    not_principals: bool
    conditions: tuple[Condition, ...]

    def is_about(self, action: str, resource: str | None, lookup: Lookup) -> bool:
        """Whether it is about an action on a resource; of one that is not known only `*` is denied."""
        if any(matches_action(each, action) for each in self.actions) == self.not_actions:
            return False
        if self.resources is None:
            return True
        if resource is None:
            return self.effect == "Allow" or any(each.text == "*" for each in self.resources)
        return any(each.matches(resource, lookup) for each in self.resources) != self.not_resources

    def names(self, principal: Principal) -> Grant | None:
        """How it names a principal, if it does; what belongs to an identity names it."""
        if self.principals is None:
            return Grant(exact=True)
        if self.not_principals:
            return None if self.principals.spares(principal) else Grant()
        return self.principals.names(principal)


@dataclass(frozen=True)
class Policy:
    """A policy's statements."""

    statements: tuple[Statement, ...]

    @classmethod
    def parse(cls, document: str | Mapping[str, Any]) -> Policy:
        """Reads a policy, as JSON or as what JSON makes.

        Raises:
            PolicyError: it is none.
        """
        return _parsed(document if isinstance(document, str) else json.dumps(document))


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Policy:
    """By their text: a policy that is changed has another."""
    try:
        document: Any = json.loads(text)
    except ValueError:
        raise PolicyError("it is not JSON") from None
    if not isinstance(document, dict) or "Statement" not in document:
        raise PolicyError("it has no Statement")
    variables = document.get("Version") == _WITH_VARIABLES
    return Policy(tuple(_statement(each, variables) for each in _listed(document["Statement"])))


def _statement(document: Any, variables: bool) -> Statement:
    if not isinstance(document, dict):
        raise PolicyError("a statement must be an object")
    effect: Any = document.get("Effect")
    if effect not in {"Allow", "Deny"}:
        raise PolicyError("the Effect of a statement is Allow or Deny")
    action, not_action = _either(document, "Action")
    if action is None:
        raise PolicyError("a statement must have an Action or a NotAction")
    resource, not_resource = _either(document, "Resource")
    principal, not_principal = _either(document, "Principal")
    try:
        condition = conditions.parse(document.get("Condition", {}), variables=variables)
    except ConditionError as error:
        raise PolicyError(str(error)) from None
    return Statement(
        sid=str(document.get("Sid", "")),
        effect=effect,
        actions=_texts(action),
        not_actions=not_action,
        resources=None
        if resource is None
        else tuple(Pattern.parse(each, variables=variables) for each in _texts(resource)),
        not_resources=not_resource,
        principals=None if principal is None else _principals(principal),
        not_principals=not_principal,
        conditions=condition,
    )


def _either(document: dict[str, Any], name: str) -> tuple[Any, bool]:
    """A statement's element, and whether it is the one with `Not` before it."""
    if name in document and f"Not{name}" in document:
        raise PolicyError(f"a statement has {name} or Not{name}, and not both")
    negated = f"Not{name}" in document
    return document.get(f"Not{name}" if negated else name), negated


def _principals(element: Any) -> Principals:
    if element == "*":
        return Principals(True, frozenset(), frozenset())
    if not isinstance(element, dict):
        raise PolicyError("Principal is * or an object")
    aws = frozenset(_texts(element.get("AWS", [])))
    services = frozenset(_texts(element.get("Service", [])))
    return Principals("*" in aws, aws - {"*"}, services)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _texts(value: Any) -> tuple[str, ...]:
    listed = _listed(value)
    if not all(isinstance(each, str) for each in listed):
        raise PolicyError("Action, Resource and Principal are text")
    return tuple(listed)
