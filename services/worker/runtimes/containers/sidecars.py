"""A main container with its sidecars: they start first, it starts when all are ready, they stop
with it.

A sidecar with a probe is ready once that succeeds: an answer of 200, a connection, or a command in
the sidecar that ends with 0. The worker asks at the container's own address, which it reaches where
it runs on the engine's machine. From anywhere else (it is in a container itself, the engine is
remote or rootless) there is no way there; then the operator names a `probe_image`, and a container
of it asks from within the sidecar's own network. The engine itself runs a command.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import timedelta

import aiohttp

from conveyor.extensions.runtimes import (
    STDOUT,
    STOPPED,
    Archive,
    Outcome,
    RuntimeRejected,
    RuntimeUnavailable,
)
from conveyor.extensions.tasks import Probe, Sidecar, TaskSpec
from services.worker.runtimes.containers.environment import ContainerEnvironment, EngineContext
from services.worker.runtimes.containers.execution import ContainerExecution
from services.worker.runtimes.containers.layout import ContainerPlacement
from services.worker.runtimes.output import LogLines
from services.worker.runtimes.stages import naming, outcome_within, timed_out
from shared.definition.quantities import format_duration


@dataclass(frozen=True, slots=True)
class RunningSidecar:
    spec: Sidecar
    execution: ContainerExecution
    lines: LogLines

    async def prepare(self) -> None:
        with naming(self.spec.label):
            await self.execution.prepare()

    async def start(self) -> None:
        with naming(self.spec.label):
            await self.execution.start()

    async def wait(self) -> Outcome:
        """Its end, by itself or because its time was over."""
        outcome = await outcome_within(
            self.execution, self.spec.timeout_seconds, self.spec.program.grace_seconds
        )
        await self.lines.end()
        return outcome or replace(STOPPED, reason=timed_out(self.spec))


class WithSidecars:
    """An `Execution`: `start` starts the sidecars, `wait` the main container as well."""

    def __init__(
        self,
        main: ContainerExecution,
        lines: LogLines,
        sidecars: Sequence[RunningSidecar],
        wait_ready: Callable[[RunningSidecar], Coroutine[object, object, None]],
    ) -> None:
        """`lines` is where the main container's output goes.

        `wait_ready` makes a started sidecar known to the main container and returns once it is
        ready. It raises RuntimeRejected when that takes too long.
        """
        self._main = main
        self._lines = lines
        self._sidecars = sidecars
        self._wait_ready = wait_ready
        self._is_stopped = False

    async def prepare(self) -> None:
        for sidecar in self._sidecars:
            await sidecar.prepare()

    async def start(self) -> None:
        for sidecar in self._sidecars:
            await sidecar.start()

    async def wait(self) -> Outcome:
        lives = [asyncio.create_task(each.wait()) for each in self._sidecars]
        try:
            return await self._until_ready(lives) or await self._run_main(lives)
        finally:
            await self._end(lives)

    def take(self, path: str) -> AbstractAsyncContextManager[Archive]:
        return self._main.take(path)

    async def terminate(self) -> None:
        """The main container; the sidecars end with it, which may need them until then."""
        self._is_stopped = True
        await (self._main.terminate() if self._main.is_started else self.stop())

    async def stop(self) -> None:
        self._is_stopped = True
        await self._main.stop()
        for sidecar in self._sidecars:
            await sidecar.execution.stop()

    async def close(self) -> None:
        ours = [self._main, *(each.execution for each in self._sidecars)]
        await asyncio.gather(*(each.close() for each in ours))

    async def _until_ready(self, lives: "Sequence[asyncio.Task[Outcome]]") -> Outcome | None:
        """None when all are ready; else how the first of them ended that should live."""
        if self._is_stopped:
            return STOPPED
        waiting = asyncio.create_task(self._all_ready())
        try:
            await asyncio.wait([waiting, *lives], return_when=asyncio.FIRST_COMPLETED)
            # First of all: a probe of one that has ended fails as well, and says less.
            if (ended := self._ended(lives)) is None:
                waiting.result()
            return ended
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    async def _all_ready(self) -> None:
        """All at once; the first to fail fails all."""
        each = [asyncio.create_task(self._wait_ready(sidecar)) for sidecar in self._sidecars]
        try:
            await asyncio.gather(*each)
        finally:
            for wait_ready in each:
                wait_ready.cancel()
            await asyncio.gather(*each, return_exceptions=True)

    async def _run_main(self, lives: "Sequence[asyncio.Task[Outcome]]") -> Outcome:
        await self._main.prepare()
        if (ended := self._ended(lives)) is not None:
            return ended
        await self._main.start()
        outcome = await self._main.wait()
        await self._lines.end()
        return outcome

    def _ended(self, lives: "Sequence[asyncio.Task[Outcome]]") -> Outcome | None:
        for sidecar, life in zip(self._sidecars, lives, strict=True):
            if life.done():
                outcome = life.result()
                reason = outcome.reason or "it ended before the task could start"
                return replace(outcome, part=sidecar.spec.label, reason=reason)
        return None

    async def _end(self, lives: "Sequence[asyncio.Task[Outcome]]") -> None:
        """Their logs are whole when this returns."""
        # An engine that can't be reached now must not cost the main container's outcome: whoever
        # closes this, or the reaper, removes them.
        with contextlib.suppress(RuntimeRejected, RuntimeUnavailable):
            await asyncio.gather(*(each.execution.stop() for each in self._sidecars))
            await asyncio.gather(*lives)
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)


_PAUSE_SECONDS = 0.1
_DEFAULT_SECONDS = 60.0
_ANSWER_SECONDS = 5.0
_READY = 200
_SCRIPT = """
until wget -q -O /dev/null "$URL" 2>/dev/null || python3 -c '
import os, urllib.request
urllib.request.urlopen(os.environ["URL"], timeout=5)' 2>/dev/null
do sleep 0.2; done
"""


_CONNECT_SCRIPT = """
until nc -z 127.0.0.1 "$PORT" 2>/dev/null || python3 -c '
import os, socket
socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), 5)' 2>/dev/null
do sleep 0.2; done
"""


class SidecarReadiness:
    """Makes a started sidecar known to the main container, and waits until it is ready."""

    def __init__(self, context: EngineContext, environment: ContainerEnvironment) -> None:
        self._context = context
        self._environment = environment

    async def __call__(self, sidecar: RunningSidecar) -> None:
        """Raises RuntimeRejected when it isn't ready in time, RuntimeUnavailable."""
        container = sidecar.execution.container
        address = await self._environment.meet(sidecar.spec.host, container)
        probe = sidecar.spec.probe
        if probe is None:
            return
        last = ["nothing has answered"]
        try:
            async with asyncio.timeout(_seconds(probe)):
                if probe.command:
                    await self._run_until_ready(probe, container, last)
                elif self._context.settings.probe_image:
                    await self._ask_within(sidecar.spec.program, probe, container, last)
                elif probe.path is None:
                    await _connect_until_ready(address, probe.port, last)
                else:
                    await _ask_until_ready(f"http://{address}:{probe.port}{probe.path}", last)
        except TimeoutError as error:
            raise RuntimeRejected(_too_late(sidecar.spec, probe, last[0])) from error

    async def _run_until_ready(self, probe: Probe, container: str, last: list[str]) -> None:
        """`last` holds how the command ended last."""
        while True:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    code = await self._context.engine.run_in(container, probe.command)
                if code == 0:
                    return
                last[0] = f"the last exit code was {code}"
            except TimeoutError:  # of this run alone: the next may be answered
                last[0] = f"it ran longer than {_ANSWER_SECONDS:g} s"
            except RuntimeRejected as error:  # it has ended: whoever waits for it will tell
                last[0] = str(error)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _ask_within(
        self, program: TaskSpec, probe: Probe, container: str, last: list[str]
    ) -> None:
        """As `_ask_until_ready`, by a container of the probe image."""
        spec = TaskSpec(
            task_id=program.task_id,
            job_id=program.job_id,
            node_id=program.node_id,
            dispatch=program.dispatch,
            image=self._context.settings.probe_image,
            run=_CONNECT_SCRIPT if probe.path is None else _SCRIPT,
            env={
                "URL": f"http://127.0.0.1:{probe.port}{probe.path}",
                "PORT": str(probe.port),
            },
        )
        placement = ContainerPlacement(networks=(f"container:{container}",))
        while (outcome := await self._run(spec, placement)) != "":
            last[0] = outcome  # the sidecar may have ended: whoever waits for it will tell
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _run(self, spec: TaskSpec, placement: ContainerPlacement) -> str:
        """Empty when it succeeded, else why not."""
        asking = ContainerExecution(self._context, spec, lambda: placement, _unheard)
        try:
            await asking.prepare()
            await asking.start()
            outcome = await asking.wait()
        except RuntimeRejected as error:  # no such image, or no sidecar to join any more
            return str(error)
        finally:
            await asking.close()
        return "" if outcome.is_success else f"{spec.image}: exit code {outcome.exit_code}"


