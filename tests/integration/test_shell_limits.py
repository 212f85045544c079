"""`limits` of shell tasks: kept by control groups, refused where there are none."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import TaskSpec
from services.worker.runtimes.shell.cgroups import Cgroups
from shared.definition.quantities import memory_text
from tests.support.engines.execution_driver import NODE, Rig, aux, rig_of

LIMIT = 64 * 1024**2
EAT = "python3 -c 'x = bytearray(200_000_000); print(len(x))'"
can_limit = pytest.mark.usefixtures("as_root")  # only root can make control groups here


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_of("shell", shell_workdir_root=str(tmp_path)) as rig:
        yield rig


def groups() -> list[Path]:
    return list(Path("/sys/fs/cgroup").glob(f"**/conveyor-task.{NODE}.*"))


@can_limit
async def test_a_task_over_its_memory_limit_is_killed_with_the_reason(rig: Rig) -> None:
    outcome, ran = await rig.run(run=EAT, memory_bytes=LIMIT)
    assert (outcome.exit_code, ran.text) == (137, "")
    assert outcome.reason == f"memory limit of {memory_text(LIMIT)} exceeded"
    assert groups() == []


@can_limit
async def test_a_task_within_its_limits_runs_as_without_them(rig: Rig) -> None:
    outcome, ran = await rig.run(
        run="cat; echo $0 >&2; cat /proc/self/cgroup; printf ok > $TORK_OUTPUT",
        memory_bytes=LIMIT,
        cpus=0.5,
    )
    assert outcome.output == "ok"
    assert "entrypoint\n" in ran.text
    assert "/conveyor-task." in ran.text


@can_limit
async def test_the_processors_of_a_task_are_limited(rig: Rig) -> None:
    spin = (
        "import time; a = time.time(); b = time.process_time()\nwhile time.time() < a + 1: pass\n"
    )
    _, ran = await rig.run(run=f"python3 -c '{spin}print(time.process_time() - b)'", cpus=0.2)
    assert float(ran.text) < 0.5


@can_limit
async def test_a_pre_has_the_limits_of_its_task(rig: Rig) -> None:
    pre = aux("pre 1", run=EAT, memory_bytes=LIMIT)
    outcome, _ = await rig.run(pre=(pre,), run="true", memory_bytes=LIMIT)
    assert (outcome.part, outcome.exit_code) == ("pre 1", 137)


@can_limit
async def test_what_flees_from_a_task_with_limits_ends_with_it(rig: Rig) -> None:
    await rig.run(run="(env -i setsid sleep 1234 >/dev/null 2>&1 &); sleep 0.2", memory_bytes=LIMIT)
    await rig.runtime.reap(lambda _: False)
    assert groups() == []


def spec(**limits: float) -> TaskSpec:
    return TaskSpec(task_id="t", job_id="j", node_id="n", **limits)  # type: ignore[arg-type]


def second_version(root: Path, *, controllers: str) -> Cgroups:
    """As the files of a worker in the group /own look, of which it may write some."""
    own = root / "own"
    own.mkdir()
    (root / "cgroup.controllers").write_text("cpu memory")
    (own / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (own / "cgroup.subtree_control").write_text(controllers)
    (root / "self").write_text("0::/own\n")
    return Cgroups(root, str(root / "self"))


def test_a_worker_that_may_not_make_groups_refuses_limits(tmp_path: Path) -> None:
    (tmp_path / "self").write_text("0::/\n")
    with pytest.raises(RuntimeRejected, match="limits are not supported by the shell runtime here"):
        Cgroups(tmp_path, str(tmp_path / "self")).make("g", spec(cpus=1.0))
    assert Cgroups(tmp_path, str(tmp_path / "self")).make("g", spec()) is None


def test_in_version_2_the_worker_leaves_its_group_so_that_others_in_it_can_have_limits(
    tmp_path: Path,
) -> None:
    group = second_version(tmp_path, controllers="").make("g", spec(memory_bytes=LIMIT))
    own = tmp_path / "own"
    assert group is not None
    assert group.directories == [own / "g"]
    assert (own / "cgroup.subtree_control").read_text() == "+cpu +memory"
    assert (own / "conveyor-worker" / "cgroup.procs").read_text() == str(os.getpid())
