"""Which mounts a container may have, and what its configuration says of them."""

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from unittest.mock import AsyncMock

import pytest

from conveyor.extensions.mounts import MountPoint
from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Mount, TaskSpec
from services.worker.runtimes.containers.environment import ContainerEnvironment, EngineContext
from services.worker.runtimes.containers.mounts import MOUNT_TYPES, make_mounts
from services.worker.runtimes.settings import RuntimeSettings


@dataclass
class Context:
    settings: RuntimeSettings = field(default_factory=RuntimeSettings)
    volumes: list[Mapping[str, str]] = field(default_factory=list)

    async def new_volume(self, options: Mapping[str, str]) -> str:
        self.volumes.append(options)
        return "v1"

    def on_close(self, undo: Callable[[], Awaitable[object]]) -> None: ...


async def made(*mounts: Mount, context: Context | None = None) -> list[MountPoint]:
    return await make_mounts(mounts, context or Context(), MOUNT_TYPES)


def binding(folder: Path) -> Context:
    return Context(RuntimeSettings(bind_allowed=True, bind_sources=(str(folder),)))


async def test_a_bind_source_that_is_not_there_is_made_in_an_allowed_place_only(
    tmp_path: Path,
) -> None:
    allowed, other = tmp_path / "allowed", tmp_path / "other"
    missing = Mount(type="bind", source=f"{allowed}/a/b", target="/x")
    [point] = await made(missing, context=binding(allowed))
    assert (allowed / "a" / "b").is_dir()
    assert point.sources == (str(allowed / "a" / "b"),)
    with pytest.raises(RuntimeRejected, match="is in none of"):
        await made(replace(missing, source=f"{other}/a"), context=binding(allowed))
    assert not other.exists()
    (allowed / "file").write_text("")
    with pytest.raises(RuntimeRejected, match="can't be made: Not a directory"):
        await made(replace(missing, source=f"{allowed}/file/a"), context=binding(allowed))


async def test_a_volume_is_made_for_the_task() -> None:
    [point] = await made(Mount(type="volume", target="/data"))
    assert point.mounts == ({"Type": "volume", "Source": "v1", "Target": "/data"},)


async def test_a_tmpfs_has_its_options() -> None:
    opts = {"size": "64m", "mode": "1777"}
    [point] = await made(Mount(type="tmpfs", target="/fast", opts=opts))
    assert point.tmpfs == {"/fast": "size=64m,mode=1777"}


@pytest.mark.parametrize(
    ("mount", "rule"),
    [
        (Mount(type="volume"), "target is required"),
        (Mount(type="volume", target="/x", source="y"), "source 'y' must not be set"),
        (Mount(type="volume", target="x"), "absolute path"),
        (Mount(type="volume", target="/x;y"), "absolute path"),
        (Mount(type="volume", target="/x/../etc"), r"must not hold \.\."),
        (Mount(type="volume", target="/tork"), "/tork or below"),
        (Mount(type="tmpfs", target="//tork/./run/"), "/tork or below"),
        (Mount(type="volume", target="/"), "must not be /"),
        (Mount(type="tmpfs", target="/x", opts={"size": "1m,exec"}), "opts.size"),
        (Mount(type="tmpfs", target="/x", opts={"suid": "1"}), "opts.suid"),
        (Mount(type="nfs", target="/x"), "'nfs' is not one of: bind, tmpfs, volume"),
        (Mount(type="bind", target="/x", source="/etc"), "CONVEYOR_RUNTIME_BIND_ALLOWED"),
    ],
)
async def test_a_bad_mount_is_refused_with_field_value_and_rule(mount: Mount, rule: str) -> None:
    with pytest.raises(RuntimeRejected, match=rule):
        await made(mount)


async def test_a_volumes_driver_options_can_not_reach_the_machines_files() -> None:
    opts = {"type": "none", "device": "/etc", "o": "bind"}
    with pytest.raises(RuntimeRejected, match="may only be tmpfs"):
        await made(Mount(type="volume", target="/x", opts=opts))
    in_memory = {"type": "tmpfs", "device": "tmpfs", "o": "bind"}
    with pytest.raises(RuntimeRejected, match=r"opts\.bind"):
        await made(Mount(type="volume", target="/x", opts=in_memory))


async def test_a_target_that_is_mounted_twice_is_refused() -> None:
    with pytest.raises(RuntimeRejected, match="mounted twice"):
        await made(Mount(type="tmpfs", target="/x"), Mount(type="volume", target="//x/"))


async def test_a_bind_below_an_allowed_directory_is_mounted(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    mount = Mount(type="bind", source=f"{tmp_path}/in", target="/x", opts={"readonly": "true"})
    [point] = await made(mount, context=binding(tmp_path))
    assert point.mounts[0]["Source"] == os.path.realpath(tmp_path / "in")
    assert point.mounts[0]["ReadOnly"] is True


@pytest.mark.parametrize("source", ["/etc", "{}-evil", "{}/link", "{}/link/deeper", "/"])
async def test_a_bind_elsewhere_is_refused_whatever_links_lead_there(
    tmp_path: Path, source: str
) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "link").symlink_to("/etc")
    mount = Mount(type="bind", source=source.format(allowed), target="/x")
    with pytest.raises(RuntimeRejected, match="CONVEYOR_RUNTIME_BIND_SOURCES"):
        await made(mount, context=binding(allowed))


async def test_a_bind_with_two_dots_is_refused(tmp_path: Path) -> None:
    mount = Mount(type="bind", source=f"{tmp_path}/a/../../etc", target="/x")
    with pytest.raises(RuntimeRejected, match=r"must not hold \.\."):
        await made(mount, context=binding(tmp_path))


def test_the_environment_spells_the_allowed_directories_with_commas() -> None:
    settings = RuntimeSettings.model_validate({"bind_sources": "/data, /srv/in"})
    assert settings.bind_sources == ("/data", "/srv/in")


async def test_a_mount_type_that_can_not_undo_what_it_made_keeps_nothing_else() -> None:
    engine = SimpleNamespace(resources=None, archives=None)
    context = cast(EngineContext, SimpleNamespace(engine=engine, settings=RuntimeSettings()))
    spec = TaskSpec(task_id="t", job_id="j", node_id="n")
    environment = ContainerEnvironment(context, spec, AsyncMock())
    undone = []

    async def undo() -> None:
        undone.append("the first")

    async def fail() -> None:
        raise OSError("still in use")

    environment.on_close(undo)
    environment.on_close(fail)
    await environment.close()
    assert undone == ["the first"]
