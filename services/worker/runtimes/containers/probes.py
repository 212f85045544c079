"""Whether a sidecar is ready: its probe is asked until it answers 200.

The worker asks at the container's own address, which it reaches where it runs on the engine's
machine. From anywhere else (it is in a container itself, the engine is remote or rootless) there
is no way there; then the operator names a `probe_image`, and a container of it asks from within
the sidecar's own network.
"""

import asyncio
from datetime import timedelta

import aiohttp

from services.worker.runtimes.containers.context import EngineContext
from services.worker.runtimes.containers.environment import ContainerEnvironment
from services.worker.runtimes.containers.execution import ContainerExecution
from services.worker.runtimes.containers.placement import ContainerPlacement
from services.worker.runtimes.containers.sidecars import RunningSidecar
from services.worker.runtimes.protocol import RuntimeRejected
from services.worker.runtimes.task_spec import Probe, Sidecar, TaskSpec
from shared.jobspec.durations import format_duration

_PAUSE_SECONDS = 0.1
_ANSWER_SECONDS = 5.0
_READY = 200
_SCRIPT = """
until wget -q -O /dev/null "$URL" 2>/dev/null || python3 -c '
import os, urllib.request
urllib.request.urlopen(os.environ["URL"], timeout=5)' 2>/dev/null
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
            async with asyncio.timeout(probe.timeout_seconds):
                if self._context.settings.probe_image:
                    await self._ask_within(sidecar.spec.program, probe, container, last)
                else:
                    await _ask_until_ready(f"http://{address}:{probe.port}{probe.path}", last)
        except TimeoutError as error:
            raise RuntimeRejected(_too_late(sidecar.spec, probe, last[0])) from error

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
            run=_SCRIPT,
            env={"URL": f"http://127.0.0.1:{probe.port}{probe.path}"},
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


def _too_late(sidecar: Sidecar, probe: Probe, last: str) -> str:
    limit = format_duration(timedelta(seconds=probe.timeout_seconds))
    asked = f"GET {probe.path} on port {probe.port}"
    return f"{sidecar.label}: no 200 from {asked} within {limit} ({last})"


async def _unheard(data: bytes) -> None:
    """What the probing says is nobody's log."""
