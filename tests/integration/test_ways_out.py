"""A task's container gets no more than it asked for and its worker's operator allows.

Each way out that we know of is tried on a real engine, and what the container has is looked at from
inside and in what the engine says of it. For tasks without a container: tests/integration/
test_shell_user.py and test_shell_ways_out.py.
"""

import asyncio
import contextlib
import dataclasses
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.worker.runtimes.containers import ContainerRuntime
from services.worker.runtimes.engine_calls import Json
from services.worker.runtimes.protocol import RuntimeRejected
from services.worker.runtimes.task_spec import Mount, Probe
from shared.jobspec import InvalidJob, parse_job
from tests.support.images import BUSYBOX, make_changed_image
from tests.support.runtime_rig import NODE, Rig, aux, engine_of, rig_of, sidecar, with_settings
from tests.support.tasks_with_everything import SERVE

pytestmark = pytest.mark.real

SECRET = "of-the-worker-alone"
DEFAULT_CAPABILITIES = 0xA80425FB
"""What Docker gives a container: chown, setuid and the like; no rights over the machine."""
DEVICES = (
    "console core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
)
OF_THE_ENGINE = {
    "/", "/proc", "/dev", "/dev/pts", "/sys", "/dev/mqueue", "/dev/shm", "/etc/resolv.conf",
    "/etc/hostname", "/etc/hosts", "/sbin/docker-init", "/dev/console", "/tork/run",
}  # fmt: skip
LOOK = """
echo "{name} caps $(grep CapEff /proc/self/status | tr -d '[:space:]' | tail -c 16)"
echo "{name} bounding $(grep CapBnd /proc/self/status | tr -d '[:space:]' | tail -c 16)"
echo "{name} seccomp $(grep '^Seccomp:' /proc/self/status | tail -c 2)"
echo "{name} devices $(ls /dev | sort | tr '\\n' ' ')"
cat /proc/mounts | while read -r _ where type _; do echo "{name} mount $where $type"; done
env | while read -r line; do echo "{name} env $line"; done
echo "{name} processes $(ls /proc | grep -c '^[0-9]*$')"
"""


