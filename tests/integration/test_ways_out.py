"""A task's container gets no more than its worker's operator allows: each way out that we know of
is tried on a real engine.

By links: test_ways_out_by_links.py. What a container has that asked for nothing:
test_container_rights.py. Tasks without a container: test_shell_user.py and test_shell_ways_out.py.
"""

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Mount
from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.parsing import parse_job
from tests.support.engines.execution_driver import Rig, aux, rig_of, sidecar, with_settings
from tests.support.engines.images import BUSYBOX
from tests.support.engines.mount_fixtures import bind

pytestmark = pytest.mark.real


@pytest.fixture
async def rig(docker_host: str) -> AsyncIterator[Rig]:
    async with rig_of("docker", docker_host=docker_host) as rig:
        yield rig


def mount(**fields: Any) -> dict[str, Any]:
    return {"mounts": (Mount(**fields),)}


def volume(**opts: str) -> dict[str, Any]:
    return mount(type="volume", target="/in", opts=opts)


REFUSED_ALWAYS: list[tuple[str, dict[str, Any]]] = [
    ("the engine's socket", bind("/var/run/docker.sock")),
    ("the root", bind("/")),
    ("processes of the machine", bind("/proc")),
    ("devices of the machine", bind("/dev")),
    ("other tasks' volumes", bind("/var/lib/docker/volumes")),
    ("two dots", bind("{allowed}/../outside")),
    ("a link", bind("{allowed}/link")),
    ("below a link", bind("{allowed}/link/etc")),
    ("a name that begins alike", bind("{allowed}-not")),
    ("a relative source", bind("etc")),
    ("a source with a colon", bind("{allowed}:/x")),
    ("an option that propagates", bind("{allowed}", opts={"propagation": "rshared"})),
    ("a volume by name", mount(type="volume", source="other", target="/in")),
    ("a directory as a volume", volume(type="none", device="/etc", o="bind")),
    ("a volume with more options", volume(type="tmpfs", device="tmpfs", o="size=1m,exec,suid,dev")),
    ("a network volume", volume(type="nfs", device=":/", o="addr=127.0.0.1")),
    ("a tmpfs for devices", mount(type="tmpfs", target="/in", opts={"dev": "1"})),
    ("options behind an option", mount(type="tmpfs", target="/in", opts={"size": "1m,dev,suid"})),
    ("another kind of mount", mount(type="npipe", source="/etc", target="/in")),
    ("our own files", mount(type="tmpfs", target="/tork/run")),
    ("our own folder", mount(type="volume", target="/x/../tork")),
    ("the container's root", mount(type="volume", target="//")),
    ("all rights", {"privileged": True}),
    ("the machine's network", {"networks": ("host",)}),
    ("another container's network", {"networks": ("container:{other}",)}),
    ("a file above", {"files": {"../x": ""}}),
    ("a file far above", {"files": {"a/../../../etc/passwd": ""}}),
    ("a file by its whole path", {"files": {"/etc/passwd": ""}}),
    ("a file with a NUL", {"files": {"a\0/../../x": ""}}),
    ("a relative working directory", {"workdir": "../../etc"}),
    ("any device by its name", {"gpus": "driver=cdi,device=vendor.com/class=all"}),
]


def _filled(value: Any, **names: str) -> Any:
    match value:
        case str():
            for name, text in names.items():
                value = value.replace(f"{{{name}}}", text)
            return value
        case dict():
            return {key: _filled(item, **names) for key, item in value.items()}
        case tuple():
            return tuple(_filled(item, **names) for item in value)
        case Mount():
            return dataclasses.replace(value, source=_filled(value.source, **names))
        case _:
            return value


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "with-a-sidecar"])
@pytest.mark.parametrize(
    "fields", [f for _, f in REFUSED_ALWAYS], ids=[n for n, _ in REFUSED_ALWAYS]
)
async def test_each_way_out_is_refused_before_anything_runs(
    rig: Rig, allowed: Path, fields: dict[str, Any], beside: bool
) -> None:
    rig = with_settings(rig, bind_allowed=True, bind_sources=(str(allowed),))
    asked = _filled(fields, allowed=str(allowed), other="a" * 64)
    more = {"sidecars": (sidecar("s", run="sleep 1000"),)} if beside else {}
    with pytest.raises(RuntimeRejected):
        await rig.run(**more, **asked, run="echo out")


@pytest.mark.parametrize("files", [{"../x": ""}, {"/etc/x": ""}, {"a/../../x": ""}])
@pytest.mark.parametrize("part", ["pre", "post", "sidecars"])
async def test_nor_do_the_files_of_what_stands_around_a_task_lead_out(
    rig: Rig, part: str, files: dict[str, str]
) -> None:
    made = sidecar("s", run="true", files=files)
    if part != "sidecars":
        made = aux("one", image=BUSYBOX, run="true", files=files)  # type: ignore[assignment]
    with pytest.raises(RuntimeRejected, match="relative path"):
        await rig.run(**{part: (made,)}, run="echo out")


TOO_MUCH = [
    ("capAdd", ["ALL"]), ("cap_add", ["ALL"]), ("devices", ["/dev/sda"]), ("pid", "host"),
    ("ipc", "host"), ("userns", "host"), ("uts", "host"), ("securityOpt", ["seccomp=unconfined"]),
    ("volumesFrom", ["x"]), ("volumes", ["/:/x"]), ("user", "0"), ("sysctls", {"a": "b"}),
    ("cgroupParent", "/"), ("ports", ["80:80"]), ("labels", {"conveyor.node": "x"}),
    ("runtime", "x"), ("extra_hosts", ["a:127.0.0.1"]), ("dns", ["127.0.0.1"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), TOO_MUCH)
@pytest.mark.parametrize("part", ["task", "pre", "post", "sidecars"])
def test_a_job_can_not_even_ask_for_what_only_the_engine_knows(
    part: str, name: str, value: object
) -> None:
    with pytest.raises(InvalidJob, match=name):
        parse_job(_job(part, {name: value}), "application/json")


OF_THE_TASK = [("privileged", True), ("mounts", []), ("networks", ["host"]), ("gpus", "all")]


@pytest.mark.parametrize(("name", "value"), [*OF_THE_TASK, ("limits", {"cpus": "64"})])
@pytest.mark.parametrize("part", ["pre", "post", "sidecars"])
def test_what_stands_around_a_task_can_not_ask_for_more_than_the_task(
    part: str, name: str, value: object
) -> None:
    with pytest.raises(InvalidJob, match=name):
        parse_job(_job(part, {name: value}), "application/json")


def _job(part: str, fields: dict[str, object]) -> bytes:
    task: dict[str, Any] = {"name": "t", "image": "i", "run": "x"}
    if part == "task":
        task |= fields
    else:
        task[part] = [{"name": "p", "image": "i", "run": "x", **fields}]
    return json.dumps({"name": "j", "tasks": [task]}).encode()
