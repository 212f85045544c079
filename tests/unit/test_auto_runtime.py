"""Which runtime `auto` gives a task to."""

from pathlib import Path

import pytest

from services.worker.runtimes.containers.execution import ContainerExecution
from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.protocol import Execution, RuntimeRejected, RuntimeUnavailable
from services.worker.runtimes.settings import RuntimeSettings
from tests.support.engines.execution_driver import Rig


def settings(tmp_path: Path, *, shell_allowed: bool) -> RuntimeSettings:
    return RuntimeSettings(docker_host=f"unix://{tmp_path}/none.sock", shell_allowed=shell_allowed)


async def chosen(settings: RuntimeSettings, image: str | None) -> Execution:
    runtime = make_runtime(settings)
    try:
        return Rig("shell", runtime, settings).task(image=image, run="true").execution
    finally:
        await runtime.close()


async def test_a_task_with_an_image_goes_to_the_engine(tmp_path: Path) -> None:
    runtime = make_runtime(settings(tmp_path, shell_allowed=False))
    execution = Rig("shell", runtime, settings(tmp_path, shell_allowed=False)).task(image="busybox")
    assert isinstance(execution.execution, ContainerExecution)
    await runtime.close()


async def test_a_task_without_an_image_goes_to_the_shell_where_allowed(tmp_path: Path) -> None:
    runtime = make_runtime(settings(tmp_path, shell_allowed=True))
    outcome, _ = await Rig("shell", runtime, settings(tmp_path, shell_allowed=True)).run(run="true")
    assert outcome.is_success
    await runtime.close()


async def test_a_task_without_an_image_is_rejected_where_the_shell_is_not_allowed(
    tmp_path: Path,
) -> None:
    execution = await chosen(settings(tmp_path, shell_allowed=False), None)
    with pytest.raises(RuntimeRejected, match="name an image, or set CONVEYOR_RUNTIME_SHELL"):
        await execution.prepare()


async def test_an_image_where_no_engine_ever_was_is_rejected_and_does_not_go_round(
    tmp_path: Path,
) -> None:
    runtime = make_runtime(settings(tmp_path, shell_allowed=True))
    ran = Rig("shell", runtime, settings(tmp_path, shell_allowed=True)).task(image="busybox")
    with pytest.raises(RuntimeRejected, match="'busybox': this worker has no container engine"):
        await ran.execution.prepare()
    await ran.execution.close()
    await runtime.close()


async def test_an_engine_that_is_away_matters_only_where_the_shell_is_not_allowed(
    tmp_path: Path,
) -> None:
    with_shell = make_runtime(settings(tmp_path, shell_allowed=True))
    await with_shell.check()
    await with_shell.close()
    without = make_runtime(settings(tmp_path, shell_allowed=False))
    with pytest.raises(RuntimeUnavailable):
        await without.check()
    await without.close()
