"""The ports of this machine that tasks have: no two of them the same one, and none that is in use.

Another process can take a port between our look and its use: an engine says so when it starts the
container, which then gets another. In the network of the machine nobody else tells.
"""

import errno
import random
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from conveyor.extensions.runtimes import RuntimeRejected, RuntimeUnavailable
from conveyor.extensions.tasks import Port, TaskSpec

_IN_USE = (errno.EADDRINUSE, errno.EACCES)
_SAID_IN_USE = ("port is already allocated", "address already in use")
_SAID_NOT_HERE = "cannot assign requested address"
_HAVE_PORTS = ("default", "bridge", "host", "full")


@dataclass(frozen=True, slots=True)
class TakenPort:
    """`number` is that of this machine, `target` that in the container."""

    port: Port
    number: int
    target: int

    @property
    def bound(self) -> str:
        address = f"[{self.port.address}]" if ":" in self.port.address else self.port.address
        return f"{address}:{self.number}"

    @property
    def line(self) -> str:
        inside = "" if self.target == self.number else f", {self.target} in the container"
        return f"port {self.port.name}: {self.bound}{inside}\n"


def port_variables(ports: Iterable[TakenPort], prefix: str) -> dict[str, str]:
    told: dict[str, str] = {}
    for taken in ports:
        told[f"{prefix}_PORT_{taken.port.name}"] = str(taken.target)
        told[f"{prefix}_HOST_PORT_{taken.port.name}"] = str(taken.number)
    return told


def published(ports: Iterable[TakenPort]) -> dict[str, list[dict[str, str]]]:
    """As engines spell it, by the port in the container."""
    bound: dict[str, list[dict[str, str]]] = {}
    for taken in ports:
        on = {"HostIp": taken.port.address, "HostPort": str(taken.number)}
        bound.setdefault(f"{taken.target}/tcp", []).append(on)
    return bound


def ports_of(spec: TaskSpec) -> tuple[Port, ...]:
    """Raises RuntimeRejected for ports of a network that has none."""
    network = spec.network
    if network and network.ports and network.type not in _HAVE_PORTS:
        raise RuntimeRejected(f"network.ports: a network of type {network.type!r} has no ports")
    return network.ports if network else ()


_taken = set[int]()
"""By the tasks of this process, in whatever runtime."""


class NodePorts:
    def __init__(self, dynamic: range) -> None:
        """`dynamic`: those that are given to ports without a number."""
        self._dynamic = dynamic
        self._next = random.choice(dynamic)  # noqa: S311 - to be another than that of other workers

    def take(self, ports: Sequence[Port], *, of_machine: bool) -> tuple[TakenPort, ...]:
        """All of them or none. `of_machine`: the task is in the machine's own network, so the
        numbers hold in it as well. Raises RuntimeRejected, RuntimeUnavailable."""
        taken: list[TakenPort] = []
        try:
            for port in ports:
                number = self._static(port) if port.static else self._free(port)
                target = number if of_machine else port.target or number
                _taken.add(number)
                taken.append(TakenPort(port, number, target))
        except (RuntimeRejected, RuntimeUnavailable):
            self.give_back(taken)
            raise
        return tuple(taken)

    def give_back(self, taken: Iterable[TakenPort]) -> None:
        _taken.difference_update(each.number for each in taken)

    def _static(self, port: Port) -> int:
        number = port.static or 0
        if number in _taken or not is_free(port.address, number):
            raise in_use(port)
        return number

    def _free(self, port: Port) -> int:
        first, last = self._dynamic[0], self._dynamic[-1]
        for _ in self._dynamic:
            number = self._next
            self._next = first if number == last else number + 1
            if number not in _taken and is_free(port.address, number):
                return number
        raise RuntimeUnavailable(f"port {port.name}: none from {first} to {last} is free")


def in_use(port: Port) -> RuntimeRejected:
    return RuntimeRejected(f"port {port.name}: {port.static} is already in use on this node")


def taken_by_others(ports: Sequence[TakenPort], words: str) -> bool:
    """Whether an engine says that one of them is in use. Raises RuntimeRejected for one that can't
    be another, and for an address that the engine's machine doesn't have."""
    for taken in ports if _SAID_NOT_HERE in words else ():
        if taken.bound in words:
            raise RuntimeRejected(
                f"port {taken.port.name}: {taken.port.address} is not an address of this node"
            )
    if not ports or not any(each in words for each in _SAID_IN_USE):
        return False
    for taken in ports:
        if taken.port.static and f":{taken.number}" in words:
            raise in_use(taken.port)
    return True


def is_free(address: str, number: int) -> bool:
    """As far as it can be seen from here: True for an address that isn't this machine's."""
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, number))
            probe.listen(1)
        except OSError as error:
            return error.errno not in _IN_USE
    return True
