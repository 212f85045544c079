"""The ports of a task, on every runtime: reached from outside, at the numbers that it is told."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Network, Port
from services.worker.runtimes import ports as node_ports
from tests.support.engines.execution_driver import Rig, address_of, aux, rig_of, sidecar
from tests.support.engines.tasks_with_everything import SERVE

pytestmark = pytest.mark.real

TELL = "env | grep _PORT_ | sort; echo ready"
HELLO = "printf 'HTTP/1.0 200 OK\\r\\n\\r\\nhello'"
LISTEN = f"while :; do {HELLO} | nc -l -p $CONVEYOR_PORT_web; done"


@pytest.fixture(params=["shell", "docker", "podman"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def rig(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    settings: dict[str, Any] = {"shell_workdir_root": str(tmp_path), "host_networks_allowed": True}
    if kind != "shell":
        settings |= address_of(kind, request)
    async with rig_of(kind, **settings) as rig:
        yield rig


def network(type_: Any, **fields: Any) -> Network:
    return Network(type=type_, ports=(Port(name="web", address="127.0.0.1", **fields),))


def told(text: str) -> dict[str, str]:
    return dict(re.findall(r"(CONVEYOR_\w+)=(\d+)", text))


async def answer(port: str) -> bytes:
    async with asyncio.timeout(60):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
                data = await reader.read()
                writer.close()
                if data:
                    return data
            except OSError:  # not yet
                pass
            await asyncio.sleep(0.05)


async def test_a_port_in_the_network_of_the_machine_has_one_number(rig: Rig) -> None:
    ran = rig.task(run=f"{TELL}; sleep 1000", network=network("host"))
    waiting = await ran.begin()
    await ran.logged("ready")
    numbers = told(ran.text)
    assert numbers["CONVEYOR_PORT_web"] == numbers["CONVEYOR_HOST_PORT_web"]
    assert int(numbers["CONVEYOR_PORT_web"]) in rig.settings.dynamic_ports
    assert f"port web: 127.0.0.1:{numbers['CONVEYOR_PORT_web']}\n" in ran.text
    await ran.execution.stop()
    await ran.finish(waiting)
    assert node_ports._taken == set()


async def test_a_port_that_is_in_use_fails_the_task(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        with pytest.raises(RuntimeRejected, match=f"port web: {number} is already in use on this"):
            await rig.run(run="true", network=network("host", static=number))


@pytest.mark.parametrize("kind", ["docker", "podman"], indirect=True)
@pytest.mark.parametrize("beside", [{}, {"sidecars": (sidecar("web", run=SERVE),)}])
async def test_a_port_of_a_container_is_reached_from_outside(
    rig: Rig, beside: dict[str, Any]
) -> None:
    spec = {"network": network("bridge", target=8000), **beside}
    pre = (aux("pre 1", run=TELL, **rig.image),)
    ran = rig.task(run=f"{TELL}; {LISTEN}", pre=pre, **spec)
    waiting = await ran.begin()
    await ran.logged("ready")
    numbers = told(ran.text)
    assert numbers["CONVEYOR_PORT_web"] == "8000"
    assert (await answer(numbers["CONVEYOR_HOST_PORT_web"])).endswith(b"hello")
    await ran.execution.stop()
    await ran.finish(waiting)


@pytest.mark.parametrize("kind", ["docker", "podman"], indirect=True)
async def test_a_port_that_somebody_took_meanwhile_is_another(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = rig.task(run=f"{TELL}; sleep 1000", network=network("bridge"), files={"a": "b"})
    await ran.execution.prepare()
    [number] = node_ports._taken
    with socket.create_server(("127.0.0.1", number)):
        waiting = await ran.begin_prepared()
        await ran.logged("ready")
    numbers = told(ran.text)
    assert numbers["CONVEYOR_HOST_PORT_web"] not in ("", str(number))
    await ran.execution.stop()
    await ran.finish(waiting)


@pytest.mark.parametrize("kind", ["docker", "podman"], indirect=True)
async def test_a_number_that_somebody_took_meanwhile_fails_the_task(
    rig: Rig,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
    ran = rig.task(run="true", network=network("bridge", static=number))
    await ran.execution.prepare()
    error = pytest.raises(RuntimeRejected, match=f"port web: {number} is already in use")
    with socket.create_server(("127.0.0.1", number)), error:
        await ran.execution.start()
    await ran.execution.close()
