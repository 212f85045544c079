"""A task with a network of type `http` tries to get out: containers of real engines, and witnesses
of all that arrives where nothing may."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Network, Probe
from services.worker.runtimes.containers.isolated import own_container
from tests.support.engines.execution_driver import (
    NODE,
    Rig,
    address_of,
    aux,
    rig_of,
    sidecar,
    with_settings,
)
from tests.support.engines.tasks_with_everything import SERVE

pytestmark = pytest.mark.real

ALLOWED = "127.0.0.80"
HTTP = Network(type="http", domains=(ALLOWED,))
ASK = """
ask() {
  place=$(echo $1 | tr -s '/:' ' ' | cut -d' ' -f2,3)
  printf "$2 HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" | nc -w 5 $place
}
"""
ASK_SIDECAR = r'printf "GET /index.html HTTP/1.0\r\n\r\n" | nc -w 5 web 8080 | tail -1'
OUT = """
for address in ADDRESSES; do
  nc -w 1 $address PORT </dev/null && echo "OUT by TCP to $address"
  echo hello | nc -u -w 1 $address PORT
  echo hello | nc -u -w 1 $address 53
done 2>/dev/null
cat /proc/net/if_inet6
"""


class Witness:
    """On all addresses of this machine, by TCP and UDP, and as a name server."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._sockets = [self._tcp(0), self._udp(0)]
        self.port = self._sockets[0].getsockname()[1]
        self._sockets += [self._udp(self.port), self._udp(53)]
        for each in self._sockets:
            asyncio.get_running_loop().add_reader(each, self._note, each)

    def close(self) -> None:
        for each in self._sockets:
            asyncio.get_running_loop().remove_reader(each)
            each.close()

    def _note(self, each: socket.socket) -> None:
        with contextlib.suppress(OSError):
            got = each.accept() if each.type == socket.SOCK_STREAM else each.recvfrom(1000)
            self.seen.append(str(got))

    def _tcp(self, port: int) -> socket.socket:
        made = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        made.setblocking(False)
        return made

    def _udp(self, port: int) -> socket.socket:
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind(("", port))
        return made


