"""Which execution gets which node: what must hold of every round, and the choices by example."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.definition import Constraint, Preference
from shared.placement import Amounts, Demand, Node, NodeIndex, Waiting, could_hold, explain, place
from tests.support.placements import IN_EU, MINUTE, NOW, demand, node, waits, with_execution

PORTS = ((), (("0.0.0.0", 80),), (("10.0.0.1", 80),), (("10.0.0.2", 80),))
LIKES_EU = (Preference(constraints=(IN_EU,)),)


@st.composite
def _nodes(draw: st.DrawFn) -> list[Node]:
    return [
        node(
            f"n{number}",
            cpus := draw(st.integers(1, 8)),
            labels={"region": draw(st.sampled_from(["eu", "us"]))},
            engines=frozenset({draw(st.sampled_from(["docker", "docker", "shell"]))}),
            held=Amounts(min(draw(st.integers(0, 8)), cpus) * 1000),
            max_executions=draw(st.integers(0, 4)),
            obstacle=draw(st.sampled_from([None, None, None, "cordoned"])),
            hold_reason=draw(st.sampled_from([None, None, None, "5 jobs failed"])),
        )
        for number in range(draw(st.integers(0, 6)))
    ]


@st.composite
def _waiting(draw: st.DrawFn) -> list[Waiting]:
    return [
        waits(
            f"e{number:02}",
            demand(
                draw(st.integers(0, 10)) / 2,
                constraints=draw(st.sampled_from([(), (), (IN_EU,)])),
                prefer=draw(st.sampled_from([(), LIKES_EU])),
                one_per_node=draw(st.booleans()),
                max_per_node=draw(st.integers(0, 2)),
                max_nodes=draw(st.integers(0, 2)),
                least=Amounts(draw(st.sampled_from([0, 0, 4000]))),
                ports=draw(st.sampled_from(PORTS)),
            ),
            index=number,
            family=draw(st.sampled_from("ab")),
            priority=draw(st.integers(-1, 2)),
            since=NOW - draw(st.integers(0, 4)) * MINUTE / 2,
            avoid=draw(st.frozensets(st.sampled_from(["n0", "n1"]))),
            pinned_to=draw(st.sampled_from([None, None, None, "n0", "n9"])),
            is_kept_running=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 20)))
    ]


@given(_nodes(), _waiting(), st.randoms())
def test_nothing_is_over_committed_and_the_first_in_line_gets_what_fits(
    nodes: list[Node], waiting: list[Waiting], order: Random
) -> None:
    """By replaying the round in order of priority and age, with the reasons as the judge."""
    made = place(nodes, waiting, NOW, MINUTE, seed=7)
    order.shuffle(nodes)
    order.shuffle(waiting)
    assert place(nodes, waiting, NOW, MINUTE, seed=7) == made, "the same for the same"
    assert {*made.assignments, *(one.id for one in made.unplaced)} == {one.id for one in waiting}
    state = {one.id: one for one in nodes}
    for one in sorted(waiting, key=lambda one: (-one.priority, one.since, one.index)):
        reasons = {n.node_id: n.misses for n in explain(state.values(), one.demand, one.family)}
        fitting = {name for name, misses in reasons.items() if not misses}
        chosen = made.assignments.get(one.id)
        if chosen is None:
            assert not fitting.intersection([one.pinned_to] if one.pinned_to else state)
            chosen = made.reserved.get(one.id)
        else:
            assert chosen in fitting
            assert one.pinned_to in (None, chosen)
            assert chosen not in one.avoid or one.pinned_to or fitting <= one.avoid
        if chosen is not None:
            state[chosen] = with_execution(state[chosen], one)


@given(_nodes(), _waiting())
def test_the_index_finds_the_nodes_that_could_ever_hold_an_execution(
    nodes: list[Node], waiting: list[Waiting]
) -> None:
    index = NodeIndex(nodes)
    for one in waiting:
        wanted = [each.id for each in nodes if could_hold(each, one.demand)]
        assert index.could_hold(one.demand) == wanted


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 3))
def test_small_executions_never_starve_a_big_one(lifetimes: list[int], arrivals: int) -> None:
    """Small ones arrive in every round, more than there is room for."""
    machine, running, big_at = node("n", 4), list[int](), None
    waiting = [waits("big", demand(4))]
    for turn in range(40):
        now = NOW + turn * MINUTE
        running = [left - 1 for left in running if left > 1]
        waiting += [
            waits(f"s{turn}.{n}", demand(1), since=now, family="small") for n in range(arrivals + 2)
        ]
        on_it = replace(machine, held=Amounts(1000 * len(running)), executions=len(running))
        made = place([on_it], waiting, now, 5 * MINUTE)
        if "big" in made.assignments:
            big_at = turn
            break
        waiting = list(made.unplaced)
        running += [lifetimes[turn % len(lifetimes)] for _ in made.assignments]
    assert big_at is not None
    assert big_at <= 5 + max(lifetimes)


def _chosen(nodes: list[Node], *waiting: Waiting, seed: int = 0) -> list[str | None]:
    made = place(nodes, waiting, NOW, MINUTE, seed).assignments
    return [made.get(one.id) for one in waiting]


def test_a_node_on_hold_gets_nothing_and_what_is_to_run_on_it_waits() -> None:
    held = node("n0", hold_reason="5 jobs failed")
    assert _chosen([held, node("n1")], waits("e", demand())) == ["n1"]
    assert _chosen([held], waits("e", demand(), pinned_to="n0")) == [None]
    assert NodeIndex([held]).could_hold(demand()) == ["n0"]  # it runs on every node: on this, too


def _many(count: int, wanted: Demand, **fields: Any) -> list[Waiting]:
    return [waits(f"e{n:05}", wanted, index=n, **fields) for n in range(count)]


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({}, True),
        ({"engines": ("podman", "docker")}, True),
        ({"engines": ("podman",)}, False),
        ({"engines": ("wasm",)}, False),
        ({"storages": ("s3",)}, True),
        ({"storages": ("s3", "ipfs")}, False),
        ({"publishers": ("local",)}, False),
        ({"constraints": (IN_EU,)}, True),
        ({"constraints": (IN_EU, Constraint(key="tier", operator="exists"))}, False),
        ({"amounts": Amounts(4000, 1024, 1024, 2)}, True),
        ({"amounts": Amounts(4001)}, False),
        ({"amounts": Amounts(gpus=3)}, False),
        ({"amounts": Amounts(gpus=1_000_000)}, True),
    ],
)
def test_an_execution_gets_a_node_that_has_all_it_asks_for(
    fields: dict[str, Any], fits: bool
) -> None:
    has: dict[str, Any] = {"labels": {"region": "eu"}, "storages": frozenset({"s3"})}
    machine = node("n", capacity=Amounts(4000, 1024, 1024, 2), **has)
    assert _chosen([machine], waits("e", demand(**fields))) == ["n" if fits else None]


def test_an_engine_of_a_package_runs_whatever_it_is_given() -> None:
    assert _chosen([node("n", engines=frozenset({"firecracker"}))], waits("e", demand())) == ["n"]


def test_priority_counts_before_age_and_age_before_index() -> None:
    older, urgent = NOW - MINUTE / 2, {"priority": 1}
    line = [waits("a", demand(4)), waits("b", demand(4), since=older), waits("c", demand(4))]
    assert _chosen([node("n")], *line) == [None, "n", None]
    assert _chosen([node("n")], *line, waits("d", demand(4), **urgent)) == [None, None, None, "n"]


def test_what_is_preferred_comes_first_by_its_weight() -> None:
    nodes = [node("a", labels={"ssd": "yes"}), node("b", labels={"region": "eu"}), node("c")]
    ssd = Preference(constraints=(Constraint(key="ssd", operator="exists"),), weight=5)
    wanted = demand(2, prefer=(*LIKES_EU, ssd))
    assert _chosen(nodes, *_many(7, wanted)) == ["a", "a", "b", "b", "c", "c", None]


def test_load_is_spread_by_the_share_of_each_machine_that_is_free() -> None:
    nodes = [node("small", 4), node("big", 16)]
    assert Counter(_chosen(nodes, *_many(10, demand(1)))) == {"small": 2, "big": 8}


def test_a_service_is_spread_over_machines_before_their_size_counts() -> None:
    nodes = [node("small", 4), node("big", 64), node("other", 8)]
    assert sorted(map(str, _chosen(nodes, *_many(3, demand(1), is_kept_running=True)))) == [
        "big",
        "other",
        "small",
    ]


def test_several_executions_share_a_node_unless_they_must_not() -> None:
    assert _chosen([node("n")], *_many(2, demand())) == ["n", "n"]
    alone = demand(one_per_node=True)
    assert _chosen([node("n"), node("m")], *_many(3, alone)).count(None) == 1
    assert _chosen([node("n", families={"t": 1})], waits("e", alone)) == [None]
    assert _chosen([node("n", families={"u": 1})], waits("e", alone)) == ["n"]


def test_a_port_of_the_node_is_given_once() -> None:
    web = demand(ports=(("0.0.0.0", 80),))
    local = demand(ports=(("127.0.0.1", 80),))
    assert _chosen([node("n")], waits("a", web), waits("b", local)) == ["n", None]
    assert _chosen([node("n", ports=frozenset({("127.0.0.1", 80)}))], waits("a", web)) == [None]
    other = demand(ports=(("10.0.0.1", 80),))
    assert _chosen([node("n")], waits("a", local), waits("b", other)) == ["n", "n"]


def test_a_node_where_it_has_failed_comes_last() -> None:
    failed = waits("e", demand(), avoid=frozenset({"a"}))
    assert _chosen([node("a", 64), node("b", 2)], failed) == ["b"]
    assert _chosen([node("a")], failed) == ["a"]


def test_chance_decides_among_equals_and_is_drawn_from_the_seed() -> None:
    nodes = [node(f"n{n}") for n in range(20)]
    drawn = {_chosen(nodes, waits("e", demand()), seed=seed)[0] for seed in range(30)}
    assert len(drawn) > 5
    assert _chosen(nodes, waits("e", demand()), seed=1) == _chosen(
        nodes, waits("e", demand()), seed=1
    )


def test_one_that_waits_for_long_reserves_the_node_that_lacks_the_least_for_it() -> None:
    nodes = [
        node("a", held=Amounts(3000), executions=1),
        node("b", held=Amounts(1000), executions=1),
    ]
    big = waits("big", demand(4), since=NOW - timedelta(hours=1))
    smalls = _many(3, demand(1))
    made = place(nodes, [big, *smalls], NOW, MINUTE)
    assert made.reserved == {"big": "b"}
    assert set(made.assignments.values()) == {"a"}
    young = place(nodes, [replace(big, since=NOW), *smalls], NOW, MINUTE)
    assert "b" in young.assignments.values()


def test_ten_thousand_full_of_one_per_node_are_passed_over_at_once() -> None:
    nodes = [node(f"n{n:04}") for n in range(100)]
    made = place(nodes, _many(10_000, demand(one_per_node=True)), NOW, MINUTE)
    assert len(made.assignments) == 100