async def _ask_until_ready(url: str, last: list[str]) -> None:
    """`last` holds the last answer that wasn't 200."""
    limit = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    async with aiohttp.ClientSession(timeout=limit) as session:
        while True:
            try:
                async with session.get(url, allow_redirects=False) as answer:
                    if answer.status == _READY:
                        return
                    last[0] = f"the last answer was {answer.status}"
            except (aiohttp.ClientError, TimeoutError) as error:  # not yet: what probes are for
                last[0] = str(error) or type(error).__name__
            await asyncio.sleep(_PAUSE_SECONDS)


async def _connect_until_ready(address: str, port: int, last: list[str]) -> None:
    """`last` holds why the last connection failed."""
    while True:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                _, writer = await asyncio.open_connection(address, port)
            writer.close()
            return
        except (OSError, TimeoutError) as error:  # not yet: what probes are for
            last[0] = str(error) or type(error).__name__
        await asyncio.sleep(_PAUSE_SECONDS)


def _seconds(probe: Probe) -> float:
    return probe.timeout_seconds or _DEFAULT_SECONDS


def _too_late(sidecar: Sidecar, probe: Probe, last: str) -> str:
    limit = format_duration(timedelta(seconds=_seconds(probe)))
    asked = f"no 200 from GET {probe.path} on port {probe.port}"
    if probe.command:
        asked = f"no exit code 0 from {' '.join(probe.command)}"
    elif probe.path is None:
        asked = f"no connection to port {probe.port}"
    return f"{sidecar.label}: {asked} within {limit} ({last})"


async def _unheard(data: bytes, stream: int = STDOUT) -> None:
    """What the probing says is nobody's log."""
