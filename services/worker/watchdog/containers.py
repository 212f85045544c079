"""Finds and removes the containers of tasks, over the engine's own HTTP.

By hand: HTTP 1.0 is a few lines, and a library would double what an idle watchdog holds.
"""

import json
import os
import socket
from collections.abc import Collection
from typing import TYPE_CHECKING

from conveyor.extensions.terminators import ContainerTerminator
from services.worker.watchdog.task_table import Row

if TYPE_CHECKING:
    import ssl

_PATIENCE_SECONDS = 3.0
_GONE = (204, 404, 409)  # the last: being removed, which is dead enough

_Answer = tuple[int, bytes]


class _NoEngine(Exception):
    """There is none on this machine."""


class Containers:
    def __init__(self, terminator: ContainerTerminator) -> None:
        """Raises OSError for certificates that can't be read."""
        self._labels = terminator
        self._scheme, _, place = terminator.engine.partition("://")
        self._place = place if self._scheme == "unix" else place.rstrip("/")
        self._was_there = self._scheme == "unix" and os.path.exists(self._place)
        with_tls = terminator.certificates or self._scheme == "https"
        self._tls = _tls(terminator.certificates) if with_tls else None

    def end(self, tasks: Collection[Row], worker_is_gone: bool) -> bool:
        """Kill and remove the containers of these tasks; True when it is certain that none is."""
        del worker_is_gone
        try:
            found = self._containers(tasks)
            # Podman would first ask a container to end, and wait. All at once: each takes a while.
            self._call("POST", [f"/containers/{each}/kill" for each in found])
            removed = self._call("DELETE", [f"/containers/{e}?force=1&v=1" for e in found])
        except _NoEngine:
            return True
        except (OSError, ValueError, LookupError):
            # It is away, hangs, or talks nonsense: try again.
            return False
        return all(status in _GONE for status, _ in removed)

    def _containers(self, tasks: Collection[Row]) -> list[str]:
        """The ids of those that bear one of these task ids and dispatches; the worker before may
        have made those that are kept."""
        labels, kept = self._labels, {_marks(row) for row in tasks if row.is_kept}
        of_node, _, node = labels.node_label.partition("=")
        ours = {_marks(row) for row in tasks}
        filters = json.dumps({"label": [labels.task_label if kept else labels.node_label]})
        [(status, body)] = self._call("GET", [f"/containers/json?all=1&filters={_quote(filters)}"])
        if status != 200:
            raise ValueError(f"the engine answered {status}")
        found = [(each["Id"], each["Labels"]) for each in json.loads(body)]
        return [
            name
            for name, has in found
            if (has.get(labels.task_label), has.get(labels.dispatch_label))
            in (ours if not kept or has.get(of_node) == node else kept)
        ]

    def _call(self, method: str, targets: list[str]) -> list[_Answer]:
        """The answers, in the order of `targets`; all are asked before the first is read."""
        connections = []
        try:
            for target in targets:
                connection = self._connect()
                connections.append(connection)
                request = f"{method} {target} HTTP/1.0\r\nHost: engine\r\nContent-Length: 0\r\n\r\n"
                connection.sendall(request.encode())
            return [_answer(connection) for connection in connections]
        finally:
            for connection in connections:
                connection.close()

    def _connect(self) -> socket.socket:
        connection = self._plain_connection()
        if self._tls is None:
            return connection
        return self._tls.wrap_socket(connection, server_hostname=self._place.rpartition(":")[0])

    def _plain_connection(self) -> socket.socket:
        if self._scheme != "unix":
            host, _, port = self._place.rpartition(":")
            return socket.create_connection((host, int(port)), _PATIENCE_SECONDS)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(_PATIENCE_SECONDS)
            connection.connect(self._place)
        except OSError as error:
            connection.close()
            # One that was there is only away, and may have left its containers alive.
            if isinstance(error, FileNotFoundError) and not self._was_there:
                raise _NoEngine from error
            raise
        return connection


def _marks(row: Row) -> tuple[str, str]:
    return row.task_id, str(row.dispatch)


def _tls(certificates: str) -> "ssl.SSLContext":
    import ssl  # here: megabytes that a watchdog without TLS does without

    if not certificates:
        return ssl.create_default_context()
    ca, *own = (os.path.join(certificates, f"{name}.pem") for name in ("ca", "cert", "key"))
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(*own)
    return context


def _answer(connection: socket.socket) -> _Answer:
    """Status and body. Raises OSError, ValueError."""
    with connection.makefile("rb") as stream:
        head, _, body = stream.read().partition(b"\r\n\r\n")
    return int(head.split(maxsplit=2)[1]), body


def _quote(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())
