"""Keeps a watchdog beside the worker for as long as the worker serves."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import structlog

from services.worker.heartbeats import LEASE_SAFE_PART
from services.worker.runtimes.containers.engine_calls import certificates_of
from services.worker.runtimes.containers.labels import LABEL_DISPATCH, LABEL_NODE, LABEL_TASK
from services.worker.runtimes.factory import engine_address
from services.worker.runtimes.protocol import Runtime
from services.worker.runtimes.shell.directory import PREFIX
from services.worker.runtimes.shell.leaders import Leaders
from services.worker.settings import WorkerSettings
from services.worker.watchdog.args import WatchdogArgs
from services.worker.watchdog.task_table import TaskTable

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 1.0
_GOODBYE_SECONDS = 2.0
_SCRIPT = str(Path(__file__).with_name("__main__.py"))


@runtime_checkable
class _WithLeaders(Protocol):
    leaders: Leaders


def watchdog_args(settings: WorkerSettings, node_id: str) -> WatchdogArgs:
    engine = engine_address(settings.runtime) or ""
    return WatchdogArgs(
        limit=str(settings.worker.lease_seconds * LEASE_SAFE_PART),
        directories=f"/{PREFIX}.{node_id}.",
        node_label=f"{LABEL_NODE}={node_id}",
        task_label=LABEL_TASK,
        dispatch_label=LABEL_DISPATCH,
        engine=engine,
        certificates=certificates_of(engine) or "",
    )


@contextlib.asynccontextmanager
async def watched(table: TaskTable, args: WatchdogArgs, runtime: Runtime) -> AsyncIterator[None]:
    """What stands in the table when the context ends is killed. Raises OSError."""
    if isinstance(runtime, _WithLeaders):
        runtime.leaders.tell = table.set_pid
    keeper = _Keeper(table, args)
    keeping = asyncio.create_task(keeper.keep())
    try:
        yield
    finally:
        keeper.let_go()
        # It may have something to end, and takes the time it needs.
        await asyncio.wait([keeping], timeout=_GOODBYE_SECONDS)
        keeping.cancel()
        table.close()


class _Keeper:
    def __init__(self, table: TaskTable, args: WatchdogArgs) -> None:
        self._table = table
        self._args = args
        self._lifeline, self._our_end = os.pipe()
        self._is_over = False
        self._process = self._start()

    async def keep(self) -> None:
        """Start another whenever one has died, until it is let go."""
        while True:
            await _ended(self._process)
            if self._was_let_go():
                return
            log.warning("watchdog died, starting another", exit_code=self._process.returncode)
            await asyncio.sleep(_PAUSE_SECONDS)  # one that can't live must not make a hot loop
            if self._was_let_go():
                return
            try:
                self._process = self._start()
            except OSError as error:  # no memory or no process left: the next round tries again
                log.error("watchdog not started", error=str(error))

    def _was_let_go(self) -> bool:
        return self._is_over  # it may change while anything is awaited

    def let_go(self) -> None:
        """It ends by itself now, as when the worker dies."""
        self._is_over = True
        os.close(self._our_end)
        os.close(self._lifeline)

    def _start(self) -> "subprocess.Popen[bytes]":
        shared = (self._table.shared.fd, self._lifeline)
        process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-I", "-S", _SCRIPT, *map(str, shared), *self._args],
            pass_fds=shared,
            cwd="/",
            env=_loader_settings(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # A signal to the worker's group, a Ctrl-C for one, is not for it.
            start_new_session=True,
        )
        log.info("watchdog started", pid=process.pid)
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
