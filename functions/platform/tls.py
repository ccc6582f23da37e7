"""One TLS context for the clients of an environment; the certificates that it trusts are loaded at the start.

botocore makes a context for each client, and urllib3 loads the file of trusted certificates into it again for
each connection. OpenSSL 3 takes 15 to 30 ms of a whole processor for that, and most functions have a seventh
of one. Known, and open: https://github.com/boto/botocore/issues/3171,
https://github.com/urllib3/urllib3/issues/3623
"""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from functools import cache
from typing import Any

import botocore.session
from botocore import httpsession

# No documented name, but botocore is pinned and shipped with the functions.
_FACTORY = "create_urllib3_context"


def share() -> ssl.SSLContext:
    """Gives all clients that are made from now on, in the whole process, the same context.

    It loads a file of certificates once, however often it is asked to. Do not call this where clients without
    certificate verification are made.
    """
    context: Any = getattr(httpsession, _FACTORY)()
    context.load_verify_locations = cache(context.load_verify_locations)

    def shared(*_: Any, **__: Any) -> Any:
        return context

    setattr(httpsession, _FACTORY, shared)
    return context  # type: ignore[no-any-return]


def trust(context: ssl.SSLContext, session: botocore.session.Session) -> None:
    """Loads what connections of the session's clients are going to ask for: the file that they trust."""
    file: Any = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE") or True
    # A file that is missing is an error of the first connection, which names its address.
    with suppress(OSError):
        context.load_verify_locations(httpsession.get_cert_path(file), None, None)
