"""A container that may outlive its worker: the engine keeps its output, and any worker reads on."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import aiohttp

from conveyor.extensions.runtimes import STDOUT, LogSink, ProgressSink, RuntimeRejected
from conveyor.extensions.tasks import TaskSpec
from services.worker.runtimes.containers.engine_calls import whole_frames
from services.worker.runtimes.containers.environment import EngineContext
from services.worker.runtimes.containers.execution import ContainerExecution
from services.worker.runtimes.containers.layout import ContainerPlacement
from services.worker.runtimes.containers.mounts import check_sources
from services.worker.runtimes.keeping import Kept

_TIME = re.compile(r"(.*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)")


def can_be_kept(spec: TaskSpec) -> bool:
    """Not where a container is only a part of it: nobody would find the others. Without an image it
    may be for another runtime."""
    has_proxy = spec.network is not None and spec.network.type == "http"
    is_container = spec.image is not None and spec.wasm is None
    return is_container and not (spec.pre or spec.post or spec.sidecars or spec.gpus or has_proxy)


class KeptContainer(ContainerExecution):
    def __init__(
        self,
        context: EngineContext,
        spec: TaskSpec,
        placement: Callable[[], ContainerPlacement],
        log: LogSink,
        progress: ProgressSink,
        *,
        kept: Kept,
    ) -> None:
        super().__init__(context, spec, placement, log, progress, keeps_log=True)
        self._kept = kept
        self._until, self._count = _read(kept.since)
        self._to_skip = self._count
        self._is_behind = bool(kept.since)

    async def _begin(self, container: str) -> aiohttp.ClientResponse:
        check_sources(self._sources)
        await self._engine.start(container)
        self._kept.began()
        return await self._follow(container)

    async def _follow(self, container: str) -> aiohttp.ClientResponse:
        """From the moment of what was read last; that comes again."""
        seconds, nanoseconds = self._until
        since = f"{seconds}.{nanoseconds:09d}" if self._is_behind else ""
        return await self._engine.follow_log(container, since)

    def _frames_of(self, stream: aiohttp.ClientResponse) -> AsyncIterator[tuple[int, bytes]]:
        return whole_frames(stream)

    def _written(self, data: bytes) -> bytes:
        return data.partition(b" ")[2]

    async def _write(self, data: bytes, stream: int = STDOUT) -> None:
        """One entry of the engine's log: a time and what was written."""
        time, _, written = data.partition(b" ")
        moment = _moment(time.decode())
        if self._is_behind and self._was_read(moment):
            return
        self._is_behind = False
        self._count = self._count + 1 if moment == self._until else 1
        self._until = moment
        self._kept.passed(f"{time.decode()} {self._count}")
        await self._log(written, stream)

    def _was_read(self, moment: tuple[int, int]) -> bool:
        """By a worker before: up to a number of entries of the same moment, which may be a second
        (Podman's)."""
        if moment == self._until and self._to_skip:
            self._to_skip -= 1
            return True
        return moment < self._until


class LeftContainer(KeptContainer):
    """One that a worker before this one has started: found instead of made, and not started."""

    async def prepare(self) -> None:
        """It is there."""

    async def start(self) -> None:
        self._started = True
        self._hold(await self._found())
        await super().start()

    async def stop(self) -> None:
        if self._container is None:
            with contextlib.suppress(RuntimeRejected):  # it is gone
                self._hold(await self._found())
        await super().stop()

    def _hold(self, container: str) -> None:
        self._container = container
        self._creating = asyncio.get_running_loop().create_future()
        self._creating.set_result(container)

    async def _found(self) -> str:
        found = await self._engine.of_dispatch(self._spec.task_id, self._spec.dispatch)
        if not found:
            raise RuntimeRejected("its container is gone")
        return found[0]

    async def _begin(self, container: str) -> aiohttp.ClientResponse:
        self._kept.began()
        # By its name others see whose it is: its labels still name the worker before.
        await self._engine.rename(container, self._spec.node_id)
        return await self._follow(container)


def _read(since: str) -> tuple[tuple[int, int], int]:
    """The last moment of which entries were read, and how many of them."""
    time, _, count = since.partition(" ")
    return (_moment(time), int(count)) if since else ((0, 0), 0)


def _moment(text: str) -> tuple[int, int]:
    """Seconds and nanoseconds; engines write as many digits as they like. Raises ValueError."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"the engine's log has no time: {text!r}")
    seconds = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00"))
    return int(seconds.timestamp()), int((match[2] or "").ljust(9, "0")[:9])
