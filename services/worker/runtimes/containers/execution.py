"""One container of a task, from its creation to its removal: an `Execution` of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial

import aiohttp

from conveyor.extensions.runtimes import (
    RESULT,
    STDOUT,
    STOPPED,
    Archive,
    LogSink,
    Outcome,
    ProgressSink,
    RuntimeDeclined,
    RuntimeRejected,
    RuntimeUnavailable,
    TransferStopped,
)
from conveyor.extensions.tasks import TaskSpec
from services.worker.phases import note_image, phase
from services.worker.runtimes.containers.engine import ImageMissing
from services.worker.runtimes.containers.engine_calls import frames
from services.worker.runtimes.containers.environment import EngineContext
from services.worker.runtimes.containers.hearing import Hearing
from services.worker.runtimes.containers.layout import (
    OUTPUT,
    PROGRESS,
    TORK,
    ContainerPlacement,
    PlacedFiles,
    check_spec,
    container_archive,
    container_config,
    is_root,
    needs_archive,
    open_folder,
)
from services.worker.runtimes.containers.mounts import check_sources
from services.worker.runtimes.output import (
    Piece,
    outcome_with,
    over_memory,
    parse_progress,
    pass_on,
)
from services.worker.runtimes.ports import taken_by_others
from services.worker.runtimes.transfers import Transfers

_KILLED = 137
_MOST_PORT_TRIES = 10
_OTHERS_WRITE = 0o002
_KEPT_LOG = {"Type": "json-file", "Config": {"max-size": "16m", "max-file": "2"}}


class ContainerExecution:
    def __init__(
        self,
        context: EngineContext,
        spec: TaskSpec,
        placement: Callable[[], ContainerPlacement],
        log: LogSink,
        progress: ProgressSink | None = None,
        *,
        keeps_log: bool = False,
    ) -> None:
        """`placement` is asked when the container is made. `keeps_log`: the engine keeps the log.

        Without `progress` it is no task's main container: nobody asks for its output either.
        """
        self._keeps_log = keeps_log
        self._context = context
        self._engine = context.engine
        self._spec = spec
        self._placement = placement
        self._log = log
        self._progress = progress
        self._reported: float | None = None
        self._container: str | None = None
        self._stream: aiohttp.ClientResponse | None = None
        self._archive = False
        self._placed = ContainerPlacement()
        self._port_tries = 0
        self._sources: tuple[str, ...] = ()
        self._files: PlacedFiles | None = None
        self._creating: asyncio.Future[str] | None = None
        self._pulling: asyncio.Task[None] | None = None
        self._hearing = Hearing()
        self._stop = asyncio.Event()
        self._transfers = Transfers()
        self._started = False

    @property
    def container(self) -> str:
        """Its id. Raises RuntimeError before `prepare`."""
        if self._container is None:
            raise RuntimeError("prepare comes first")
        return self._container

    @property
    def is_started(self) -> bool:
        return self._started

    async def prepare(self) -> None:
        check_spec(self._spec)
        try:
            await self._create()
        except ImageMissing:
            await self._pull_unless_stopped()
            await self._create_after_pull()
        if self._container is not None and self._archive:
            check_sources(self._sources)  # it may be in a mount that the files are written
            root = TORK if self._context.settings.container_read_only else "/"
            archive = container_archive(self._spec, root)
            await self._engine.put_archive(self._container, root, archive)

    async def start(self) -> None:
        if self._stop.is_set():
            return
        container = self.container
        if self._files is not None:
            try:
                async with self._transfers.running():
                    await self._files.write_into(container)
            except TransferStopped:  # then `wait` tells
                return
        try:
            self._started = True
            self._hearing = Hearing()
            self._stream = await self._begin(container)
        except (RuntimeRejected, RuntimeDeclined) as error:
            await self._take_other_ports(error)
            await self.start()
            return
        for port in self._placed.ports:
            await self._log(port.line.encode())
        if self._stop.is_set():  # it came while the engine was starting: that kill found nothing
            await self._engine.kill(container)

    async def _take_other_ports(self, error: Exception) -> None:
        """For another container. Raises `error` if it is about something else, or comes again and
        again."""
        self._port_tries += 1
        placed, is_last = self._placed, self._port_tries > _MOST_PORT_TRIES
        if is_last or placed.take_other_ports is None:
            raise error
        if not taken_by_others(placed.ports, str(error)):
            raise error
        await self.close()
        self._started = False
        placed.take_other_ports()
        await self.prepare()

    async def _begin(self, container: str) -> aiohttp.ClientResponse:
        """Start it; its output. What fails here leaves no stream open."""
        async with contextlib.AsyncExitStack() as stack:
            stream = await self._engine.attach(container)
            stack.callback(stream.close)
            check_sources(self._sources)
            await self._engine.start(container)
            stack.pop_all()
            return stream

    async def wait(self) -> Outcome:
        if not self._started or self._stream is None:
            return STOPPED
        async with _background(self._poll_progress()), _background(self._hearing.note()):
            noting = asyncio.create_task(self._note_image())
            try:
                await pass_on(self._frames(self._stream), self._write)
                exit_code = await self._exit_code()
                await noting
            finally:
                noting.cancel()
        return await self._outcome(exit_code)

    async def bring(self, target: str, archive: Archive) -> None:
        raise RuntimeError(f"the task has no place {target!r}")  # it would have an environment

    @contextlib.asynccontextmanager
    async def take(self, path: str) -> AsyncIterator[Archive]:
        taken = self._engine.archives.taken(self.container, OUTPUT if path == RESULT else path)
        async with self._transfers.running(), taken as archive:
            yield archive

    async def terminate(self) -> None:
        await self._end(self._engine.terminate)

    async def stop(self) -> None:
        await self._end(self._engine.kill)

    async def _end(self, end: Callable[[str], Awaitable[None]]) -> None:
        self._stop.set()
        self._transfers.stop()
        if self._pulling is not None:
            self._pulling.cancel()
        if self._started:
            await end(self.container)

    async def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        if self._creating is None:
            return
        # Raised by a creation that failed: then there is none.
        with contextlib.suppress(RuntimeRejected, RuntimeUnavailable, ImageMissing):
            container = await self._creating
            await self._context.pending_removals.remove(
                container, partial(self._engine.delete, container)
            )
            self._creating = self._container = None

    async def _create(self) -> None:
        """Raises ImageMissing when the image has to be pulled first."""
        if self._stop.is_set():
            return
        context = self._context
        placement = self._placed = self._placement()
        settings = context.settings
        user = settings.container_user or await context.images.user_of(str(self._spec.image))
        self._archive = settings.container_read_only or needs_archive(self._spec, user)
        self._sources, self._files = placement.sources, placement.files
        config = container_config(
            self._spec, placement, archive=self._archive, init=context.init, settings=settings
        )
        if self._keeps_log:
            config["HostConfig"]["LogConfig"] = _KEPT_LOG
        # Shielded: a call given up half-way would leave a container whose id nobody knows.
        self._creating = asyncio.ensure_future(self._engine.create(config))
        self._container = await asyncio.shield(self._creating)
        if self._files is not None:
            await self._files.make_mount_points()
        if not is_root(user):
            await self._open_volumes(placement)
        for network in placement.networks[1:]:
            await self._engine.resources.join(network, self._container)

    async def _open_volumes(self, placement: ContainerPlacement) -> None:
        """Let the image's user write to volumes that are root's, as a new one is."""
        for mount in placement.mounts:
            if mount["Type"] == "volume" and not mount.get("ReadOnly"):
                folder = await self._engine.read_folder(self.container, mount["Target"])
                if folder.uid == 0 and not folder.mode & _OTHERS_WRITE:
                    # Docker leaves the mode of the directory itself, but takes no other path where
                    # the root is only for reading.
                    is_read_only = self._context.settings.container_read_only
                    root = mount["Target"] if is_read_only else "/"
                    archive = open_folder(mount["Target"], root)
                    await self._engine.put_archive(self.container, root, archive)

    async def _create_after_pull(self) -> None:
        try:
            await self._create()
        except ImageMissing as error:  # pulled, and removed again by somebody
            raise RuntimeUnavailable(f"image {self._spec.image} vanished") from error

    async def _pull_unless_stopped(self) -> None:
        images = self._context.images
        work = images.pull_once(str(self._spec.image), self._spec.registry, self._log)
        self._pulling = asyncio.create_task(work)
        try:
            with phase("pull"):
                await self._pulling
        except asyncio.CancelledError:
            # `stop` ended the pull: then `wait` tells. Otherwise we are the one being cancelled.
            if not self._stop.is_set():
                raise
        finally:
            self._pulling = None

    async def _exit_code(self) -> int:
        """Raises RuntimeUnavailable also for an end that is the engine's: one that goes down tells
        its containers to end, and what they make of that, even an exit code of 0, is no result."""
        exit_code = await self._engine.wait(self.container)
        if self._hearing.is_late and self._context.ends_with_engine:
            await self._check_engine()
        return exit_code

    async def _frames(self, stream: aiohttp.ClientResponse) -> AsyncIterator[Piece]:
        self._hearing.is_reading = True
        async for number, data in self._frames_of(stream):
            self._hearing.is_reading = False  # its reader may take its time
            if self._spec.on_output is not None:
                self._spec.on_output(number, self._written(data))
            yield number, data
            self._hearing.is_reading = True
        self._hearing.is_reading = False

    def _frames_of(self, stream: aiohttp.ClientResponse) -> AsyncIterator[Piece]:
        return frames(stream)

    def _written(self, data: bytes) -> bytes:
        """By the container, in a piece of the stream."""
        return data

    async def _write(self, data: bytes, stream: int = STDOUT) -> None:
        await self._log(data, stream)

    async def _check_engine(self) -> None:
        """The container has outlived its output, its log took long, this worker stood still, or
        another engine has come meanwhile: one that is asked after the end tells."""
        await self._engine.wait(self.container)
        state = await self._engine.inspect_state(self.container)
        if not (await self._engine.saw_it_end(self.container, state) or self._stop.is_set()):
            raise RuntimeUnavailable("the engine went down under the container")

    async def _outcome(self, exit_code: int) -> Outcome:
        if self._stop.is_set():
            return Outcome(exit_code=exit_code, output="")
        is_expected = self._spec.succeeds_with(exit_code)
        reason, is_out_of_memory = await self._reason(exit_code) if exit_code else (None, False)
        if self._progress is None or not is_expected:
            return Outcome(
                exit_code=exit_code,
                output="",
                reason=reason,
                is_expected=is_expected,
                is_out_of_memory=is_out_of_memory,
            )
        if self._reported is not None:
            await self._report_progress(self._progress)
        limit = self._context.settings.output_max_bytes
        data, size = await self._engine.read_file(self.container, OUTPUT, limit)
        keeps_large = self._spec.keeps_large_result
        return outcome_with(
            *(data, size, limit), keeps_large=keeps_large, exit_code=exit_code, reason=reason
        )

    async def _reason(self, exit_code: int) -> tuple[str | None, bool]:
        """Why, and whether that was its memory."""
        state = await self._engine.inspect_state(self.container)
        if await self._engine.was_told_to_stop(self.container, state):
            return "stopped by somebody, through the engine", False
        limit = self._spec.memory_bytes
        exceeded = "out of memory" if limit is None else over_memory(limit)
        if state.get("OOMKilled"):
            return exceeded, True
        if exit_code == _KILLED and limit:  # not by us; engines don't always see the cause
            return f"killed, probably: {exceeded}", True
        return None, False

    async def _note_image(self) -> None:
        # While the container runs, so that nothing waits for it. Without it the result is as good.
        if self._progress is not None:
            with contextlib.suppress(RuntimeRejected, RuntimeUnavailable, ImageMissing):
                if image := await self._engine.image_of(self.container):
                    name = str(self._spec.image)
                    note_image(await self._context.images.digest_of(image, name))

    async def _poll_progress(self) -> None:
        while self._progress is not None:
            await asyncio.sleep(self._context.settings.container_progress_seconds)
            await self._report_progress(self._progress)

    async def _report_progress(self, progress: ProgressSink) -> None:
        # Progress is a courtesy: neither a missing file nor a busy engine may end the task.
        with contextlib.suppress(RuntimeRejected, RuntimeUnavailable):
            raw, _ = await self._engine.read_file(self.container, PROGRESS, 64)
            value = parse_progress(raw)
            if value is not None and value != self._reported:
                self._reported = value
                progress(value)


@contextlib.asynccontextmanager
async def _background(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
