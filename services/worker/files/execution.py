"""An execution with files: sources are brought before it starts, artifacts taken when it has ended.

All that moves bytes happens in `wait`: so it counts in the task's time-out, and what stops the task
ends a transfer at once.
"""

import asyncio
from collections.abc import Callable, Container, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from conveyor.extensions.runtimes import (
    STOPPED,
    Execution,
    LogSink,
    Outcome,
    RuntimeRejected,
    RuntimeUnavailable,
    TransferStopped,
)
from conveyor.extensions.tasks import Place, TaskSpec
from services.worker.files.bringing import Bound, Bring, bound, bring_all
from services.worker.files.bundle import Output
from services.worker.files.ending import Bundle, Ending
from services.worker.files.publishing import Publisher
from services.worker.files.services import FileServices
from services.worker.files.spawned import spawn_files, spawned_in
from services.worker.files.taking import Allowance, Taker
from services.worker.files.task_caches import UsedCaches
from services.worker.phases import phase
from shared.definition import SPAWN_DIR, Artifact, Publication, Source, Spawning
from shared.definition import Execution as Placed
from shared.files.archives import write_tar
from shared.files.archives.members import Members
from shared.files.names import dispatch_prefix
from shared.messages import KeptArtifact, Spawned
from shared.process.redaction import Redactor
from shared.tracing.current import step

