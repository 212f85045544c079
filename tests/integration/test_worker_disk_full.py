"""A worker whose own disk is full: it hands its tasks back and takes none before there is room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conveyor.extensions.runtimes import RuntimeUnavailable
from conveyor.extensions.tasks import TaskSpec
from services.worker.runtime_watch import RuntimeWatch
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.runtimes.shell.runtime import ShellRuntime
from tests.support.availability import unavailable
from tests.support.servers.small_disk import SmallDisk, can_mount, small_disk

pytestmark = pytest.mark.real

SPEC = TaskSpec(job_id="j", task_id="t", dispatch=1, node_id="n", run="cat a", files={"a": "hello"})


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    if not can_mount():
        unavailable("needs root: a disk that can be filled is mounted for it")
    with small_disk(tmp_path / "disk", 4) as disk:
        yield disk


@pytest.fixture
def runtime(disk: SmallDisk) -> ShellRuntime:
    return ShellRuntime(RuntimeSettings(shell_workdir_root=str(disk.path)))


async def log(_: bytes, stream: int = 1) -> None: ...


def progress(_: float) -> None: ...


async def test_a_task_is_handed_back_and_leaves_nothing_when_its_files_find_no_room(
    disk: SmallDisk, runtime: ShellRuntime
) -> None:
    disk.fill()
    execution = runtime.execution(SPEC, log, progress)
    with pytest.raises(RuntimeUnavailable, match="No space left on device"):
        await execution.prepare()
    await execution.close()
    assert list(disk.path.glob("conveyor-task.*")) == []


async def test_health_names_the_full_disk_until_there_is_room_again(
    disk: SmallDisk, runtime: ShellRuntime
) -> None:
    watch = RuntimeWatch(runtime)
    disk.fill()
    await watch.look()
    assert watch.missing() == (f"shell: the disk of {disk.path} is full",)
    disk.make_room()
    await watch.look()
    assert watch.missing() == ()
