"""The network of a task, by its type: looked at from inside its container."""

from collections.abc import AsyncIterator

import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Network
from tests.support.engines.execution_driver import Rig, address_of, rig_of, sidecar, with_settings

pytestmark = pytest.mark.real

INTERFACES = "ls /sys/class/net"


@pytest.fixture(params=["docker", "podman"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with rig_of(request.param, **address_of(request.param, request)) as rig:
        yield rig


async def interfaces(rig: Rig, type_: str, **spec: object) -> list[str]:
    network = Network(type=type_)  # type: ignore[arg-type] # a parameter of the test
    outcome, ran = await rig.run(run=INTERFACES, network=network, **spec)
    assert outcome.is_success, ran.text
    return ran.text.split()


async def test_a_task_has_the_network_of_its_type(rig: Rig) -> None:
    assert await interfaces(rig, "none") == ["lo"]
    for type_ in ("bridge", "full"):
        assert await interfaces(rig, type_) == ["eth0", "lo"]
    with pytest.raises(RuntimeRejected, match="CONVEYOR_RUNTIME_HOST_NETWORKS_ALLOWED"):
        await interfaces(rig, "host")
    allowed = with_settings(rig, host_networks_allowed=True)
    for type_ in ("host", "full"):
        assert len(await interfaces(allowed, type_)) > 2


async def test_an_operators_network_without_a_way_out_is_kept_to(rig: Rig) -> None:
    none = with_settings(rig, container_network="none")
    assert await interfaces(none, "default") == ["lo"]
    with pytest.raises(RuntimeRejected, match="'bridge' has a way out"):
        await interfaces(none, "bridge")


@pytest.mark.parametrize(
    ("type_", "spec", "error"),
    [
        ("bridge", {"networks": ("a",)}, "'bridge' cannot be combined with `networks`"),
        ("host", {"sidecars": (sidecar("web", run="true"),)}, "can't be joined by a task with"),
    ],
)
async def test_what_does_not_go_together_is_refused(
    rig: Rig, type_: str, spec: dict[str, object], error: str
) -> None:
    with pytest.raises(RuntimeRejected, match=error):
        await interfaces(with_settings(rig, host_networks_allowed=True), type_, **spec)
