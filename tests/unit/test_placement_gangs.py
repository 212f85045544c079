"""Placed tasks that limit their nodes, and those that want several at once."""

import json
from dataclasses import replace
from datetime import timedelta

from services.scheduler.placing import OfGangs, choose_nodes
from services.scheduler.store.placement import WaitingRow
from shared.definition import Amount, Placement, Resources, TaskDefinition
from shared.lifecycle import PlacementType, Slots, StartRate
from shared.placement import (
    UNCOUNTED,
    Amounts,
    Node,
    Waiting,
    demand_of,
    explain,
    from_json,
    place,
    summary,
    to_json,
)
from tests.support.placements import MINUTE, NOW, demand, node, waits


def _gang(family: str, count: int, at_once: int, **fields: int) -> list[Waiting]:
    wanted = demand(1, min_nodes=at_once)
    return [
        waits(f"{family}{n}", wanted, family=family, index=n, **{"left": count, **fields})
        for n in range(count)
    ]


def _placed(nodes: list[Node], *waiting: Waiting) -> dict[str, str]:
    return dict(place(nodes, waiting, NOW, MINUTE).assignments)


def test_of_two_tasks_that_want_several_nodes_at_once_and_too_few_one_begins_whole() -> None:
    nodes = [node(f"n{n}", 1) for n in range(3)]
    made = _placed(nodes, *_gang("a", 2, 2), *_gang("b", 2, 2))
    assert made.keys() == {"a0", "a1"}
    assert len(set(made.values())) == 2
    assert _placed(nodes[:1], *_gang("a", 2, 2), *_gang("b", 2, 2)) == {}


def test_what_one_could_not_use_is_for_the_next() -> None:
    nodes = [node(f"n{n}", 1) for n in range(2)]
    other = waits("small", demand(1), family="c", since=NOW + MINUTE)
    assert _placed(nodes, *_gang("a", 3, 3), *_gang("b", 2, 2)).keys() == {"b0", "b1"}
    assert _placed(nodes[:1], *_gang("a", 3, 3), other) == {"small": "n0"}


def test_each_of_the_first_has_a_node_of_its_own_and_the_others_follow() -> None:
    nodes = [node("big", 8), node("small", 1)]
    made = _placed(nodes, *_gang("a", 4, 2))
    assert sorted(made.values()) == ["big", "big", "big", "small"]


def test_once_it_has_begun_the_others_begin_one_by_one() -> None:
    begun = node("n0", 1, families={"a": 1}, held=Amounts(1000), executions=1)
    assert _placed([begun, node("n1", 1)], *_gang("a", 2, 3, left=3)) == {"a0": "n1"}


def test_all_that_are_left_suffice_and_those_to_come_are_waited_for() -> None:
    nodes = [node("n0", 4)]
    assert _placed(nodes, *_gang("a", 1, 3)) == {"a0": "n0"}
    assert _placed([*nodes, node("n1")], *_gang("a", 2, 3, left=5)) == {}


def test_the_first_of_a_spawn_begins_once_what_it_makes_has_room_and_takes_none_of_it() -> None:
    first = replace(_gang("a", 1, 3)[0], is_spawned=True, left=UNCOUNTED)
    nodes = [node(f"n{n}", 1) for n in range(3)]
    assert _placed(nodes[:2], first) == {}
    other = waits("other", demand(2), family="c", since=NOW + MINUTE)
    assert _placed([*nodes, node("n3", 2)], first, other).keys() == {"a0", "other"}
    slots = {"job": Slots(concurrency=1)}
    made = place(nodes, [replace(first, limited_by="job")], NOW, MINUTE, limits=slots)
    assert made.assignments.keys() == {"a0"}
    busy = [node(f"n{n}", 1, held=Amounts(1000), executions=1) for n in range(3)]
    made = place(busy, [first], NOW + MINUTE, MINUTE)
    assert (made.assignments, set(made.reserved.values())) == ({}, {"n0", "n1", "n2"})


def test_what_is_left_of_a_spawn_begins_as_far_as_it_is_there() -> None:
    def left(count: int) -> Waiting:
        return replace(_gang("a", 1, 3)[0], is_spawned=True, left=count)

    nodes = [node(f"n{n}", 1) for n in range(2)]
    assert _placed(nodes, left(2)).keys() == {"a0"}, "one is behind a barrier"
    assert _placed(nodes, left(3)) == {}


def test_nodes_are_kept_for_one_that_has_waited_for_long() -> None:
    nodes = [node("n0", 1), node("n1", 1, held=Amounts(1000), executions=1)]
    made = place(
        nodes,
        [*_gang("a", 2, 2), waits("late", demand(1), family="c", since=NOW + MINUTE)],
        NOW + MINUTE,
        MINUTE,
    )
    assert (made.assignments, set(made.reserved.values())) == ({}, {"n0", "n1"})


