"""Where requests are held against policies: those on the wire, and those that services make of themselves.

An integration of the sandbox that acts for somebody asks `check`. It says who acts: a `RoleSession` where a
service has assumed a role (a rule for its target, a poller for its function), a `Service` where the policy of
the resource decides (a rule and a queue, S3 and a topic):

    check(Service("events.amazonaws.com", rule.arn, account_id), "sqs:SendMessage", queue.arn)

`AccessDeniedError` has AWS's sentence; what becomes of it is the integration's: a delivery that fails, the
dead-letter queue, a state's error. With enforcement off, `check` allows everything.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID

from happypath.sandbox.calls import Calls
from happypath.sandbox.iam import encryption, lookups, s3
from happypath.sandbox.iam.calls import Signature, call_of, signature
from happypath.sandbox.iam.credentials import Credentials
from happypath.sandbox.iam.denial import AccessDeniedError, response
from happypath.sandbox.iam.evaluation import Decision, Request, evaluate
from happypath.sandbox.iam.needs import Need, needs
from happypath.sandbox.iam.principal import Anonymous, Principal, RoleSession, Root, Service, User
from happypath.sandbox.operations import operation
from happypath.sandbox.wsgi import Environ, Wsgi

_log = logging.getLogger(__name__)


# Whose resources have policies of their own, which hold back the account itself.
_WITH_POLICIES = {"events", "kms", "lambda", "s3", "secretsmanager", "sns", "sqs", "sts"}


class _State(threading.local):
    """Whose request a thread is answering."""

    principal: Principal | None = None
    context: Mapping[str, tuple[str, ...]] = {}
    # Whether the service asks for itself, of each part of the request.
    by_parts = False


class _Enforcement:
    """Whether policies are enforced in this process, whose account there can be only one of."""

    def __init__(self) -> None:
        self.on = False
        self.calls: Calls | None = None
        self.credentials = Credentials()
        self.here = _State()


_ENFORCEMENT = _Enforcement()


@contextmanager
def enforced(calls: Calls, *, on: bool = True) -> Iterator[None]:
    """Enforces policies while the block lasts, if `on`; what was needed goes into `calls` either way."""
    state = vars(_ENFORCEMENT)
    before = dict(state)
    state.update(on=on, calls=calls, credentials=Credentials())
    try:
        yield
    finally:
        state.update(before)


def access_key(session: RoleSession) -> str:
    """The access key by which requests are known as a session's."""
    return _ENFORCEMENT.credentials.issue(session)


def session_of(key: str) -> Principal:
    """Whose an access key is; what such a session does by a service is not counted as its own calls."""
    found = _ENFORCEMENT.credentials.principal(key)
    return replace(found, label="") if isinstance(found, RoleSession) else found


def check(
    principal: Principal,
    action: str,
    resource: str | None,
    context: Mapping[str, tuple[str, ...]] | None = None,
) -> None:
    """Asks whether a principal may do something; `resource` is an ARN, or `*` for what has none.

    `context` has condition keys of the action, in lower case; those of AWS as a whole are added here.

    Raises:
        AccessDeniedError: it may not.
    """
    _check(principal, Need(action, resource, context or {}), {})


def may(principal: Principal, action: str, resource: str) -> bool:
    """Whether a principal may do what it does not ask for: nothing is denied, so nothing is told of it."""
    return not _ENFORCEMENT.on or _decided(principal, Need(action, resource), {})[1].allowed


def assume(role_arn: str, service: str, session: str, label: str = "") -> RoleSession:
    """A session of a role for a service, such as `events.amazonaws.com`.

    Raises:
        AccessDeniedError: the role's trust policy does not let the service have it.
    """
    # On behalf of the account, which is the only one there is.
    acting = Service(service, source_account=DEFAULT_ACCOUNT_ID)
    check(acting, "sts:AssumeRole", role_arn)
    return RoleSession(role_arn, session, label)


def _check(principal: Principal, need: Need, wire: Mapping[str, tuple[str, ...]]) -> None:
    _note(principal, need)
    if not _ENFORCEMENT.on:
        return
    request, decision = _decided(principal, need, wire)
    if decision.allowed:
        return
    error = AccessDeniedError(request, decision, need)
    _log.warning("%s", error)
    if _ENFORCEMENT.calls is not None:
        _ENFORCEMENT.calls.denied.append(str(error))
    raise error


