"""Keeps a watchdog beside the worker for as long as the worker serves."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import structlog

from conveyor.extensions import terminators
from conveyor.extensions.runtimes import Runtime
from services.worker.heartbeats import LEASE_SAFE_PART
from services.worker.watchdog.args import ReturnAddress, WatchdogArgs
from services.worker.watchdog.task_table import TaskTable
from shared.process.settings.blocks import BrokerSettings

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 1.0
_GOODBYE_SECONDS = 2.0
_PROTOCOLS = str(Path(terminators.__file__).parents[2])
_SCRIPT = str(Path(__file__).parent / "watchdog" / "__main__.py")


@contextlib.asynccontextmanager
async def watched(
    table: TaskTable,
    runtime: Runtime,
    node_id: str,
    lease_seconds: float,
    broker: BrokerSettings | None,
    kept_in: str | None,
) -> AsyncIterator[None]:
    """What stands in the table when the context ends is killed: what is kept, at the end of its
    lease, unless another worker has gone on with it by the files in `kept_in`. Raises OSError.

    `broker` is where it is handed back then; None: nowhere, it was in this process.
    """
    terminators = runtime.terminators(node_id, table.set_pid)
    limit, can_end_all = lease_seconds * LEASE_SAFE_PART, terminators is not None
    args = WatchdogArgs(limit, terminators or (), can_end_all, kept_in or "", node_id)
    address = None if broker is None else _return_address(node_id, lease_seconds, broker)
    keeper = _Keeper(table, args, address)
    keeping = asyncio.create_task(keeper.keep())
    try:
        yield
    finally:
        keeper.let_go()
        # It may have something to end, and takes the time it needs.
        await asyncio.wait([keeping], timeout=_GOODBYE_SECONDS)
        keeping.cancel()
        keeper.close()
        table.close()


def _return_address(node_id: str, lease_seconds: float, broker: BrokerSettings) -> ReturnAddress:
    settings = {**broker.model_dump(), "url": broker.url.get_secret_value()}
    path = [os.path.abspath(each) for each in sys.path]  # empty means where the worker is
    return ReturnAddress(node_id, lease_seconds, settings, path)


class _Keeper:
    def __init__(self, table: TaskTable, args: WatchdogArgs, address: ReturnAddress | None) -> None:
        self._table = table
        self._args = args
        self._address = address
        self._is_over = False
        self._process = self._start()

    async def keep(self) -> None:
        """Start another whenever one has died, until it is let go."""
        while True:
            telling = asyncio.create_task(self._tell_address(self._lifeline))
            await _ended(self._process)
            telling.cancel()
            if self._was_let_go():
                return
            log.warning("watchdog_restarted", exit_code=self._process.returncode)
            await asyncio.sleep(_PAUSE_SECONDS)  # one that can't live must not make a hot loop
            if self._was_let_go():
                return
            self._lifeline.close()
            try:
                self._process = self._start()
            except OSError as error:  # no memory or no process left: the next round tries again
                log.error("watchdog_failed", error=str(error))

    def _was_let_go(self) -> bool:
        return self._is_over  # it may change while anything is awaited

    def let_go(self) -> None:
        """It ends by itself now, as when the worker dies."""
        self._is_over = True
        with contextlib.suppress(OSError):  # it is dead already
            self._lifeline.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._lifeline.close()

    async def _tell_address(self, lifeline: socket.socket) -> None:
        """Once it says that its memory is hidden: the address has the broker's password."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):  # it died: the next one is told
            if self._address is not None and await loop.sock_recv(lifeline, 1):
                await loop.sock_sendall(lifeline, json.dumps(self._address).encode())

    def _start(self) -> "subprocess.Popen[bytes]":
        self._lifeline, its_end = socket.socketpair()
        self._lifeline.setblocking(False)
        shared = (self._table.shared.fd, its_end.fileno())
        arguments = [*map(str, shared), self._args.encode(), _PROTOCOLS]
        try:
            process = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-I", "-S", _SCRIPT, *arguments],
                pass_fds=shared,
                cwd="/",
                env=_loader_settings(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # A signal to the worker's group, a Ctrl-C for one, is not for it.
                start_new_session=True,
            )
        finally:
            its_end.close()
        log.info("watchdog_started", pid=process.pid)
        return process


def _loader_settings() -> dict[str, str]:
    """What the interpreter may need to start at all; the rest of the environment has secrets."""
    return {name: os.environ[name] for name in os.environ if name.startswith(("LD_", "DYLD_"))}


async def _ended(process: "subprocess.Popen[bytes]") -> None:
    loop = asyncio.get_running_loop()
    if not hasattr(os, "pidfd_open"):  # macOS: a thread waits instead
        await loop.run_in_executor(None, process.wait)
        return
    if process.poll() is not None:
        return
    ended = asyncio.Event()
    pidfd = os.pidfd_open(process.pid)
    loop.add_reader(pidfd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)
    process.wait()
