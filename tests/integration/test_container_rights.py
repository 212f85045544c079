"""A task's container has no more than it asked for: looked at from inside, and in what the engine
says of it. What it can't even ask for is in test_ways_out.py."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress

import aiodocker
import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Mount, Probe
from services.worker.runtimes.containers.engine_calls import Json
from tests.support.engines.execution_driver import NODE, Rig, aux, engine_of, rig_of, sidecar
from tests.support.engines.images import BUSYBOX, make_changed_image
from tests.support.engines.tasks_with_everything import SERVE

pytestmark = pytest.mark.real

SECRET = "of-the-worker-alone"
DEFAULT_CAPABILITIES = 0x800004FB
"""chown, setuid and the like; less than what Docker gives, and no rights over the machine."""
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
    async with engine_of(rig.settings, rig.kind) as engine, asyncio.timeout(60):
        while True:
            found = [container for container, node in await engine.labelled() if node == NODE]
            # The engine lists a container that is being created a moment before it can show it.
            with suppress(aiodocker.DockerError):
                shown = [await engine._docker.containers.container(each).show() for each in found]
                if len(shown) == count:
                    return shown
            await asyncio.sleep(0.05)


async def test_no_container_of_a_task_has_more_rights_devices_files_or_words_than_it_asked_for(
    rig: Rig,
) -> None:
    look = {name: LOOK.format(name=name) for name in ("pre", "main", "post", "beside")}
    has_looked = Probe(port=8080, path="/index.html")
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
            *("Binds", "Devices", "DeviceRequests", "DeviceCgroupRules", "VolumesFrom"),
            *("Sysctls", "GroupAdd", "Links", "PidMode", "UTSMode", "UsernsMode"),
            *("CgroupParent", "Mounts", "PortBindings"),
        ):
            assert not host.get(reaching), reaching
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges"]
        assert host["IpcMode"] == "private"
        assert host["NetworkMode"].startswith("conveyor-")
        assert [m for m in shown["Mounts"] if m["Type"] != "tmpfs"] == []
        assert SECRET not in json.dumps(shown)
    await ran.execution.stop()
    await ran.finish(waiting)


async def test_an_image_brings_nothing_of_its_own_making_into_our_books_or_onto_the_disk(
    rig: Rig,
) -> None:
    changes = (
        "VOLUME /kept", "VOLUME /tork", "EXPOSE 80", "USER 65534", "WORKDIR /tork",
        'ENTRYPOINT ["/bin/sh", "-c", "echo of the image"]', "ENV TORK_OUTPUT=/etc/passwd",
        "LABEL conveyor.node=another conveyor.task=another conveyor.job=another",
    )  # fmt: skip
    image = make_changed_image(str(rig.settings.docker_host), changes=changes)
    ran = rig.task(image=image, run="echo $TORK_OUTPUT; id -u; sleep 1000")
    waiting = await ran.begin()
    await ran.logged("65534")
    [shown] = await inspected(rig, 1)
    labels = shown["Config"]["Labels"]
    assert (labels["conveyor.node"], labels["conveyor.task"]) == (NODE, rig.spec().task_id)
    assert shown["HostConfig"]["PortBindings"] in (None, {})
    assert ran.text.startswith("/tork/stdout")
    own = {mount["Name"] for mount in shown["Mounts"] if mount["Type"] == "volume"}
    assert own <= await volumes(rig)
    await ran.execution.stop()
    await ran.finish(waiting)
    assert own.isdisjoint(await volumes(rig))


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
        [volume_name] = [
            v for v, node in await engine.resources.labelled("volumes") if node == NODE
        ]
        [network] = [n for n, node in await engine.resources.labelled("networks") if node == NODE]
    with pytest.raises(RuntimeRejected):
        await rig.run(mounts=(Mount(type="volume", source=volume_name, target="/x"),), run="true")
    with pytest.raises(RuntimeRejected, match="does not exist"):
        await rig.run(networks=(network,), run="true")
    script = "cat /etc/hosts; ls /data 2>&1; wget -T 2 -q -O - http://db/ 2>/dev/null || echo no db"
    _, ran = await rig.run(run=script)
    assert "private" not in ran.text
    assert ran.text.endswith("no db\n")
    assert "db" not in ran.text.removesuffix("no db\n").split()  # the id of a container may hold it
    await other.execution.stop()
    await other.finish(waiting)
