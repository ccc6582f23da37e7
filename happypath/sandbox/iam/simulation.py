"""IAM's policy simulator, which moto lacks: what policies would decide, asked without a request.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException

from happypath.sandbox.iam import lookups
from happypath.sandbox.iam.evaluation import Decision, Policies, Request, evaluate
from happypath.sandbox.iam.policy import Policy, PolicyError
from happypath.sandbox.iam.principal import Principal, RoleSession, Root, User

_NOBODY = User("arn:aws:iam::123456789012:user/simulated")


class InvalidInputError(ServiceException):
    """A policy that is none."""

    code = "InvalidInput"


@dataclass(frozen=True)
class Simulation:
    """What is asked: actions on resources, under policies as text."""

    actions: Sequence[str]
    resources: Sequence[str]
    context: Mapping[str, tuple[str, ...]]
    policies: Policies
    principal: Principal

    @classmethod
    def of(cls, given: Mapping[str, Any], source: str | None = None) -> Simulation:
        """By the arguments of the operation, as its API names them; `source` is a user or role that is there.

        Raises:
            InvalidInputError: one of the policies is none.
        """
        caller = given.get("CallerArn") or source
        principal = _principal(caller) if caller else _NOBODY
        own = lookups.policies(principal, "", None) if source else Policies()
        boundary = _read(given.get("PermissionsBoundaryPolicyInputList") or [])
        resource = _read([given["ResourcePolicy"]]) if given.get("ResourcePolicy") else []
        return cls(
            given["ActionNames"],
            given.get("ResourceArns") or ["*"],
            {
                each["ContextKeyName"].lower(): tuple(each.get("ContextKeyValues", ()))
                for each in given.get("ContextEntries") or []
            },
            Policies(
                [*own.identity, *_read(given.get("PolicyInputList") or [])],
                resource[0] if resource else None,
                boundary[0] if boundary else own.boundary,
            ),
            principal,
        )

    def results(self) -> list[dict[str, Any]]:
        """Each action on each resource, and what is decided, as the API has it."""
        return [self._result(action, resource) for action in self.actions for resource in self.resources]

    def _result(self, action: str, resource: str) -> dict[str, Any]:
        decision = evaluate(Request(self.principal, action, resource, self.context), self.policies)
        return {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": _word(decision),
            "MatchedStatements": [],
            "MissingContextValues": list(decision.unknown_keys),
        }


def _word(decision: Decision) -> str:
    if decision.allowed:
        return "allowed"
    return "explicitDeny" if decision.reason.startswith("with an explicit deny") else "implicitDeny"


def _principal(arn: str) -> Principal:
    account, kind = arn.split(":")[4], arn.split(":")[5].partition("/")[0]
    if kind == "role":
        return RoleSession(arn, "simulated")
    return User(arn) if kind == "user" else Root(account)


def _read(documents: Sequence[str]) -> list[Policy]:
    try:
        return [Policy.parse(each) for each in documents]
    except PolicyError as error:
        raise InvalidInputError(f"The policy is not valid: {error}.") from None
