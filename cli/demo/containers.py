"""Where the tasks of the demo run: in containers if an engine can run one, else in the shell."""

from dataclasses import dataclass
from typing import Literal

from conveyor.extensions.runtimes import Runtime, RuntimeRejected, RuntimeUnavailable
from conveyor.extensions.tasks import TaskSpec
from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.settings import RuntimeSettings

_PULL_SECONDS = 60
_TRIAL = "demo-trial"

EngineName = Literal["docker", "podman"]


@dataclass(frozen=True, slots=True)
class Place:
    """`image` is for the tasks that name none; None leaves them to the shell."""

    words: str
    image: str | None = None
    engine: EngineName = "docker"


async def find_place(image: str) -> Place:
    """Docker, then Podman, then the shell. The reason of an engine that fails is in the words."""
    failures = []
    engines: tuple[EngineName, ...] = ("docker", "podman")
    for engine in engines:
        try:
            if await _runs_containers(engine, image):
                return Place(f"in {engine} containers, with the image {image}", image, engine)
        except (RuntimeUnavailable, RuntimeRejected) as error:
            # No such image, no right to use it: the shell does, and the user learns why.
            failures.append(f"{engine}: {error}")
    reason = "; ".join(failures) or "no container engine is reachable"
    return Place(f"in a shell on this machine ({reason})")


async def _runs_containers(engine: EngineName, image: str) -> bool:
    """Try it with a container that does nothing. False: there is no such engine here."""
    settings = RuntimeSettings(type=engine, pull_timeout_seconds=_PULL_SECONDS)
    try:
        runtime = make_runtime(settings)
    except RuntimeUnavailable:
        return False  # it has no socket on this machine
    try:
        if await _answers(runtime):
            await _run_trial(runtime, image)
            return True
        return False
    finally:
        await runtime.close()


async def _answers(runtime: Runtime) -> bool:
    try:
        await runtime.check()
    except RuntimeUnavailable:
        return False  # this is the question; most machines lack one of the two
    return True


async def _run_trial(runtime: Runtime, image: str) -> None:
    """An engine that answers may still be unable to run anything."""
    spec = TaskSpec(task_id=_TRIAL, job_id=_TRIAL, node_id=_TRIAL, image=image, run=":")
    execution = runtime.execution(spec, _ignore_log, _ignore_progress)
    try:
        await execution.prepare()
        await execution.start()
        outcome = await execution.wait()
    finally:
        await execution.close()
    if outcome.exit_code != 0:
        raise RuntimeRejected(f"an empty container exited with code {outcome.exit_code}")


async def _ignore_log(_: bytes, stream: int = 1) -> None:
    """The pull's progress and the trial's log are of no interest."""


def _ignore_progress(_: float) -> None:
    """Nothing shows how far the trial is."""
