"""Whether a request is allowed, by all policies that concern it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from happypath.sandbox.iam.conditions import Context
from happypath.sandbox.iam.keys import is_known
from happypath.sandbox.iam.policy import Effect, Grant, Policy, Statement
from happypath.sandbox.iam.principal import Anonymous, Principal, Root, Service

# These are decided by the resource's own policy, whatever the identity may do; where that policy names the
# account, the identity's policies decide as well.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_manage-assume.html
_BY_RESOURCE = ("kms:", "sts:assumerole")


@dataclass(frozen=True)
class Request:
    """What a principal wants to do."""

    principal: Principal
    action: str
    # None where it is not known which: the action alone decides then.
    resource: str | None
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Policies:
    """The policies that concern a request; None where there is none of a kind, which then limits nothing."""

    identity: Sequence[Policy] = ()
    resource: Policy | None = None
    boundary: Policy | None = None
    session: Policy | None = None


@dataclass(frozen=True)
class Decision:
    """Whether a request is allowed; if not, the rest of AWS's sentence.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """

    allowed: bool
    reason: str = ""
    # Condition keys of statements that were left out, for the sandbox cannot tell their values.
    unknown_keys: tuple[str, ...] = ()


class _Evaluation:
    """One request, and what its policies say of it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.unknown: list[str] = []

    def lookup(self, name: str) -> str | None:
        """The value of a variable; one of several values has none."""
        values = self.request.context.get(name.lower(), ())
        return values[0] if len(values) == 1 else None

    def grants(self, policies: Iterable[Policy], effect: Effect) -> list[Grant]:
        """How the principal is named by each statement of an effect that holds for the request."""
        found = []
        for policy in policies:
            for statement in policy.statements:
                if statement.effect != effect or not statement.is_about(
                    self.request.action, self.request.resource, self.lookup
                ):
                    continue
                grant = statement.names(self.request.principal)
                if grant is not None and self._holds(statement):
                    found.append(grant)
        return found

    def _holds(self, statement: Statement) -> bool:
        """Whether a statement's conditions are true. A key that is not known denies, either way."""
        unknown = [each.key for each in statement.conditions if not is_known(each.key, self.request.context)]
        for condition in statement.conditions:
            if condition.key not in unknown and not condition.holds(self.request.context, self.lookup):
                return False
        self.unknown += unknown
        return not unknown or statement.effect == "Deny"

    def denied(self, reason: str) -> Decision:
        return Decision(False, reason, tuple(dict.fromkeys(self.unknown)))


def evaluate(request: Request, policies: Policies) -> Decision:
    """Decides a request, for principals and resources of one account."""
    asked = _Evaluation(request)
    trust = request.action.lower().startswith("sts:assumerole")
    # An explicit deny, wherever it is, comes first.
    for kind, each in (
        ("an identity-based policy", policies.identity),
        ("the role trust policy" if trust else "a resource-based policy", _only(policies.resource)),
        ("a permissions boundary", _only(policies.boundary)),
        ("a session policy", _only(policies.session)),
    ):
        if asked.grants(each, "Deny"):
            return asked.denied(f"with an explicit deny in {kind}")
    lacking = _lacking(asked, policies, "role trust policy" if trust else "resource-based policy")
    return (
        asked.denied(f"because no {lacking} allows the {request.action} action")
        if lacking
        else Decision(True)
    )


def _lacking(asked: _Evaluation, policies: Policies, own: str) -> str | None:
    """The kind of policy whose Allow is lacking; `own` is the resource's."""
    request, principal = asked.request, asked.request.principal
    by_resource = asked.grants(_only(policies.resource), "Allow")
    # What is of no resource (kms:CreateKey) has no policy of a resource.
    decided_there = request.action.lower().startswith(_BY_RESOURCE) and request.resource != "*"
    needs_resource = isinstance(principal, Service | Anonymous) or decided_there
    if needs_resource and not by_resource:
        return own
    if isinstance(principal, Service | Anonymous | Root):
        return None
    direct = [grant for grant in by_resource if not grant.by_account]
    # A session or user that the resource names is limited by nothing else; a role that it names is.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    if any(grant.exact for grant in direct):
        return None
    if not direct and not asked.grants(policies.identity, "Allow"):
        return "identity-based policy"
    limits = (("permissions boundary", policies.boundary), ("session policy", policies.session))
    return next((kind for kind, limit in limits if limit and not asked.grants([limit], "Allow")), None)


def _only(policy: Policy | None) -> list[Policy]:
    return [policy] if policy else []
