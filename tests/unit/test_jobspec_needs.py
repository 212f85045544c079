"""Tasks that say what they need: the rules, and who waits for whom."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.definition import task_graph
from shared.jobspec.problems import InvalidJob
from tests.support.jobs.definitions import task_definition
from tests.support.jobs.submissions import Json, refusal, submitted, with_task


def listed(*tasks: str | tuple[str, list[str]]) -> list[Json]:
    """Tasks by name; with a list: what they need."""
    return [
        {"name": task} if isinstance(task, str) else {"name": task[0], "needs": task[1]}
        for task in tasks
    ]


def job(*tasks: str | tuple[str, list[str]]) -> Json:
    return {"name": "x", "tasks": listed(*tasks)}


@pytest.mark.parametrize(
    ("tasks", "graph"),
    [
        (listed("a", "b"), None),
        (listed(("a", [])), {1: []}),
        (listed("a", ("b", [])), {1: [], 2: []}),
        (listed(("a", []), ("b", []), "c", "d"), {1: [], 2: [], 3: [1, 2], 4: [3]}),
        (listed("a", ("b", ["a"]), ("c", ["a"]), "d"), {1: [], 2: [1], 3: [1], 4: [1, 2, 3]}),
        (listed("a", "b", ("c", ["a"]), "d"), {1: [], 2: [1], 3: [1], 4: [2, 3]}),
        (listed(("a", ["b"]), ("b", [])), {1: [2], 2: []}),
        (listed("a", ("b", ["a", "a"])), {1: [], 2: [1]}),
    ],
)
def test_a_task_without_needs_waits_for_all_before_it(
    tasks: list[Json], graph: dict[int, list[int]] | None
) -> None:
    assert task_graph(list(map(task_definition, tasks))) == graph


def test_a_graph_stays_linear_in_size() -> None:
    half = 5_000
    tasks = listed(*[(str(n), []) for n in range(half)], *[f"after {n}" for n in range(half)])
    graph = task_graph(list(map(task_definition, tasks))) or {}
    assert sum(map(len, graph.values())) == 2 * half - 1


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (
            job("a", ("b", ["c"])),
            'tasks[1].needs[0]: "c" is not allowed: must be the name of a task in the same list',
        ),
        (
            job(("a", ["a"])),
            'tasks[0].needs[0]: "a" is not allowed: a task must not need itself',
        ),
        (
            job("a", "a", ("b", ["a"])),
            'tasks[2].needs[0]: "a" is not allowed: 2 tasks of the list have this name',
        ),
        (
            job("a", ("b", ["a", "a"])),
            'tasks[1].needs[1]: "a" is not allowed: is listed twice',
        ),
        (
            job(("a", ["c"]), ("b", ["a"]), ("c", ["b"])),
            "tasks[0].needs: must not make a cycle: 'a' waits for 'c' waits for 'b' waits for 'a'",
        ),
        (
            job(("a", ["b"]), "b"),
            "tasks[0].needs: must not make a cycle: 'a' waits for 'b' waits for 'a' "
            "(a task without needs waits for all tasks listed before it)",
        ),
        (
            job(("a", []), ("b", ["d"]), ("c", ["b"]), ("d", ["c"]), "e"),
            "tasks[1].needs: must not make a cycle: 'b' waits for 'd' waits for 'c' waits for 'b'",
        ),
        (
            with_task(subjob={"name": "s", "tasks": listed("a", ("b", ["t"]))}),
            'tasks[0].subjob.tasks[1].needs[0]: "t" is not allowed: '
            "must be the name of a task in the same list",
        ),
        (job(("a", "b")), 'tasks[0].needs: "b" is not allowed: must be a list'),  # type: ignore[arg-type]  # the mistake
    ],
)
def test_needs_that_cannot_be_met_are_refused(tasks: Json, message: str) -> None:
    assert refusal(tasks) == message


def test_a_long_cycle_is_shown_in_short() -> None:
    tasks = [(str(n), [str((n + 1) % 100)]) for n in range(100)]
    assert refusal(job(*tasks)).endswith(
        "'0' waits for '1' waits for '2' waits for '3' waits for '4' waits for … waits for '0'"
    )


def test_a_name_that_nobody_needs_may_stand_there_twice() -> None:
    assert len(submitted(job("a", "a", ("b", []))).tasks) == 3


def test_a_need_names_a_task_as_it_is_written() -> None:
    name = "{{ inputs.a }}"
    assert submitted(job(name, ("b", [name]))).tasks[1].needs == [name]


_NAMES = ["a", "b", "c", "d", "e"]


@given(st.lists(st.none() | st.lists(st.sampled_from(_NAMES), max_size=3), max_size=5, min_size=1))
def test_every_task_of_an_accepted_graph_comes_to_its_turn(needs: list[Any]) -> None:
    tasks = [
        {"name": name} if needed is None else {"name": name, "needs": needed}
        for name, needed in zip(_NAMES, needs, strict=False)
    ]
    try:
        submitted({"name": "x", "tasks": tasks})
    except InvalidJob:
        return
    graph = task_graph(list(map(task_definition, tasks))) or {}
    done: set[int] = set()
    for _ in graph:
        done |= {position for position, needed in graph.items() if set(needed) <= done}
    assert done == set(graph)
