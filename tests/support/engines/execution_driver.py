"""Drives one execution of a runtime as the worker does, and counts what it left behind."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from conveyor.extensions.runtimes import Execution, LogSink, Outcome, Runtime
from conveyor.extensions.tasks import Aux, Probe, Sidecar, TaskSpec
from services.worker.runtimes.containers.engine import ContainerEngine
from services.worker.runtimes.containers.runtime import ContainerRuntime
from services.worker.runtimes.factory import WithPrograms, make_runtime
from services.worker.runtimes.settings import RuntimeSettings
from tests.support.engines.images import BUSYBOX

# The engine may serve several test processes: each sees and removes its own.
NODE = f"node-under-test-{os.getpid()}"
_TASK = f"task-under-test-{os.getpid()}"
DEADLINE_SECONDS = 180.0


@dataclass
class Ran:
    """A task's execution with all that came out of it so far."""

    execution: Execution
    log: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    progress: list[float] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _progressed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def text(self) -> str:
        return self.log.decode()

    async def begin(self) -> "asyncio.Task[Outcome]":
        """Prepare and start; the task that waits for the end."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            await self.execution.prepare()
        return await self.begin_prepared()

    async def begin_prepared(self) -> "asyncio.Task[Outcome]":
        async with asyncio.timeout(DEADLINE_SECONDS):
            await self.execution.start()
        return asyncio.create_task(self.execution.wait())

    async def finish(self, waiting: "asyncio.Task[Outcome]") -> Outcome:
        """Wait for the end and close."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await waiting
        finally:
            await self.execution.close()

    async def take_log(self, data: bytes, stream: int = 1) -> None:
        self.log += data
        if stream == 2:
            self.stderr += data
        async with self._news:
            self._news.notify_all()

    def take_progress(self, value: float) -> None:
        self.progress.append(value)
        self._progressed.set()

    async def progressed(self) -> None:
        """Wait until the first progress came."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            await self._progressed.wait()

    async def logged(self, text: str) -> None:
        """Wait until the log holds this text."""
        async with asyncio.timeout(DEADLINE_SECONDS), self._news:
            await self._news.wait_for(lambda: text.encode() in self.log)


class Rig:
    """One runtime under test. `kind` is shell, docker or podman."""

    def __init__(self, kind: str, runtime: Runtime, settings: RuntimeSettings) -> None:
        self.kind = kind
        self.runtime = runtime
        self.settings = settings

    @property
    def has_containers(self) -> bool:
        return self.kind != "shell"

    @property
    def image(self) -> dict[str, Any]:
        """What a program around a task needs to run here."""
        return {"image": BUSYBOX} if self.has_containers else {}

    def task(self, sink: LogSink | None = None, **spec: Any) -> Ran:
        """An execution that nobody has begun; its log goes to `sink` when one is given."""
        ran = Ran(execution=None)  # type: ignore[arg-type]  # made right below: it needs the sink
        ran.execution = self.runtime.execution(
            self.spec(**spec), sink or ran.take_log, ran.take_progress
        )
        return ran

    def spec(self, **fields: Any) -> TaskSpec:
        return _program({"image": BUSYBOX, **fields} if self.has_containers else fields)

    async def run(self, **spec: Any) -> tuple[Outcome, Ran]:
        """The whole life of a task, closed at the end however it went."""
        ran = self.task(**spec)
        async with asyncio.timeout(DEADLINE_SECONDS):
            try:
                await ran.execution.prepare()
                await ran.execution.start()
                return await ran.execution.wait(), ran
            finally:
                await ran.execution.close()

    async def leftovers(self, of_node: str = NODE) -> list[str]:
        """Containers, volumes, networks, directories and processes that a task of ours left."""
        if not self.has_containers:
            return list(_shell_leftovers(str(self.settings.shell_workdir_root)))
        async with engine_of(self.settings, self.kind) as engine:
            made = engine.resources
            found = {
                "container": await engine.labelled(),
                "network": await made.labelled("networks"),
                "volume": await made.labelled("volumes"),
            }
            return [
                f"{what} {each}"
                for what, labelled in found.items()
                for each, node in labelled
                if node == of_node
            ]


def containers_of(rig: Rig) -> ContainerRuntime:
    """The runtime itself, without those for built-ins and modules beside it."""
    runtime = rig.runtime
    if isinstance(runtime, WithPrograms):
        runtime = runtime.others
    assert isinstance(runtime, ContainerRuntime)
    return runtime


def with_settings(rig: Rig, **settings: object) -> Rig:
    """The same engine under other settings."""
    context = containers_of(rig)._context
    read = rig.settings.model_copy(update=settings)
    kind: Literal["docker", "podman"] = "docker" if rig.kind == "docker" else "podman"
    return Rig(rig.kind, ContainerRuntime(kind, context.engine, context.images, read), read)


@contextlib.asynccontextmanager
async def engine_of(settings: RuntimeSettings, kind: str) -> Any:
    address = settings.podman_socket if kind == "podman" else settings.docker_host
    engine = ContainerEngine(address, timeout_seconds=60, pull_seconds=60)
    try:
        yield engine
    finally:
        await engine.close()


def _shell_leftovers(root: str) -> Iterator[str]:
    yield from (str(path) for path in Path(root).iterdir())
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended while we looked
            if f"TORK_OUTPUT={root}/".encode() in (process / "environ").read_bytes():
                yield f"process {process.name}: {(process / 'cmdline').read_bytes()!r}"


def address_of(kind: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """The setting that leads to the tests' engine of that kind, which is started for it."""
    field = "docker_host" if kind == "docker" else "podman_socket"
    return {field: request.getfixturevalue(f"{kind}_host")}


@contextlib.asynccontextmanager
async def rig_of(kind: str, **settings: Any) -> AsyncIterator[Rig]:
    """A runtime of this kind, which must have left nothing at the end."""
    read = RuntimeSettings.model_validate({"type": kind, **settings})
    runtime = make_runtime(read)
    try:
        rig = Rig(kind, runtime, read)
        yield rig
        assert await rig.leftovers() == []
    finally:  # a test that failed must not make the next one fail
        await runtime.reap(lambda left: left.node_id == NODE)
        await runtime.close()


def aux(label: str, timeout_seconds: float | None = None, **program: Any) -> Aux:
    """A pre or post; without an image in `program` it is one for the shell."""
    return Aux(label=label, program=_program(program), timeout_seconds=timeout_seconds)


def sidecar(host: str, probe: Probe | None = None, **program: Any) -> Sidecar:
    return Sidecar(
        label=f'sidecar "{host}"',
        host=host,
        probe=probe,
        program=_program({"image": BUSYBOX, **program}),
    )


def _program(fields: dict[str, Any]) -> TaskSpec:
    return TaskSpec(**{"task_id": _TASK, "job_id": "job-1", "node_id": NODE, **fields})
