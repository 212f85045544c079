"""An execution with files, on a runtime that only notes what is brought to it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

from conveyor.extensions.runtimes import STOPPED, Archive, Outcome, RuntimeRejected
from conveyor.extensions.tasks import Place, TaskSpec
from services.worker.files.execution import FiledExecution, TaskFiles
from services.worker.files.services import FileServices
from tests.support.files.tars import files_in, in_chunks, joined

SUCCESS = Outcome(0, "a result")


@dataclass
class FakeExecution:
    """`left` are the tars of what may be taken, by path. `outcome` None: it runs until it is
    stopped."""

    outcome: Outcome | None = SUCCESS
    left: dict[str, bytes] = field(default_factory=dict)
    places: tuple[Place, ...] = ()
    on_output: Callable[[int, bytes], None] | None = None
    brought: dict[str, dict[str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def prepare(self) -> None:
        self.asked.append("prepare")

    async def bring(self, target: str, archive: Archive) -> None:
        self.brought[target] = files_in(await joined(archive))
        self.asked.append(f"bring {target}")

    async def start(self) -> None:
        self.asked.append("start")

    async def wait(self) -> Outcome:
        if self.outcome is None:
            await self.ended.wait()
        return self.outcome or STOPPED

    @asynccontextmanager
    async def take(self, path: str) -> AsyncIterator[Archive]:
        self.asked.append(f"take {path}")
        if path not in self.left:
            raise RuntimeRejected(f"path {path!r}: no such file or directory")
        yield in_chunks(self.left[path], 100_000)

    async def terminate(self) -> None:
        self.asked.append("terminate")
        self.ended.set()

    async def stop(self) -> None:
        self.asked.append("stop")
        self.ended.set()

    async def close(self) -> None:
        self.asked.append("close")


class Filed:
    """A task with files. `log` has what its log says of them."""

    def __init__(
        self,
        services: FileServices,
        files: TaskFiles,
        inner: FakeExecution | None = None,
        directories: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.inner = inner or FakeExecution()
        self.log = ""
        spec = TaskSpec(
            task_id="t1",
            job_id="j1",
            node_id="n1",
            dispatch=2,
            run="true",
            directories=dict(directories),
        )
        self.execution = FiledExecution(self._make, spec, files, services, self._write)

    async def run(self) -> Outcome:
        await self.execution.prepare()
        await self.execution.start()
        try:
            return await self.execution.wait()
        finally:
            await self.execution.close()

    @property
    def only(self) -> dict[str, bytes]:
        """What was brought, of a single source."""
        [brought] = self.inner.brought.values()
        return brought

    def _make(self, spec: TaskSpec) -> FakeExecution:
        self.inner.places, self.inner.on_output = spec.places, spec.on_output
        return self.inner

    async def _write(self, data: bytes, stream: int = 1) -> None:
        self.log += data.decode()
