"""What every runtime promises of pre and post: one suite over the shell, Docker and Podman."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conveyor.extensions.runtimes import PartTimedOut, RuntimeRejected
from conveyor.extensions.tasks import Aux
from services.worker.phases import Phases, phases_of_attempt
from tests.support.engines.execution_driver import Rig, address_of, aux, rig_of
from tests.support.engines.images import BUSYBOX

pytestmark = pytest.mark.real


@pytest.fixture(params=["shell", "docker", "podman"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    kind = request.param
    settings: dict[str, str] = {"shell_workdir_root": str(tmp_path)}
    if kind != "shell":
        settings |= address_of(kind, request)
    async with rig_of(kind, **settings) as rig:
        yield rig


def part(rig: Rig, label: str, timeout_seconds: float | None = None, **program: Any) -> Aux:
    if rig.has_containers:
        program["image"] = BUSYBOX
    return aux(label, timeout_seconds, **program)


async def test_pre_main_and_post_run_one_after_the_other_into_one_log(rig: Rig) -> None:
    with phases_of_attempt(phases := Phases()):
        outcome, ran = await rig.run(
            pre=(part(rig, "pre 1", run="echo one"), part(rig, "pre 2", run="echo two")),
            run='echo main; printf done > "$TORK_OUTPUT"',
            post=(part(rig, "post 1", run="echo after"),),
        )
    assert {timing.phase for timing in phases.timings()} == {"pre", "run", "post"}
    assert (outcome.exit_code, outcome.output) == (0, "done")
    assert ran.text == "one\ntwo\nmain\nafter\n"


async def test_a_pre_that_fails_ends_the_task_and_is_named(rig: Rig) -> None:
    outcome, ran = await rig.run(
        pre=(part(rig, 'pre "fetch"', run="echo no such file; exit 3"),),
        run="echo never",
        post=(part(rig, "post 1", run="echo never"),),
    )
    assert (outcome.exit_code, outcome.part) == (3, 'pre "fetch"')
    assert ran.text == "no such file\n"


async def test_post_does_not_run_after_a_failed_main(rig: Rig) -> None:
    outcome, ran = await rig.run(run="exit 5", post=(part(rig, "post 1", run="echo never"),))
    assert (outcome.exit_code, outcome.part, ran.text) == (5, None, "")


async def test_a_post_that_fails_fails_the_task_and_is_named(rig: Rig) -> None:
    outcome, _ = await rig.run(run="true", post=(part(rig, 'post "store"', run="exit 4"),))
    assert (outcome.exit_code, outcome.part) == (4, 'post "store"')


async def test_a_pre_has_a_time_out_of_its_own(rig: Rig) -> None:
    slow = part(rig, 'pre "slow"', timeout_seconds=0.5, run="sleep 1000")
    with pytest.raises(PartTimedOut, match=r'pre "slow": timed out after 500ms'):
        await rig.run(pre=(slow,), run="echo never")


async def test_each_part_sees_its_own_env_and_files_alone(rig: Rig) -> None:
    seen = 'echo "$A$B"; cat *.txt'
    _, ran = await rig.run(
        pre=(part(rig, "pre 1", env={"A": "pre"}, files={"p.txt": "P\n"}, run=seen),),
        env={"B": "main"},
        run='echo "$A$B"',
    )
    assert ran.text == "pre\nP\nmain\n"


async def test_what_a_pre_writes_to_tork_output_is_not_the_tasks_result(rig: Rig) -> None:
    write = 'echo pre > "$TORK_OUTPUT"'
    outcome, _ = await rig.run(pre=(part(rig, "pre 1", run=write),), run="true")
    assert (outcome.exit_code, outcome.output) == (0, "")


@pytest.mark.parametrize("phase", ["pre", "main", "post"])
async def test_stop_ends_the_task_in_any_phase(rig: Rig, phase: str) -> None:
    scripts = dict.fromkeys(("pre", "main", "post"), "true")
    scripts[phase] = "echo ready; sleep 1000"
    ran = rig.task(
        pre=(part(rig, "pre 1", run=scripts["pre"]),),
        run=scripts["main"],
        post=(part(rig, "post 1", run=scripts["post"]),),
    )
    waiting = await ran.begin()
    await ran.logged("ready")
    await ran.execution.stop()
    outcome = await ran.finish(waiting)
    assert not outcome.is_success
    assert ran.text == "ready\n"


async def test_a_bad_post_is_rejected_by_name_before_anything_runs(rig: Rig) -> None:
    bad = part(rig, 'post "bad"', run="true", files={"../evil": "x"})
    with pytest.raises(RuntimeRejected, match=r'post "bad": file'):
        await rig.run(run="true", post=(bad,))
