"""The process that reads documents, as a fork of one that has imported all it needs: hundreds in seconds."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pytest

from functions.document import reader


class ForkedReader:
    """Stands in for `subprocess.run` in `functions.document.reading`; knows what the largest one took."""

    def __init__(self) -> None:
        self.peak_kb = 0
        self._ours, self._theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self._theirs.fileno())], pass_fds=[self._theirs.fileno()]
        )

    def run(
        self, command: list[str], *, stdout: IO[bytes], stderr: IO[bytes], **_: Any
    ) -> subprocess.CompletedProcess[bytes]:
        """Reads what the last argument of the command says."""
        socket.send_fds(self._ours, [command[-1].encode()], [stdout.fileno(), stderr.fileno()])
        code, peak_kb = json.loads(self._ours.recv(1000))
        self.peak_kb = max(self.peak_kb, peak_kb)
        return subprocess.CompletedProcess(command, code)

    def close(self) -> None:
        """Ends it."""
        self._ours.close()
        self._theirs.close()
        self._process.wait()


@contextmanager
def forking() -> Iterator[ForkedReader]:
    """Lets documents be read by forks, while it lasts."""
    with pytest.MonkeyPatch.context() as patched:
        forked = ForkedReader()
        try:
            patched.setattr("functions.document.reading.subprocess.run", forked.run)
            yield forked
        finally:
            forked.close()


def _serve(connection: socket.socket) -> None:
    while True:
        request, fds, _, _ = socket.recv_fds(connection, 100_000, 2)
        if not request:
            return
        pid = os.fork()
        if not pid:
            _become_reader(request.decode(), *fds)
        for fd in fds:
            os.close(fd)
        _, status, usage = os.wait4(pid, 0)
        connection.send(json.dumps([os.waitstatus_to_exitcode(status), usage.ru_maxrss]).encode())


def _become_reader(request: str, out: int, error: int) -> None:
    os.dup2(out, 1)
    os.dup2(error, 2)
    sys.argv = ["reader", request]
    code = 0
    try:
        reader.main()
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
