"""What only containers have: limits, images, an engine that is away or hangs."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conveyor import AsyncClient
from conveyor.extensions.runtimes import RuntimeRejected, RuntimeUnavailable
from conveyor.extensions.tasks import Mount
from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.settings import RuntimeSettings
from tests.support.engines.execution_driver import (
    DEADLINE_SECONDS,
    NODE,
    Rig,
    address_of,
    engine_of,
    rig_of,
)
from tests.support.engines.images import BUSYBOX, make_changed_image
from tests.support.services.dev import running_dev

pytestmark = pytest.mark.real


@pytest.fixture(params=["docker", "podman"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with rig_of(request.param, **address_of(request.param, request)) as rig:
        yield rig


async def test_a_task_over_its_memory_limit_says_that_it_ran_out_of_memory(rig: Rig) -> None:
    limit = 32 * 1024 * 1024
    outcome, _ = await rig.run(memory_bytes=limit, run="dd if=/dev/zero of=/dev/null bs=200M")
    assert outcome.exit_code != 0
    assert outcome.reason is not None
    assert outcome.reason.endswith("memory limit of 32 MiB exceeded")


async def test_a_task_that_ran_out_of_memory_is_tried_again_with_more(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    settings = RuntimeSettings.model_validate({"type": "docker", **address_of("docker", request)})
    retry = {"limit": 1, "initialDelay": "50ms", "on": ["memory"], "memoryFactor": 10}
    eats = {"name": "eats", "image": BUSYBOX, "run": "dd if=/dev/zero of=/dev/null bs=200M count=1"}
    tasks = [{**eats, "limits": {"memory": "32m"}, "retry": retry}]
    async with running_dev(tmp_path, settings) as url, AsyncClient(url) as client:
        submitted = await client.submit({"name": "a job", "tasks": tasks})
        job = await client.wait(submitted.id, timeout_seconds=DEADLINE_SECONDS)
        attempts = (await client.get(job.id)).execution or []
    assert job.state == "COMPLETED"
    assert [task.state for task in attempts] == ["FAILED", "COMPLETED"]
    assert "memory limit of 32 MiB exceeded" in (attempts[0].error or "")


async def test_a_task_with_room_for_its_files_runs_whatever_the_engine_can_limit(
    rig: Rig,
) -> None:
    outcome, _ = await rig.run(disk_bytes=100_000_000, run="true")
    assert outcome.is_success


@pytest.mark.parametrize("rig", ["docker"], indirect=True)  # Podman's go on when it goes down
async def test_a_container_that_somebody_stops_fails_saying_so_as_long_as_its_engine_stays(
    rig: Rig,
) -> None:
    ran = rig.task(run="echo begun; sleep 60")
    waiting = await ran.begin()
    await ran.logged("begun")
    async with engine_of(rig.settings, rig.kind) as engine:
        [(id_, _)] = [c for c in await engine.labelled() if c[1] == NODE]
        await engine.kill(id_)
    outcome = await ran.finish(waiting)
    assert outcome.reason == "stopped by somebody, through the engine"


async def test_limits_reach_the_engine(rig: Rig) -> None:
    ran = rig.task(cpus=0.5, memory_bytes=64 * 1024 * 1024, cmd=("true",))
    await ran.execution.prepare()
    async with engine_of(rig.settings, rig.kind) as engine:
        [(id_, _)] = [c for c in await engine.labelled() if c[1] == NODE]
        shown = await engine._docker.containers.container(id_).show()
    await ran.execution.close()
    host = shown["HostConfig"]
    assert (host["NanoCpus"], host["Memory"]) == (500_000_000, 64 * 1024 * 1024)
    assert not host["Privileged"]


@pytest.mark.parametrize("limit", [{"cpus": 0.0}, {"cpus": -1.0}, {"memory_bytes": 0}])
async def test_a_limit_that_makes_no_sense_is_rejected(rig: Rig, limit: dict[str, float]) -> None:
    with pytest.raises(RuntimeRejected, match=r"limits\."):
        await rig.run(cmd=("true",), **limit)


@pytest.mark.parametrize("rig", ["docker"], indirect=True)  # Podman takes any memory limit
async def test_a_limit_below_what_the_engine_takes_is_rejected(rig: Rig) -> None:
    with pytest.raises(RuntimeRejected, match=r"[Mm]emory"):
        await rig.run(cmd=("true",), memory_bytes=1024)


async def test_an_image_that_is_nowhere_is_rejected_by_name(rig: Rig) -> None:
    with pytest.raises(RuntimeRejected, match=r"127\.0\.0\.1:1/no/such:image"):
        await rig.run(image="127.0.0.1:1/no/such:image", cmd=("true",))


@pytest.mark.parametrize("image", ["UPPER case", "a:b:c", "-x"])
async def test_an_image_name_that_is_none_is_rejected(rig: Rig, image: str) -> None:
    with pytest.raises(RuntimeRejected):
        await rig.run(image=image, cmd=("true",))


async def test_a_relative_workdir_is_rejected(rig: Rig) -> None:
    with pytest.raises(RuntimeRejected, match="workdir"):
        await rig.run(workdir="here", cmd=("true",))


@pytest.mark.parametrize(
    "spec",
    [
        {"files": {"a": "", "a/b": ""}},
        {"files": {"x" * 256: ""}},
        {"workdir": "/bin/sh"},
        {"workdir": "/bin/sh", "files": {"x": ""}},
        {"workdir": "/x" * 2500},
        {"workdir": "/x\0"},
        {"memory_bytes": 1 << 70},
        {"mounts": (Mount(type="volume", target="/bin/sh"),)},
    ],
    ids=lambda spec: str(spec)[:30],
)
async def test_what_no_engine_can_make_is_rejected_and_not_handed_from_worker_to_worker(
    rig: Rig, spec: dict[str, Any]
) -> None:
    with pytest.raises(RuntimeRejected):
        await rig.run(run="true", **spec)


@pytest.mark.parametrize("rig", ["docker"], indirect=True)
@pytest.mark.parametrize("change", ["USER nosuch", "USER 99999999999", "VOLUME /bin/sh"])
async def test_an_image_that_can_not_be_started_is_rejected(rig: Rig, change: str) -> None:
    image = make_changed_image(str(rig.settings.docker_host), changes=(change,))
    with pytest.raises(RuntimeRejected):
        await rig.run(image=image, run="true")


async def test_a_network_that_is_not_there_is_rejected(rig: Rig) -> None:
    settings = rig.settings.model_copy(update={"container_network": "no-such-network"})
    runtime = make_runtime(settings)
    try:
        with pytest.raises(RuntimeRejected, match="no-such-network"):
            await Rig(rig.kind, runtime, settings).run(cmd=("true",))
    finally:
        await runtime.close()


async def test_stop_ends_a_pull_that_hangs(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as registry:
        registry.setblocking(False)
        image = f"127.0.0.1:{registry.getsockname()[1]}/slow/image:1"
        ran = rig.task(image=image, cmd=("true",))
        preparing = asyncio.create_task(ran.execution.prepare())
        async with asyncio.timeout(60):
            pull, _ = await asyncio.get_running_loop().sock_accept(registry)
            await ran.execution.stop()
            await preparing
        pull.close()
    await ran.execution.start()
    outcome = await ran.execution.wait()
    await ran.execution.close()
    assert outcome.exit_code == 137


async def test_an_engine_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    settings = RuntimeSettings(type="docker", docker_host=f"unix://{tmp_path}/none.sock")
    runtime = make_runtime(settings)
    try:
        with pytest.raises(RuntimeUnavailable):
            await runtime.check()
        with pytest.raises(RuntimeUnavailable):
            await Rig("docker", runtime, settings).run(cmd=("true",))
    finally:
        await runtime.close()


async def test_an_engine_that_hangs_is_unavailable(tmp_path: Path) -> None:
    address = f"{tmp_path}/hang.sock"
    settings = RuntimeSettings(
        type="docker", docker_host=f"unix://{address}", engine_timeout_seconds=0.2
    )
    runtime = make_runtime(settings)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(address)
        silent.listen()  # takes the connection and never answers
        with pytest.raises(RuntimeUnavailable, match="doesn't answer"):
            await runtime.check()
        await runtime.close()