def test_no_node_has_more_of_a_task_than_it_says_nor_has_it_more_nodes() -> None:
    nodes = [node(f"n{n}", 8) for n in range(3)]
    few = demand(1, max_per_node=2)
    made = _placed(nodes, *(waits(f"e{n}", few, index=n) for n in range(9)))
    assert sorted(made.values()) == ["n0", "n0", "n1", "n1", "n2", "n2"]
    on_two = demand(1, max_nodes=2)
    made = _placed(nodes, *(waits(f"e{n}", on_two, index=n) for n in range(30)))
    assert (len(made), len(set(made.values()))) == (16, 2)


def test_a_node_that_is_too_small_in_all_is_passed_over() -> None:
    large = demand(1, least=Amounts(6000))
    nodes = [node("small", 4), node("large", 8, held=Amounts(4000))]
    assert _placed(nodes, waits("e", large)) == {"e": "large"}
    assert summary(explain(nodes[:1], large)) == "1 node: has 4 CPUs in all, 6 wanted"


def test_it_is_said_what_is_missing() -> None:
    used = node("n0", families={"f": 2})
    for wanted, text in (
        (demand(1, max_per_node=2), "1 node: has 2 executions of this task already"),
        (demand(1, one_per_node=True), "1 node: has 2 executions of this task already"),
    ):
        assert summary(explain([used], wanted, "f")) == text
    full = summary(explain([used, node("n1")], demand(1, max_nodes=1), "f"))
    assert "the task is on 1 node already, at most 1 wanted" in full
    waiting = summary(explain([node("n1")], demand(1, min_nodes=2), "f"))
    assert waiting == "1 node: room on 1 node, 2 wanted at once"


def test_what_a_placement_says_of_nodes_is_kept() -> None:
    placement = Placement(
        count=4,
        max_per_node=2,
        max_nodes=3,
        min_nodes=2,
        node=Resources(cpus=Amount(2, "2"), memory=Amount(1024, "1k")),
    )
    kept = from_json(demand_of(TaskDefinition(placement=placement)))
    assert (kept.max_per_node, kept.max_nodes, kept.min_nodes) == (2, 3, 2)
    assert kept.least == Amounts(2000, 1024)
    assert PlacementType(placement.type) is PlacementType.BATCH


def test_gangs_of_a_job_never_hold_each_a_part_of_its_slots() -> None:
    nodes = [node(f"n{n}", 1) for n in range(9)]
    waiting = [replace(one, limited_by="job") for one in (*_gang("a", 2, 2), *_gang("b", 4, 2))]

    def placed(concurrency: int, active: int = 0) -> tuple[set[str], set[str]]:
        limits = {"job": Slots(concurrency=concurrency, active=active)}
        made = place(nodes, waiting, NOW, MINUTE, limits=limits)
        return {*made.assignments}, {*made.held_back_by}

    assert placed(concurrency=2) == ({"a0", "a1"}, {"job"})
    assert placed(concurrency=3, active=2) == (set(), {"job"})
    assert placed(concurrency=5) == ({"a0", "a1", "b0", "b1", "b2"}, {"job"})
    assert placed(concurrency=1) == ({"a0", "a1"}, {"job"}), "more than it may ever have"
    assert placed(concurrency=6)[1] == set()


def test_the_slots_that_one_could_not_use_are_for_the_next() -> None:
    waiting = [replace(one, limited_by="job") for one in (*_gang("a", 3, 3), *_gang("b", 2, 2))]
    nodes = [node(f"n{n}", 1) for n in range(2)]
    made = place(nodes, waiting, NOW, MINUTE, limits={"job": Slots(concurrency=3)})
    assert made.assignments.keys() == {"b0", "b1"}


def test_what_waits_for_a_slot_is_looked_at_again_without_being_told_and_reserves_nothing() -> None:
    wanted = to_json(demand(1, min_nodes=2))
    rules = {"type": "batch", "priority": 0, "max_unavailable": 1, "healthy_after": 10}
    text = json.dumps({**rules, "demand": wanted})
    rows = [
        WaitingRow(f"e{n}", "job", 1, "t", n, 0, NOW, None, None, is_returned=False, rules=text)
        for n in range(2)
    ]
    nodes = [node(f"n{n}", 1) for n in range(2)]
    soon, later = NOW + timedelta(seconds=1), NOW + timedelta(seconds=60)
    full = Slots(concurrency=2, active=1)
    for limits, next_at in ((full, soon), (Slots(rate=StartRate(1, 60)).started(NOW), later)):
        of_gangs = OfGangs({"t": 2}, {"job": limits})
        chosen = choose_nodes(rows, nodes, {}, NOW, MINUTE, 0, of_gangs)
        assert (list(chosen.events), chosen.next_at) == ([], next_at)
