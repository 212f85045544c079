"""No link, in a mounted directory, an image or a task's own place, leads out of its container."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Mount
from services.worker.runtimes.containers.engine_calls import Json
from tests.support.engines.execution_driver import Rig, aux, containers_of, rig_of, with_settings
from tests.support.engines.images import BUSYBOX, make_changed_image
from tests.support.engines.mount_fixtures import bind

pytestmark = pytest.mark.real


@pytest.fixture
async def rig(docker_host: str) -> AsyncIterator[Rig]:
    async with rig_of("docker", docker_host=docker_host) as rig:
        yield rig


@pytest.mark.parametrize("workdir", ["/in", "/in/deeper", "/link", "/../in"])
async def test_a_directory_that_is_mounted_for_reading_is_not_written_by_way_of_our_files(
    rig: Rig, allowed: Path, workdir: str
) -> None:
    """The engine itself writes `files`, as root and before anything of the task runs."""
    image = make_changed_image(str(rig.settings.docker_host), links={"link": "/in"})
    rig = with_settings(rig, bind_allowed=True, bind_sources=(str(allowed),))
    (allowed / "kept").write_text("as it was")
    written = {
        "files": {"kept": "written", "new": "written"},
        "run": "echo written > /in/kept; mount -o remount,rw /in; echo written > /in/new; true",
    }
    asked = bind(str(allowed), opts={"readonly": "true"})
    with pytest.raises(RuntimeRejected, match="read-only file system"):
        await rig.run(image=image, workdir=workdir, **asked, **written)
    await rig.run(image=image, **asked, **written)
    assert (allowed / "kept").read_text() == "as it was"
    assert sorted(p.name for p in allowed.iterdir()) == ["kept", "link"]


def put_a_link_in_place_of(folder: Path, target: Path) -> None:
    folder.rename(folder.with_name("was"))
    folder.symlink_to(target)


async def test_a_directory_that_becomes_a_link_while_its_task_waits_is_not_followed(
    rig: Rig, allowed: Path, tmp_path: Path
) -> None:
    """Another task that may write there can put one in its place, say while an image is pulled."""
    (allowed / "sub").mkdir()
    rig = with_settings(rig, bind_allowed=True, bind_sources=(str(allowed),))
    ran = rig.task(**bind(f"{allowed}/sub"), run="ls /in")
    await ran.execution.prepare()
    put_a_link_in_place_of(allowed / "sub", tmp_path / "outside")
    with pytest.raises(RuntimeRejected, match="is not what it was"):
        await ran.execution.start()
    await ran.execution.close()


async def test_nor_are_files_written_through_such_a_link(
    rig: Rig, allowed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (allowed / "sub").mkdir()
    rig = with_settings(rig, bind_allowed=True, bind_sources=(str(allowed),))
    engine = containers_of(rig)._context.engine
    create = engine.create

    async def create_slowly(config: Json) -> str:
        put_a_link_in_place_of(allowed / "sub", tmp_path / "outside")
        return await create(config)

    monkeypatch.setattr(engine, "create", create_slowly)
    with pytest.raises(RuntimeRejected, match="is not what it was"):
        await rig.run(**bind(f"{allowed}/sub"), workdir="/in", files={"x": "out"}, run="true")
    assert list((tmp_path / "outside").iterdir()) == []


async def test_nor_is_a_link_that_a_tasks_own_pre_has_put_in_the_place_of_a_mount(
    rig: Rig, allowed: Path, tmp_path: Path
) -> None:
    (allowed / "sub").mkdir()
    (tmp_path / "outside" / "secret").write_text("out")
    rig = with_settings(rig, bind_allowed=True, bind_sources=(str(allowed),))
    swap = f"mv /all/sub /all/was; ln -s {tmp_path}/outside /all/sub"
    mounts = (
        Mount(type="bind", source=str(allowed), target="/all"),
        Mount(type="bind", source=f"{allowed}/sub", target="/in"),
    )
    with pytest.raises(RuntimeRejected, match="is not what it was"):
        await rig.run(mounts=mounts, pre=(aux("pre", image=BUSYBOX, run=swap),), run="ls /in")


@pytest.mark.parametrize("way", ["/../../../..{}", "/tork/../../../..{}", "/proc/self/root/..{}"])
async def test_a_working_directory_leads_nowhere_but_into_the_container(
    rig: Rig, tmp_path: Path, way: str
) -> None:
    with contextlib.suppress(RuntimeRejected):  # as good
        await rig.run(workdir=way.format(tmp_path), files={"out": "x"}, run="true")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "trick",
    [
        "rm -f $TORK_OUTPUT; ln -s /etc/shadow $TORK_OUTPUT",
        "rm -f $TORK_OUTPUT; ln -s /proc/1/environ $TORK_OUTPUT",
        "rm -f $TORK_OUTPUT; ln -s ../../../../etc/shadow $TORK_OUTPUT",
        "rm -f $TORK_OUTPUT; mkdir $TORK_OUTPUT",
        "rm -f $TORK_OUTPUT; mknod $TORK_OUTPUT p",
        "rm -f $TORK_OUTPUT; mknod $TORK_OUTPUT c 1 5",
        "mv /tork /kork; ln -s /proc/1/root/etc /tork",
    ],
)
async def test_what_a_task_makes_of_its_output_leads_to_nothing_of_the_machine(
    rig: Rig, trick: str
) -> None:
    outcome, _ = await rig.run(run=f"touch $TORK_OUTPUT; {trick}; ls -l /tork 1>&2; exit 0")
    assert outcome.output == ""
