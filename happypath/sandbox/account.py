"""An AWS account in this process: moto's server on loopback, patched where it differs from AWS."""

from __future__ import annotations

import io
import logging
import socket
import threading
import warnings
from collections.abc import Callable, Collection
from contextlib import ExitStack
from functools import cache, lru_cache
from typing import Any
from unittest.mock import patch

import boto3
from botocore.config import Config
from moto.backends import list_of_moto_modules
from moto.core.config import default_user_config
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sts.models import sts_backends
from werkzeug.serving import make_server

from happypath.sandbox.apigateway.authorization import Authorization
from happypath.sandbox.apigateway.gateway import Gateway
from happypath.sandbox.apigateway.issuer import Issuer
from happypath.sandbox.apigateway.tokens import Keys
from happypath.sandbox.calls import Calls
from happypath.sandbox.cloudfront.viewing import viewed
from happypath.sandbox.connection import Connection, close_all
from happypath.sandbox.direct import call_directly
from happypath.sandbox.fault_injection.rules import Faults
from happypath.sandbox.front.front import answered
from happypath.sandbox.function_urls.urls import Urls
from happypath.sandbox.iam.enforcement import enforced, enforcing
from happypath.sandbox.injection import injected, refusing
from happypath.sandbox.patches.all import patched
from happypath.sandbox.patches.served import Accept, Invoke, Served
from happypath.sandbox.s3.gate import guarded

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"

# A person's own credentials never reach the sandbox; moto accepts any.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",  # the sandbox's own, known to everyone
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    # StartSyncExecution is called at `sync-` before the host's name, of which an address has no use.
    "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
}
# The sandbox's own calls (deploying, polling, looking) have a key of their own: no fault is meant for them.
OWN_ACCESS_KEY = "sandbox-itself"


# How long closing may take to be noticed.
_POLL_S = 0.05


class PortInUseError(OSError):
    """The port asked for is taken by another program."""


class Account:
    """Serves the account on `port` (0: any free one), with `faults` in it, and notes `calls`.

    Policies are enforced if `iam`.

    Only one can be open in a process, because moto's state is global.

    Raises:
        PortInUseError: the port is taken.
    """

    def __init__(
        self,
        port: int,
        invoke: Invoke,
        invoke_asynchronously: Accept,
        executions_at_once: int,
        faults: Faults,
        calls: Calls,
        session: boto3.Session,
        *,
        iam: bool = True,
        without_patches: Collection[str] = (),
    ) -> None:
        # Signs what the account does by itself.
        self._session = session
        _quiet()
        moto_api_backend.reset()
        # werkzeug's own answer to a port in use is two lines on standard error and an exit.
        try:
            listening = socket.create_server(("127.0.0.1", port), backlog=128)
        except OSError as error:
            raise PortInUseError(
                f"Port {port} cannot be used: stop what runs there, or choose another with --port. "
                f"({error.strerror})"
            ) from error
        inner = refusing(enforcing(_moto(), OWN_ACCESS_KEY), faults, OWN_ACCESS_KEY)
        self.endpoint = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self.issuer = Issuer(self.endpoint)
        authorization = Authorization(invoke, _secret_of, Keys())
        gateway = Gateway(invoke, self.issuer, authorization, put_log)
        s3 = guarded(inner, _secret_of, _own_secret_of, ACCOUNT_ID)
        urls = Urls(ACCOUNT_ID, invoke, _secret_of)
        views = viewed(s3, ACCOUNT_ID, OWN_ACCESS_KEY, urls)
        self.application = gateway.in_front_of(urls.in_front_of(answered(views)))
        with listening:
            self._server = make_server(
                "127.0.0.1",
                listening.getsockname()[1],
                self.application,
                threaded=True,
                request_handler=Connection,
                fd=listening.fileno(),
            )
        self._undo = ExitStack()
        self._undo.enter_context(enforced(calls, on=iam))
        self._undo.enter_context(
            patch.dict(default_user_config["stepfunctions"], {"execute_state_machine": True})
        )
        served = Served(
            invoke,
            invoke_asynchronously,
            self.endpoint,
            self.application,
            executions_at_once,
            own_client=cache(self._own_client),
        )
        self._undo.enter_context(patched(served, without_patches))
        self._undo.enter_context(injected(faults))
        serve: Any = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(_POLL_S,), name="account", daemon=True)
        self._thread.start()

    def _own_client(self, service: str) -> Any:
        client = self._session.client(
            service,  # type: ignore[call-overload]  # any
            endpoint_url=self.endpoint,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )
        call_directly(client, self.application, OWN_ACCESS_KEY)
        return client

    def close(self) -> None:
        """Stops serving and undoes the patches."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        close_all()
        self._undo.close()


def _moto() -> Any:
    """moto's WSGI application, which else would list its own source folder for each request.

    And it would have Flask look, as for a developer, for mistakes in each request; what it raises is still
    not turned into a page.
    """

    def create(service: Any) -> Any:
        application = create_backend_app(service)
        application.debug = False
        application.config["PROPAGATE_EXCEPTIONS"] = True
        return application

    application: Any = DomainDispatcherApplication(create)

    def backend(host: str | None) -> str | None:
        # A host is asked for once a service is known: then moto has it, or the request cannot be answered.
        known = host is None or host in list_of_moto_modules() or host == "moto_api"
        if not known and not any(
            each.match(f"http://{host}") for _, each in application.backend_url_patterns
        ):
            raise NotImplementedError(f"moto has no {host}")
        return find(host)

    def form(environ: dict[str, Any]) -> str | None:
        # moto loses a body here that is not UTF-8, such as a photo that curl calls a form.
        if not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
            return None
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        return str(body, errors="replace") or None

    find: Callable[[str | None], str | None] = application.get_backend_for_host
    application._get_body = form
    application.get_backend_for_host = lru_cache(maxsize=256)(backend)
    return application


def _own_secret_of(access_key: str) -> str | None:
    """The secret of an access key of a user, or of a role that was assumed."""
    key: Any = iam_backends[ACCOUNT_ID]["aws"].access_keys.get(access_key)
    for backend in sts_backends[ACCOUNT_ID].values():
        key = key or backend.get_assumed_role_from_access_key(access_key)
    return None if key is None else str(key.secret_access_key)


def _secret_of(access_key: str) -> str:
    """The secret of an access key.

    The keys that the sandbox gives to functions have that of its own key. Of a key that the account has not,
    the secret is the key itself: who is used to other stand-ins signs with one word for both, such as `test`.
    """
    secret = _own_secret_of(access_key)
    if secret is not None:
        return secret
    own = access_key in {CREDENTIALS["AWS_ACCESS_KEY_ID"], OWN_ACCESS_KEY} or access_key.startswith("ASIA")
    return CREDENTIALS["AWS_SECRET_ACCESS_KEY"] if own else access_key


def _quiet() -> None:
    """Keeps to itself what a person at the terminal cannot use.

    That is a line per request, resources that moto skips (docs/sandbox.md has them), and each failed task as
    a chain of interpreter frames (its error is in the execution's history).
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    logging.getLogger("moto").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", message="Tried to parse .* not supported by moto")


def put_log(group: str, stream: str, lines: list[str], at_ms: int) -> None:
    """Writes lines to CloudWatch Logs as the Lambda service does: without passing through the API."""
    backend = logs_backends[ACCOUNT_ID][REGION]
    if group not in backend.groups:
        backend.create_log_group(group, {})
    backend.ensure_log_stream(group, stream)
    backend.put_log_events(group, stream, [{"timestamp": at_ms, "message": line} for line in lines])
