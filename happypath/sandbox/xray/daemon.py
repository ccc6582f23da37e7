"""The X-Ray daemon: takes segments over UDP, each in a datagram of its own, behind a line of header.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
from collections.abc import Callable
from functools import lru_cache

_log = logging.getLogger(__name__)

# More than a datagram can hold, so that none is cut.
_DATAGRAM_BYTES = 65_536
# A burst waits here while the thread is busy with another one; the system may give less.
_BUFFER_BYTES = 4 * 1024 * 1024
_FLUSH_S = 5.0


class Daemon:
    """Listens on loopback, on any free port, and gives each document to `put`.

    What is no document, or what `put` raises an error for, is dropped: a sender over UDP hears of nothing.
    """

    def __init__(self, put: Callable[[bytes], None]) -> None:
        self._put = put
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._socket.bind(("127.0.0.1", 0))
        self._flushes: dict[bytes, threading.Event] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._listen, name="x-ray-daemon", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """`host:port`, the value of AWS_XRAY_DAEMON_ADDRESS."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def flush(self) -> None:
        """Waits until all that was sent before has been taken: datagrams on loopback keep their order."""
        marker = b"flush " + os.urandom(16).hex().encode()
        done = self._flushes.setdefault(marker, threading.Event())
        self._send(marker)
        done.wait(_FLUSH_S)
        self._flushes.pop(marker, None)

    def close(self) -> None:
        """Takes what was sent before, and stops listening."""
        self.flush()
        self._closed = True
        self._send(b"")
        self._thread.join()
        self._socket.close()

    def _send(self, datagram: bytes) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.sendto(datagram, self._socket.getsockname())

    def _listen(self) -> None:
        while not self._closed:
            datagram = self._socket.recv(_DATAGRAM_BYTES)
            if datagram in self._flushes:
                self._flushes[datagram].set()
                continue
            try:
                document = unwrap(datagram)
                if document is not None:
                    self._put(document)
            except Exception as error:
                _log.debug("A segment was dropped: %s", error)


def unwrap(datagram: bytes) -> bytes | None:
    """The document of a datagram; None when its header is not the protocol's.

    >>> unwrap(b'{"format": "json", "version": 1}\\n{}')
    b'{}'
    """
    header, newline, document = datagram.partition(b"\n")
    if not newline or not document:
        return None
    return document if _is_known(header) else None


# A sender's header is the same each time.
@lru_cache(maxsize=16)
def _is_known(header: bytes) -> bool:
    try:
        return bool(json.loads(header) == {"format": "json", "version": 1})
    except (ValueError, RecursionError):
        return False