T = TypeVar("T")
_CLEANING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class TaskFiles:
    """What a task's definition says of files, and how many bytes it may keep (None: any number).
    Of `secrets` nothing is in a bundle's output. `names` are placeholders of its own."""

    sources: tuple[Source, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    publish: tuple[Publication, ...] = ()
    large_result: str | None = None
    bundle: str | None = None
    secrets: Redactor = field(default_factory=Redactor)
    placed: Placed | None = None
    spawning: Spawning | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    cache_owner: str | None = None
    attempt: int = 0
    left_bytes: int | None = None


class FiledExecution:
    """`make` gives what runs the task, once its places are known. `kept` is what was kept so far,
    complete when `wait` has ended, whatever it raised; `spawned` the tasks that it has made."""

    def __init__(
        self,
        make: Callable[[TaskSpec], Execution],
        spec: TaskSpec,
        files: TaskFiles,
        services: FileServices,
        log: LogSink,
    ) -> None:
        self._make = make
        self._files = files
        self._services = services
        self._log = log
        self._spec = spec = replace(
            spec,
            keeps_large_result=files.large_result is not None,
            directories=services.task_caches.offered(spec.directories, files.cache_owner),
        )
        has_places = files.sources or files.bundle or spec.directories
        self._inner = None if has_places else make(self._spec)
        self._output: Output | None = None
        self._bound: list[Bound] = []
        self._empty: list[str] = []
        self._caches = UsedCaches()
        self._transfer: asyncio.Task[Any] | None = None
        self._is_started = self._is_stopped = False
        self.kept: tuple[KeptArtifact, ...] = ()
        self.spawned: list[Spawned] = []

    async def prepare(self) -> None:
        """The runtime needs the places: it is looked what sources are, nothing is brought yet."""
        if self._inner is None:
            self._bound = await bound(self._files.sources, self._services)
            caches = self._services.task_caches
            paths = self._spec.directories.values()
            self._caches = await caches.acquire(paths, self._files.cache_owner)
            places = [*(each.place for each in self._bound), *self._caches.places]
            brought = {place.target for place in places}
            if self._files.bundle:
                self._hear_output()
                places += self._places_of_results(brought)
            files = {self._spec.directories[name] for name in self._files_of_spawn()}
            self._empty = sorted(set(self._spec.directories.values()) - brought - files)
            places += [Place(target=path) for path in self._empty]
            self._inner = self._make(replace(self._spec, places=tuple(places)))
        await self._inner.prepare()

    def _files_of_spawn(self) -> Sequence[str]:
        """Which variables name files in a directory."""
        return ("TORK_SPAWN", "TORK_PARAMETERS") if self._files.spawning else ()

    def _hear_output(self) -> None:
        """Raises RuntimeUnavailable."""
        try:
            self._output = Output(self._services.cache.folder)
        except OSError as error:  # another worker may have room
            raise RuntimeUnavailable(f"no room for the task's output: {error}") from error
        self._spec = replace(self._spec, on_output=self._output.write)

    def _places_of_results(self, brought: Container[str]) -> list[Place]:
        """What a bundle has of a task are directories, which it finds empty."""
        paths = [artifact.path for artifact in self._files.artifacts]
        return [Place(target=path) for path in paths if path not in brought]

    async def start(self) -> None:
        if not self._bound and not self._empty:
            await self._start()

    async def wait(self) -> Outcome:
        inner = self._prepared
        if self._bound or self._empty:
            await self._transferred("bring", self._bring(inner.bring))
            if self._is_stopped:
                return STOPPED
            await self._start()
        with phase("run"):
            outcome = self._judged(await inner.wait())
        if self._files.spawning and outcome.is_success and not self._is_stopped:
            await self._transferred("take", self._take_spawned(self._files.spawning, outcome))
        is_kept = self._files.artifacts or self._output or outcome.large_result_bytes
        if self._is_stopped or not is_kept:
            return outcome
        return await self._transferred("take", self._take(outcome))

    async def _bring(self, bring: Bring) -> None:
        for path in self._empty:  # so that anybody may write there, whoever the program runs as
            await bring(path, write_tar(self._members_at(path)))
        await bring_all(self._bound, self._services, bring, self._log, self._files.placed)

    def _members_at(self, path: str) -> Members:
        spawning = self._files.spawning
        return spawn_files(spawning) if spawning and path == SPAWN_DIR else _no_members()

    async def _take_spawned(self, spawning: Spawning, outcome: Outcome) -> None:
        """Raises RuntimeRejected where the task has not done what it must."""
        has_result = outcome.output or outcome.large_result_bytes
        if spawning.explicit_success and not has_result:
            raise RuntimeRejected("no_result: it has written nothing to $TORK_OUTPUT")
        self.spawned = await spawned_in(self._prepared.take, spawning)

    def _judged(self, outcome: Outcome) -> Outcome:
        """Also of a runtime that knows of no exit code but 0."""
        is_expected = self._spec.succeeds_with(outcome.exit_code)
        is_told = outcome.is_expected is not None or outcome.part is not None
        if is_told or is_expected == (outcome.exit_code == 0):
            return outcome
        return replace(outcome, is_expected=is_expected)

    async def terminate(self) -> None:
        await self._end_transfer()
        if self._is_started:
            await self._prepared.terminate()

    async def stop(self) -> None:
        await self._end_transfer()
        if self._inner is not None:
            await self._inner.stop()

    async def close(self) -> None:
        await self._end_transfer()
        try:
            if self._inner is not None:
                await self._inner.close()
        finally:
            if self._output is not None:
                self._output.close()
            caches, self._caches = self._caches, UsedCaches()
            await self._services.task_caches.release(caches)

    def kept_without(self, secrets: Redactor) -> list[KeptArtifact]:
        """What may be stored and shown of it."""
        return [
            each.model_copy(
                update={
                    "file_name": secrets.text(each.file_name),
                    "published": secrets.value(each.published),
                }
            )
            for each in self.kept
        ]

    @property
    def _prepared(self) -> Execution:
        if self._inner is None:
            raise RuntimeError("prepare comes first")
        return self._inner

    async def _start(self) -> None:
        self._is_started = True
        await self._prepared.start()

    async def _end_transfer(self) -> None:
        """Before the runtime ends its part of it: a task that is cancelled twice does not clean up
        what it has begun."""
        self._is_stopped = True
        if self._transfer is not None and not self._transfer.done():
            if not self._transfer.cancelling():
                self._transfer.cancel()
            await asyncio.wait([self._transfer], timeout=_CLEANING_SECONDS)

    async def _transferred(
        self, act: Literal["bring", "take"], transfer: Coroutine[Any, Any, T]
    ) -> T:
        """Its result. Raises TransferStopped where the task was stopped meanwhile."""
        if self._is_stopped:
            transfer.close()
            raise TransferStopped("stopped before files were transferred")
        with step(act), phase("fetch" if act == "bring" else "keep"):
            self._transfer = transferring = asyncio.create_task(transfer)
            try:
                return await transferring
            except asyncio.CancelledError:
                if not self._is_stopped:  # who waits was cancelled
                    transferring.cancel()
                    raise
                raise TransferStopped("stopped while files were transferred") from None
            except RuntimeRejected:
                self._services.metrics.failed[act].inc()
                raise

    async def _take(self, outcome: Outcome) -> Outcome:
        spec, files = self._spec, self._files
        prefix = dispatch_prefix(spec.job_id, spec.task_id, files.attempt, spec.dispatch)
        allowance = Allowance(files.left_bytes)
        taker = Taker(self._services, self._prepared.take, self._log, prefix, allowance)
        values = {**_placeholders(spec, files.attempt), **files.names}
        publisher = Publisher(self._services, self._log, values, prefix)
        bundle = Bundle(files.bundle or "", self._output, files.secrets) if self._output else None
        ending = Ending(
            files.artifacts, files.publish, files.large_result, taker, publisher, bundle
        )
        try:
            return await ending.complete(outcome)
        finally:
            self.kept = ending.kept


async def _no_members() -> Members:
    return
    yield


def _placeholders(spec: TaskSpec, attempt: int) -> Mapping[str, str]:
    now = datetime.now(UTC)
    return {
        "jobID": spec.job_id,
        "taskID": spec.task_id,
        "executionID": f"{spec.task_id}.{spec.dispatch}",
        "nodeID": spec.node_id,
        "attempt": str(attempt),
        "date": f"{now:%Y%m%d}",
        "time": f"{now:%H%M%S}",
    }
