"""The ports that tasks are given: none twice, none that is in use."""

import socket
from collections.abc import Iterator

import pytest

from conveyor.extensions.runtimes import RuntimeRejected, RuntimeUnavailable
from conveyor.extensions.tasks import Network, Port, TaskSpec
from services.worker.runtimes.ports import (
    NodePorts,
    TakenPort,
    port_variables,
    ports_of,
    published,
    taken_by_others,
)
from tests.support.ports import free_ports


@pytest.fixture
def in_use() -> Iterator[int]:
    """A port that is listened on; the one before and the two after it are free."""
    first, port, _, last = free_ports(4)
    while last - first != 3:
        first, port, _, last = free_ports(4)
    with socket.create_server(("127.0.0.1", port)):
        yield port


def port(name: str = "web", **fields: object) -> Port:
    return Port(**{"name": name, "address": "127.0.0.1", **fields})  # type: ignore[arg-type] # of a test


def numbers(taken: tuple[TakenPort, ...]) -> list[int]:
    return [each.number for each in taken]


def test_ports_without_a_number_are_those_of_the_range_that_are_free(in_use: int) -> None:
    ports = NodePorts(range(in_use - 1, in_use + 3))
    first = ports.take([port("a"), port("b")], of_machine=False)
    second = NodePorts(range(in_use - 1, in_use + 3)).take([port("c")], of_machine=False)
    free = {in_use - 1, in_use + 1, in_use + 2}
    assert {*numbers(first), *numbers(second)} == free
    with pytest.raises(RuntimeUnavailable, match=f"none from {in_use - 1} to {in_use + 2} is free"):
        ports.take([port("d")], of_machine=False)
    ports.give_back(first)
    assert set(numbers(ports.take([port("a"), port("b")], of_machine=False))) == set(numbers(first))
    ports.give_back((*first, *second))


def test_a_port_with_a_number_must_be_free_and_nothing_is_kept_of_a_task_that_can_not_have_all(
    in_use: int,
) -> None:
    ports = NodePorts(range(in_use + 1, in_use + 2))
    for _ in range(2):
        with pytest.raises(RuntimeRejected, match=f"port b: {in_use} is already in use"):
            ports.take([port("a"), port("b", static=in_use)], of_machine=False)
    taken = ports.take([port("a", static=in_use + 1)], of_machine=False)
    with pytest.raises(RuntimeRejected, match=f"port c: {in_use + 1} is already in use"):
        ports.take([port("c", static=in_use + 1)], of_machine=False)
    ports.give_back(taken)


def test_programs_and_engines_are_told_both_ends_of_a_port() -> None:
    taken = [
        TakenPort(port("web", target=80), 20_001, 80),
        TakenPort(port("db", address="::1"), 20_002, 20_002),
    ]
    assert port_variables(taken, "BACALHAU") == {
        "BACALHAU_PORT_web": "80",
        "BACALHAU_HOST_PORT_web": "20001",
        "BACALHAU_PORT_db": "20002",
        "BACALHAU_HOST_PORT_db": "20002",
    }
    assert published(taken) == {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "20001"}],
        "20002/tcp": [{"HostIp": "::1", "HostPort": "20002"}],
    }
    assert [each.line for each in taken] == [
        "port web: 127.0.0.1:20001, 80 in the container\n",
        "port db: [::1]:20002\n",
    ]


@pytest.mark.parametrize(
    "words",
    [
        "Bind for 0.0.0.0:20001 failed: port is already allocated",
        "listen tcp4 0.0.0.0:20001: bind: address already in use",
    ],
)
def test_an_engine_that_finds_a_port_in_use_is_understood(words: str) -> None:
    assert taken_by_others([TakenPort(port(), 20_001, 80)], words)
    assert not taken_by_others([TakenPort(port(), 20_001, 80)], "no such image")
    assert not taken_by_others([], words)
    with pytest.raises(RuntimeRejected, match="port web: 20001 is already in use on this node"):
        taken_by_others([TakenPort(port(static=20_001), 20_001, 80)], words)


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
def test_an_address_of_another_machine_is_named(address: str) -> None:
    taken = [TakenPort(port(name="a"), 20_000, 80), TakenPort(port(address=address), 20_001, 80)]
    words = f"userland proxy: listen tcp {taken[1].bound}: bind: cannot assign requested address"
    with pytest.raises(RuntimeRejected, match=f"port web: {address} is not an address of this"):
        taken_by_others(taken, words)


@pytest.mark.parametrize("type_", ["none", "http"])
def test_a_network_that_nobody_reaches_has_no_ports(type_: object) -> None:
    network = Network(type=type_, ports=(port(),))  # type: ignore[arg-type] # a parameter
    spec = TaskSpec(task_id="t", job_id="j", node_id="n", network=network)
    with pytest.raises(RuntimeRejected, match=f"a network of type '{type_}' has no ports"):
        ports_of(spec)