@pytest.fixture(params=["docker", "podman"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    allowed = {"proxy_allowed_networks": f"{ALLOWED}/32"}
    async with rig_of(request.param, **allowed, **address_of(request.param, request)) as rig:
        yield rig


@pytest.fixture
async def witness() -> AsyncIterator[Witness]:
    witness = Witness()
    yield witness
    witness.close()


@pytest.fixture
async def site() -> AsyncIterator[None]:
    """The one that may be reached."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nallowed")
        writer.close()

    server = await asyncio.start_server(serve, ALLOWED, 80)
    yield
    server.close()


def addresses_of_machine() -> Iterator[str]:
    """Of its interfaces, and of its way out."""
    yield from ("172.17.0.1", "10.88.0.1")
    for family, outside in ((socket.AF_INET, "192.0.2.77"), (socket.AF_INET6, "2001:db8::77")):
        with socket.socket(family, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.connect((outside, 9))
            yield probe.getsockname()[0]
            yield outside


async def test_a_task_reaches_its_domains_and_nothing_else(
    rig: Rig, witness: Witness, site: None
) -> None:
    addresses = (
        f"$(echo $HTTP_PROXY | tr -s '/:' ' ' | cut -d' ' -f2) {' '.join(addresses_of_machine())}"
    )
    run = ASK + OUT.replace("ADDRESSES", addresses).replace("PORT", str(witness.port))
    run += f"""
ask $HTTP_PROXY "GET http://{ALLOWED}/"
ask $https_proxy "CONNECT {ALLOWED}:80" | head -1
ask $HTTP_PROXY "CONNECT {ALLOWED}:{witness.port}"
ask $HTTP_PROXY "GET http://localhost/"
exit 0
"""
    _, ran = await rig.run(run=run, network=HTTP)
    assert witness.seen == []
    assert "OUT" not in ran.text
    assert "eth0" not in ran.text, "it has an address of IPv6"
    assert "allowed" in ran.text
    assert "200 Connection established" in ran.text
    assert f"network: port {witness.port} is not allowed: only 80 and 443 are\n" in ran.text
    assert "network: localhost is not among the domains of this task\n" in ran.text


async def test_a_task_can_not_use_the_proxy_of_another(rig: Rig, site: None) -> None:
    other = rig.task(run="echo $HTTP_PROXY; sleep 1000", network=HTTP)
    waiting = await other.begin()
    await other.logged("http://")
    run = f'{ASK}\nask {other.text.strip()} "GET http://{ALLOWED}/"; exit 0'
    _, ran = await rig.run(run=run, network=Network(type="http", domains=("other.example",)))
    assert "allowed" not in ran.text
    await other.execution.stop()
    await other.finish(waiting)


async def test_what_runs_around_a_task_is_as_isolated_and_meets_it(
    rig: Rig, witness: Witness, site: None
) -> None:
    addresses = " ".join(addresses_of_machine())
    try_out = OUT.replace("ADDRESSES", addresses).replace("PORT", str(witness.port))
    ask = f'{ASK}\nask $http_proxy "GET http://{ALLOWED}/"'
    has_looked = Probe(port=8080, path="/index.html")
    outcome, ran = await rig.run(
        pre=(aux("pre 1", run=f"{try_out}{ask} | head -1 | cut -c 1-12", **rig.image),),
        sidecars=(sidecar("web", has_looked, run=f"{try_out}{SERVE}"),),
        run=f"echo $no_proxy; ask() {{ :; }}; {ask.replace('$http_proxy', 'http://web:8080')}; "
        + """printf "GET /index.html HTTP/1.0\\r\\n\\r\\n" | nc -w 5 web 8080 | tail -1""",
        post=(aux("post 1", run=f"{ask} | tail -1", **rig.image),),
        network=HTTP,
    )
    assert outcome.is_success, ran.text
    assert witness.seen == []
    assert "OUT" not in ran.text
    for line in ("HTTP/1.1 200", "localhost,127.0.0.1,web", "hello", "allowed"):
        assert line in ran.text, ran.text


async def test_a_task_without_a_network_has_one_with_its_sidecars_alone(
    rig: Rig, witness: Witness
) -> None:
    addresses = " ".join(addresses_of_machine())
    try_out = OUT.replace("ADDRESSES", addresses).replace("PORT", str(witness.port))
    _, ran = await rig.run(
        sidecars=(sidecar("web", Probe(port=8080, path="/index.html"), run=SERVE),),
        run=f"{try_out}\n{ASK_SIDECAR}",
        network=Network(type="none"),
    )
    assert witness.seen == []
    assert "OUT" not in ran.text
    assert ran.text.endswith("hello\n")


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ({"network": Network(type="http", domains=("a b",))}, "'a b' is neither a domain nor"),
        ({"networks": ("some",)}, "'http' cannot be combined with `networks`"),
        ({"privileged": True}, "'http' cannot be combined with `privileged`"),
    ],
)
async def test_what_would_not_be_isolated_is_refused(
    rig: Rig, spec: dict[str, object], error: str
) -> None:
    allowed = with_settings(rig, privileged_allowed=True)
    with pytest.raises(RuntimeRejected, match=error):
        await allowed.run(**{"run": "true", "network": HTTP, **spec})


async def test_what_a_worker_left_is_removed(rig: Rig) -> None:
    ran = rig.task(run="true", network=HTTP)
    await ran.execution.prepare()
    assert len(await rig.leftovers()) == 2
    await rig.runtime.reap(lambda left: left.node_id == NODE)
    assert await rig.leftovers() == []
    await ran.execution.close()


@pytest.mark.parametrize("rig", ["docker"], indirect=True)  # Podman's last longer
async def test_there_are_more_networks_than_an_engine_chooses_addresses_for(rig: Rig) -> None:
    ready = [rig.task(run="true", network=HTTP) for _ in range(40)]
    await asyncio.gather(*(each.execution.prepare() for each in ready))
    await asyncio.gather(*(each.execution.close() for each in ready))


async def test_a_worker_without_free_addresses_says_so(rig: Rig) -> None:
    few = with_settings(rig, isolated_addresses="198.18.3.0/26")
    first, second = few.task(run="true", network=HTTP), few.task(run="true", network=HTTP)
    await first.execution.prepare()
    with pytest.raises(RuntimeRejected, match=r"no addresses of 198.18.3.0/26 are free"):
        await second.execution.prepare()
    await second.execution.close()
    await first.execution.close()


def test_a_worker_knows_the_container_that_it_is_in() -> None:
    own = "a" * 64
    mounts = (
        "1 2 0:3 / / rw - overlay overlay rw\n"
        f"4 1 8:1 /docker/containers/{own}/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda rw\n"
    )
    assert own_container(mounts) == own
    of_another = "/var/lib/docker/containers/" + "b" * 64 + "/mounts/shm"
    assert own_container(f"1 2 0:3 / {of_another} rw - tmpfs shm rw\n") is None