def _decided(
    principal: Principal, need: Need, wire: Mapping[str, tuple[str, ...]]
) -> tuple[Request, Decision]:
    request = Request(principal, need.action, need.resource, {**_context(principal), **wire, **need.context})
    return request, evaluate(request, lookups.policies(principal, need.action, need.resource))


def _context(principal: Principal) -> dict[str, tuple[str, ...]]:
    """The condition keys of AWS as a whole.

    The sandbox's one address stands for AWS's, which are HTTPS: what comes over loopback counts as secure.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    now = time.time()
    context: dict[str, tuple[str, ...]] = {
        "aws:currenttime": (datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),),
        "aws:epochtime": (str(int(now)),),
        "aws:securetransport": ("true",),
        "aws:resourceaccount": (DEFAULT_ACCOUNT_ID,),
        "aws:principalisawsservice": (str(isinstance(principal, Service)).lower(),),
        "aws:viaawsservice": ("false",),
    }
    match principal:
        case Service():
            context["aws:principalservicename"] = (principal.name,)
            if principal.source_arn:
                context["aws:sourcearn"] = (principal.source_arn,)
            if principal.source_account:
                context["aws:sourceaccount"] = (principal.source_account,)
            return context
        case Anonymous():
            return {**context, "aws:principaltype": ("Anonymous",)}
        case RoleSession():
            own, tags = principal.role_arn, _tags(principal)
            context["aws:principaltype"] = ("AssumedRole",)
            context["aws:userid"] = (_user_id(principal),)
            context["aws:multifactorauthpresent"] = ("false",)
        case User():
            own, tags = principal.arn, {}
            context["aws:principaltype"] = ("User",)
            context["aws:username"] = (principal.name,)
            user = lookups.user(principal.name, principal.account_id)
            context["aws:userid"] = (str(user.id if user else principal.name),)
        case Root():
            own, tags = principal.arn, {}
            context["aws:principaltype"] = ("Account",)
            context["aws:userid"] = (principal.account_id,)
    return {**context, **tags, "aws:principalarn": (own,), "aws:principalaccount": (principal.account_id,)}


def _user_id(session: RoleSession) -> str:
    role = lookups.role(session.role_arn)
    return f"{role.id if role else 'AROA'}:{session.session}"


def _tags(session: RoleSession) -> dict[str, tuple[str, ...]]:
    tags = getattr(lookups.role(session.role_arn), "tags", None) or {}
    listed = tags.values() if isinstance(tags, dict) else tags
    return {f"aws:principaltag/{each['Key'].lower()}": (str(each["Value"]),) for each in listed}


def decide(action: str, resource: str) -> bool:
    """Whether the caller of the request at hand may do a part of it, such as delete one of many objects."""
    here = _ENFORCEMENT.here
    if here.principal is None or not here.by_parts:
        return True
    try:
        _check(here.principal, Need(action, resource), here.context)
    except AccessDeniedError:
        return False
    return True


def enforcing(account: Wsgi, own_access_key: str) -> Wsgi:
    """The account's WSGI application, behind the policies; `own_access_key` signs the sandbox's own."""

    def answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        signed = signature(environ)
        if signed is not None and signed.access_key == own_access_key:
            return account(environ, start_response)
        here = _ENFORCEMENT.here
        before = here.principal, here.context
        here.principal, here.context = _caller(signed, environ), _of_wire(signed, environ)
        try:
            return _answer(account, signed, here.principal, environ, start_response)
        finally:
            here.principal, here.context = before

    return answer


def _caller(signed: Signature | None, environ: Environ) -> Principal:
    if signed is not None:
        return _ENFORCEMENT.credentials.principal(signed.access_key)
    if s3.is_form(environ):
        access_key = s3.signer_of_form(environ)
        return _ENFORCEMENT.credentials.principal(access_key) if access_key else Anonymous()
    # Only S3 answers who is nobody: other requests without a signature are for moto itself.
    of_s3 = environ["REQUEST_METHOD"] != "POST" and not str(environ["PATH_INFO"]).startswith("/moto-api")
    return Anonymous() if of_s3 else Root(DEFAULT_ACCOUNT_ID)


def _of_wire(signed: Signature | None, environ: Environ) -> dict[str, tuple[str, ...]]:
    context: dict[str, tuple[str, ...]] = {"aws:sourceip": (environ.get("REMOTE_ADDR") or "127.0.0.1",)}
    if environ.get("HTTP_USER_AGENT"):
        context["aws:useragent"] = (environ["HTTP_USER_AGENT"],)
    if environ.get("HTTP_REFERER"):
        context["aws:referer"] = (environ["HTTP_REFERER"],)
    if signed is not None:
        context["aws:requestedregion"] = (signed.region,)
    return context


def _answer(
    account: Wsgi,
    signed: Signature | None,
    principal: Principal,
    environ: Environ,
    start_response: Callable[..., Any],
) -> Iterable[bytes]:
    service = signed.service if signed else "s3"
    if isinstance(principal, Root) and (service not in _WITH_POLICIES or not _ENFORCEMENT.on):
        return account(environ, start_response)
    try:
        needed = _needed(signed, principal, environ)
        _ENFORCEMENT.here.by_parts = service == "s3" and not needed
        for need in needed:
            _check(principal, need, _ENFORCEMENT.here.context)
    except AccessDeniedError as error:
        status, headers, body = response(error, service)
        # The connection is kept: what is left of the request must not be taken for the next one.
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response(f"{status} Denied", [*headers, ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
    if service == "s3" and environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
        return _hiding(account, principal, environ, start_response)
    return account(environ, start_response)


def _needed(signed: Signature | None, principal: Principal, environ: Environ) -> list[Need]:
    """What a request needs; how often functions and executions ask for what is counted here."""
    if signed is None or signed.service == "s3":
        _count(principal, operation(environ), 1)
        return list(s3.needs(environ))
    call = call_of(signed, environ)
    if call is None:
        # The service will say that it makes no sense.
        return []
    try:
        needed = needs(call, DEFAULT_ACCOUNT_ID)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return [Need(f"{call.service}:{call.operation}", "*")]
    _count(principal, f"{call.service}:{call.operation}", _parts(call.arguments))
    return [*needed, *encryption.of_objects(needed)]


def _note(principal: Principal, need: Need) -> None:
    if _ENFORCEMENT.calls is not None and isinstance(principal, RoleSession) and principal.label:
        leading = need.context.get("dynamodb:leadingkeys", ())
        _ENFORCEMENT.calls.add(principal.label, need.action, need.resource or "?", leading)


def _parts(arguments: Mapping[str, Any]) -> int:
    """How many items a call is about: those of a transaction or of a batch, or one."""
    if "TransactItems" in arguments:
        return len(arguments["TransactItems"])
    batch = arguments.get("RequestItems")
    if not isinstance(batch, Mapping):
        return 1
    return sum(len(each["Keys"] if isinstance(each, Mapping) else each) for each in batch.values())


def _count(principal: Principal, called: str | None, parts: int) -> None:
    if _ENFORCEMENT.calls is not None and isinstance(principal, RoleSession) and principal.label and called:
        _ENFORCEMENT.calls.count(principal.label, called, parts)


def _hiding(
    account: Wsgi, principal: Principal, environ: Environ, start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Who may not list a bucket learns of no key that it is missing: it is forbidden instead.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    bucket, key = s3.bucket_and_key(environ)
    if not key or operation(environ) not in {"s3:GetObject", "s3:HeadObject"}:
        return account(environ, start_response)
    listing = Need("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    _note(principal, listing)
    if not _ENFORCEMENT.on:
        return account(environ, start_response)
    forbidden: list[AccessDeniedError] = []

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        if status.startswith("404") and lookups.bucket_exists(bucket):
            try:
                _check(principal, listing, _ENFORCEMENT.here.context)
            except AccessDeniedError as error:
                forbidden.append(error)
                code, instead, body = response(error, "s3")
                return start_response(f"{code} Denied", [*instead, ("Content-Length", str(len(body)))], *more)
        return start_response(status, headers, *more)

    answer = account(environ, start)
    # The application may start to answer only when its body is asked for.
    body = list(answer)
    if forbidden:
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [response(forbidden[0], "s3")[2]]
    return body
