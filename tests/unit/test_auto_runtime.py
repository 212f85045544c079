"""Which runtime `auto` gives a task to."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conveyor.extensions.runtimes import Execution, RuntimeRejected, RuntimeUnavailable
from conveyor.extensions.tasks import TaskSpec, Wasm
from services.worker.runtimes.containers.execution import ContainerExecution
from services.worker.runtimes.containers.layout import with_default_image
from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.runtimes.stages import StagedExecution
from shared.jobspec.partition.builtins import builtin
from tests.support.engines.execution_driver import Rig, aux


def settings(
    tmp_path: Path, *, shell_allowed: bool, default_image: str | None = None
) -> RuntimeSettings:
    host = f"unix://{tmp_path}/none.sock"
    return RuntimeSettings(
        docker_host=host, shell_allowed=shell_allowed, default_image=default_image
    )


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


@pytest.mark.parametrize("image", ["", " "])
async def test_a_task_with_an_empty_image_is_rejected_and_never_runs_in_the_shell(
    tmp_path: Path, image: str
) -> None:
    execution = await chosen(settings(tmp_path, shell_allowed=True), image)
    with pytest.raises(RuntimeRejected, match="image: the image is empty"):
        await execution.prepare()


async def test_a_task_without_an_image_has_the_default_image_where_it_has_no_shell(
    tmp_path: Path,
) -> None:
    with_shell = settings(tmp_path, shell_allowed=True, default_image="busybox")
    without = settings(tmp_path, shell_allowed=False, default_image="busybox")
    assert isinstance(await chosen(without, None), ContainerExecution)
    assert isinstance(await chosen(with_shell, None), StagedExecution)


def test_the_default_image_is_that_of_all_that_runs_around_the_task() -> None:
    spec = TaskSpec(
        task_id="t",
        job_id="j",
        node_id="n",
        run="x",
        pre=(aux("pre 1", run="y"),),
        post=(aux("post 1"),),
    )
    given = with_default_image(spec, "busybox")
    images = (given.image, given.pre[0].program.image, given.post[0].program.image)
    assert images == ("busybox",) * 3
    named = replace(spec, image="own")
    assert with_default_image(named, "busybox") is named


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


async def test_modules_and_built_ins_run_beside_every_other_runtime(tmp_path: Path) -> None:
    module: dict[str, Any] = {
        "files": {"m": '(module (func (export "_start")))'},
        "wasm": Wasm(module="m"),
    }
    for kind in ("auto", "docker", "podman", "shell"):
        chosen = settings(tmp_path, shell_allowed=False).model_copy(
            update={"type": kind, "shell_workdir_root": str(tmp_path)}
        )
        runtime = make_runtime(chosen)
        for program in (module, {"builtin": builtin("partition", "passthrough")}):
            outcome, _ = await Rig("shell", runtime, chosen).run(**program)
            assert outcome.is_success
        await runtime.close()
