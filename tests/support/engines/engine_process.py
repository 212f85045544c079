"""A child process that serves a container API on a socket: start, wait for its answer, end it."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.availability import Unavailable

_START_SECONDS = 180.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.05


class EngineUnavailable(Unavailable):
    """The engine can't be started on this machine; the text says why."""


class EngineProcess:
    def __init__(
        self,
        command: Sequence[str],
        socket_path: Path,
        log: Path,
        env: Mapping[str, str],
        keep_open: Sequence[int] = (),
    ) -> None:
        """Returns when the engine answers. Raises EngineUnavailable with the end of its log.

        `keep_open` are files of ours that it gets.
        """
        if shutil.which(command[0]) is None:
            raise EngineUnavailable(f"{command[0]} is not installed")
        self._socket = socket_path
        self._log = log
        with log.open("ab") as output:
            # --pdeathsig ends the child even when the test run is killed with -9.
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *command],
                env=dict(env),
                cwd=log.parent,  # Podman's container monitor writes a file where it was started
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=keep_open,
            )
        self._await_answer()

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """As a crash would end it."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it in good order; it ends its own children."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:  # it hangs: nothing of it may outlive the tests
            self._process.kill()
            self._process.wait()

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            if answers(self._socket):
                return
            time.sleep(_POLL_SECONDS)
        self.stop()
        raise EngineUnavailable(f"it did not start:\n{self._log.read_text()[-1500:]}")


def answers(socket_path: Path) -> bool:
    """Whether an engine answers a ping on this socket."""
    client = socket.socket(socket.AF_UNIX)
    with client, suppress(OSError):  # nobody listens, or too busy to answer
        client.settimeout(30)
        client.connect(str(socket_path))
        client.sendall(b"GET /_ping HTTP/1.0\r\nHost: localhost\r\n\r\n")
        return b" 200 " in client.recv(64)
    return False