@pytest.fixture
async def rig(docker_host: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setenv("CONVEYOR_ENCRYPTION_KEY", SECRET)
    async with rig_of("docker", docker_host=docker_host) as rig:
        yield rig


async def inspected(rig: Rig, count: int) -> list[Json]:
    """What the engine says of our containers, once there are `count`."""
    async with engine_of(rig.settings, rig.kind) as engine:
        async with asyncio.timeout(60):
            while len(found := [c for c, node in await engine.labelled() if node == NODE]) < count:
                await asyncio.sleep(0.05)
        return [await engine._docker.containers.container(each).show() for each in found]


async def test_no_container_of_a_task_has_more_rights_devices_files_or_words_than_it_asked_for(
    rig: Rig,
) -> None:
    look = {name: LOOK.format(name=name) for name in ("pre", "main", "post", "beside")}
    has_looked = Probe(port=8080, path="/index.html", timeout_seconds=60)
    _, ran = await rig.run(
        pre=(aux("pre 1", image=BUSYBOX, run=look["pre"]),),
        sidecars=(sidecar("beside", has_looked, run=look["beside"] + SERVE),),
        run=look["main"],
        post=(aux("post 1", image=BUSYBOX, run=look["post"]),),
        env={"ASKED": "for"},
    )
    text = ran.text.replace("[beside] ", "")
    assert SECRET not in text
    for name in look:
        told = [line.removeprefix(name + " ") for line in text.splitlines() if name in line[:6]]
        facts = dict(line.split(" ", 1) for line in told)
        assert int(facts["caps"], 16) | DEFAULT_CAPABILITIES == DEFAULT_CAPABILITIES
        assert int(facts["bounding"], 16) | DEFAULT_CAPABILITIES == DEFAULT_CAPABILITIES
        assert facts["seccomp"] == "2"
        assert set(facts["devices"].split()) <= set(DEVICES.split())
        assert int(facts["processes"]) < 12, "it sees processes of others"
        mounts = {line.split()[1] for line in told if line.startswith("mount")}
        assert {m for m in mounts if not re.match("/(proc|sys)/", m)} <= OF_THE_ENGINE
        words = {line.removeprefix("env ").split("=")[0] for line in told if line[:4] == "env "}
        asked = {"ASKED"} if name == "main" else set()
        usual = {"PATH", "HOSTNAME", "HOME", "PWD", "SHLVL", "TORK_OUTPUT", "TORK_PROGRESS"}
        assert words - usual == asked


async def test_the_engine_was_asked_for_nothing_that_reaches_the_machine(rig: Rig) -> None:
    ran = rig.task(sidecars=(sidecar("beside", run="sleep 1000"),), run="sleep 1000")
    waiting = await ran.begin()
    for shown in await inspected(rig, 2):
        host = shown["HostConfig"]
        assert host["Privileged"] is False
        for reaching in (
            *("Binds", "Devices", "DeviceRequests", "DeviceCgroupRules", "CapAdd", "VolumesFrom"),
            *("SecurityOpt", "Sysctls", "GroupAdd", "Links", "PidMode", "UTSMode", "UsernsMode"),
            *("CgroupParent", "Mounts", "PortBindings"),
        ):
            assert not host.get(reaching), reaching
        assert host["IpcMode"] == "private"
        assert host["NetworkMode"].startswith("conveyor-")
        assert [m for m in shown["Mounts"] if m["Type"] != "tmpfs"] == []
        assert SECRET not in json.dumps(shown)
    await ran.execution.stop()
    await ran.finish(waiting)


def bind(source: str, **more: Any) -> dict[str, Any]:
    return {"mounts": (Mount(type="bind", source=source, target="/in", **more),)}


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


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    """A directory that tasks may mount, with a link to what they may not."""
    folder = tmp_path / "allowed"
    folder.mkdir()
    (tmp_path / "allowed-not").mkdir()
    (tmp_path / "outside").mkdir()
    (folder / "link").symlink_to("/")
    return folder


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
    assert isinstance(rig.runtime, ContainerRuntime)
    engine = rig.runtime._room.engine
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


async def test_an_image_brings_nothing_of_its_own_making_into_our_books_or_onto_the_disk(
    rig: Rig,
) -> None:
    changes = (
        "VOLUME /kept", "VOLUME /tork", "EXPOSE 80", "USER 65534", "WORKDIR /tork",
        'ENTRYPOINT ["/bin/sh", "-c", "echo of the image"]', "ENV TORK_OUTPUT=/etc/passwd",
        "LABEL conveyor.node=another conveyor.task=another conveyor.job=another",
    )  # fmt: skip
    image = make_changed_image(str(rig.settings.docker_host), changes=changes)
    before = await volumes(rig)
    ran = rig.task(image=image, run="echo $TORK_OUTPUT; id -u; sleep 1000")
    waiting = await ran.begin()
    await ran.logged("65534")
    [shown] = await inspected(rig, 1)
    labels = shown["Config"]["Labels"]
    assert (labels["conveyor.node"], labels["conveyor.task"]) == (NODE, rig.spec().task_id)
    assert shown["HostConfig"]["PortBindings"] in (None, {})
    assert ran.text.startswith("/tork/stdout")
    await ran.execution.stop()
    await ran.finish(waiting)
    assert await volumes(rig) <= before


async def volumes(rig: Rig) -> set[str]:
    async with engine_of(rig.settings, rig.kind) as engine:
        return {each["Name"] for each in (await engine._docker.volumes.list())["Volumes"] or ()}


async def test_another_tasks_volume_or_network_is_out_of_reach(rig: Rig) -> None:
    other = rig.task(
        task_id="other",
        mounts=(Mount(type="volume", target="/data"),),
        sidecars=(sidecar("db", run="sleep 1000"),),
        run="echo private > /data/x; echo up; sleep 1000",
    )
    waiting = await other.begin()
    await other.logged("up")
    async with engine_of(rig.settings, rig.kind) as engine:
        [volume_name] = [v for v, node in await engine.resources.labelled_volumes() if node == NODE]
        [network] = [n for n, node in await engine.resources.labelled_networks() if node == NODE]
    with pytest.raises(RuntimeRejected):
        await rig.run(mounts=(Mount(type="volume", source=volume_name, target="/x"),), run="true")
    with pytest.raises(RuntimeRejected, match="is not there"):
        await rig.run(networks=(network,), run="true")
    script = "cat /etc/hosts; ls /data 2>&1; wget -T 2 -q -O - http://db/ 2>/dev/null || echo no db"
    _, ran = await rig.run(run=script)
    assert "private" not in ran.text
    assert ran.text.endswith("no db\n")
    assert "db" not in ran.text.removesuffix("no db\n")
    await other.execution.stop()
    await other.finish(waiting)
