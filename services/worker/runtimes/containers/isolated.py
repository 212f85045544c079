"""The network of a task that reaches nothing but some domains, or nothing at all.

It is a bridge of its own with a few addresses of CONVEYOR_RUNTIME_ISOLATED_ADDRESSES: those that an
engine chooses by itself last for some thirty networks. The worker's proxy listens on it, at the
bridge's address; what else of the machine could be reached there is closed by `firewall`. A worker
that is in a container itself joins the network and listens there; the bridge has no address then,
so that the machine is out of reach.
"""

import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path

from conveyor.extensions.runtimes import RuntimeRejected
from services.worker.runtimes.containers.firewall import (
    BRIDGES,
    PROXY_PORT,
    Firewall,
    FirewallFailed,
)
from services.worker.runtimes.containers.resources import (
    LABEL_ISOLATED,
    EngineResources,
    SubnetTaken,
)
from services.worker.runtimes.proxy.server import FilteringProxy
from services.worker.runtimes.settings import RuntimeSettings
from shared.network.domains import Domains

OnRefused = Callable[[str], Awaitable[None]]

_PREFIX = 26
_MOST_TRIES = 50
_MOUNTS = Path("/proc/self/mountinfo")
_OWN = re.compile(r"/([0-9a-f]{64})/\S* /etc/(?:hostname|hosts|resolv\.conf) ")


def _mounts() -> str:
    return _MOUNTS.read_text() if _MOUNTS.exists() else ""


def own_container(mounts: str) -> str | None:
    """The container that this process is in, by what an engine mounts into each."""
    found = _OWN.search(mounts)
    return found[1] if found else None


class IsolatedNetworks:
    """Makes them, on one engine."""

    def __init__(
        self, resources: EngineResources, settings: RuntimeSettings, *, is_podman: bool
    ) -> None:
        self._resources = resources
        self._guard = settings.proxy_guard
        self._addresses = IPv4Network(settings.isolated_addresses)
        self._is_podman = is_podman
        self._firewall = Firewall()
        self._worker: str | None = None
        self._has_looked = False

    async def make(self, name: str, labels: Mapping[str, str]) -> IPv4Network:
        """Raises RuntimeRejected, RuntimeUnavailable."""
        is_joined = await self._worker_container() is not None
        if not is_joined:
            try:
                await self._firewall.ensure()
            except FirewallFailed as error:
                raise RuntimeRejected(
                    "network: this worker can't keep the task from its own machine: it has to run "
                    f"as root, with CAP_NET_ADMIN, or in a container ({error})"
                ) from error
        for subnet in self._subnets():
            with suppress(SubnetTaken):
                await self._create(name, labels, subnet, has_address=not is_joined)
                return subnet
        raise RuntimeRejected(
            f"network: no addresses of {self._addresses} are free on this machine "
            "(its setting CONVEYOR_RUNTIME_ISOLATED_ADDRESSES)"
        )

    async def _create(
        self, name: str, labels: Mapping[str, str], subnet: IPv4Network, *, has_address: bool
    ) -> None:
        options = {"com.docker.network.bridge.name": f"{BRIDGES}{name[-10:]}"}
        if not has_address:
            options["com.docker.network.bridge.inhibit_ipv4"] = "true"
        # The bridge of an internal network of Podman has no address.
        internal = not (self._is_podman and has_address)
        labels = {**labels, LABEL_ISOLATED: "true"}
        await self._resources.create_network(
            name, labels, internal=internal, subnet=subnet, options=options
        )

    async def listen(
        self,
        name: str,
        subnet: IPv4Network,
        domains: Sequence[str],
        on_refused: OnRefused,
        on_close: Callable[[Callable[[], Awaitable[object]]], None],
    ) -> str:
        """The URL of a proxy to these domains. Raises RuntimeRejected, RuntimeUnavailable."""
        address, worker = str(subnet[1]), await self._worker_container()
        if worker is not None:
            on_close(partial(self._resources.leave, name, worker))
            await self._resources.join(name, worker)
            address = await self._resources.address_of(worker, name)
        proxy = FilteringProxy(_domains(domains), self._guard, on_refused)
        on_close(proxy.close)
        try:
            await proxy.listen(address, PROXY_PORT, subnet, is_there_later=self._is_podman)
        except OSError as error:
            raise RuntimeRejected(
                f"network: this worker can't listen on {address}, port {PROXY_PORT}, for the "
                f"proxy of the task: it must run on the machine of its engine ({error.strerror})"
            ) from error
        return f"http://{address}:{PROXY_PORT}"

    async def _worker_container(self) -> str | None:
        """That of this worker, if it is in one of this engine's."""
        if not self._has_looked:
            own = own_container(_mounts())
            self._worker = own if own and await self._resources.knows(own) else None
            self._has_looked = True
        return self._worker

    def _subnets(self) -> Sequence[IPv4Network]:
        """Some, by chance: other workers on this engine choose as well."""
        count = 2 ** max(_PREFIX - self._addresses.prefixlen, 0)
        first, chosen = (
            int(self._addresses[0]),
            random.sample(range(count), min(count, _MOST_TRIES)),
        )
        size = 2 ** (32 - _PREFIX)
        return [IPv4Network((first + number * size, _PREFIX)) for number in chosen]


def _domains(domains: Sequence[str]) -> Domains:
    try:
        return Domains(domains)
    except ValueError as error:
        raise RuntimeRejected(f"network.domains: {error}") from error


def proxy_variables(url: str, own_hosts: Sequence[str]) -> dict[str, str]:
    """In both spellings: programs read one or the other. `own_hosts` are reached without it."""
    direct = ",".join(("localhost", "127.0.0.1", *own_hosts))
    told = {"HTTP_PROXY": url, "HTTPS_PROXY": url, "NO_PROXY": direct}
    return told | {name.lower(): value for name, value in told.items()}
