"""The rows that a transaction reads and writes: those in memory are as those in Postgres."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from shared.apply.transaction import Rows
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.parsing import parse_job
from shared.lifecycle import (
    BeginChildren,
    CancelTasks,
    Children,
    JobState,
    PlacementRules,
    PlacementType,
    PlanDependents,
    PlannedTask,
    SetVariable,
    Task,
    TaskKind,
    TaskPosition,
    TaskState,
)
from shared.planning.new_job import IdempotencyKey, NewGraph
from shared.planning.submission import new_job
from shared.planning.templates import variables_wanted
from shared.postgres.pool import set_up_connection
from shared.process.sealing import Sealer
from shared.store.slot_counts import NO_SLOTS
from shared.store.transaction_rows import TransactionRows
from shared.store.writing import Writes
from tests.support.memory_rows import MemoryRows

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FAMILY = Children(total=3, required=3)
LISTED = {"run": "true"}


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.real)])
async def rows(request: pytest.FixtureRequest) -> AsyncIterator[Rows]:
    if request.param == "memory":
        yield MemoryRows()
        return
    connection = await asyncpg.connect(request.getfixturevalue("postgres_dsn"))
    await set_up_connection(connection)
    async with connection.transaction():
        yield TransactionRows(connection, Sealer())
    await connection.close()


async def submit(rows: Rows, *tasks: dict[str, Any], job_id: str = "job", **fields: Any) -> None:
    body = {"name": "a job", "tasks": list(tasks) or [{**LISTED, "name": "t"}], **fields}
    new = new_job(
        compile_job(parse_job(json.dumps(body).encode(), "application/json")), job_id, NOW
    )
    graph = NewGraph.of(new.needs) if new.needs is not None else None
    await rows.write(Writes(new_jobs=[(new.job, new, None, graph)]))


def task(id_: str, state: str, **fields: Any) -> Task:
    kind = TaskKind.EACH if "children" in fields else TaskKind.TASK
    done = Task(
        id=id_,
        job_id="job",
        position=1,
        plan=PlannedTask(name=id_, queue="q", kind=kind, definition={"name": id_, "run": "true"}),
        state=TaskState(state),
        created_at=NOW,
        error="boom" if state == "FAILED" else None,
    )
    return replace(done, **fields)


def child(index: int, state: str, **fields: Any) -> Task:
    return task(f"child{index}", state, parent_id="parent", child_index=index, **fields)


async def family(rows: Rows, *children: Task, state: str = "RUNNING") -> Task:
    await submit(rows)
    parent = task("parent", state, children=FAMILY)
    await rows.write(Writes(new_tasks=[parent, *children]))
    return parent


async def states(rows: Rows, *ids: str) -> list[str]:
    locked = await rows.lock(["job"], ids)
    return [locked.tasks[id_].state.value for id_ in ids]


async def test_what_is_written_is_locked_and_read(rows: Rows) -> None:
    waiting = child(0, "CREATED", scope={"item": {"index": "0", "value": 1}})
    parent = await family(rows, waiting)
    locked = await rows.lock(["job", "other"], ["parent", "child0", "other"])
    assert locked.jobs.keys() == {"job"}
    assert locked.tasks == {"parent": parent, "child0": waiting}


async def test_what_a_task_is_part_of_comes_without_its_definition(rows: Rows) -> None:
    parent = await family(rows, child(0, "SCHEDULED"))
    locked = await rows.lock(["job"], ["child0"])
    [partial] = locked.partial.values()
    assert (partial.id, partial.plan.definition) == ("parent", {})
    assert await rows.load_definitions([partial]) == {"parent": parent}


async def test_a_change_of_what_was_read_in_part_keeps_its_definition(rows: Rows) -> None:
    parent = await family(rows, child(0, "SCHEDULED"))
    [partial] = (await rows.lock(["job"], ["child0"])).partial.values()
    await rows.write(Writes(tasks=[replace(partial, progress=50.0)]))
    locked = await rows.lock(["job"], ["parent"])
    assert locked.tasks["parent"] == replace(parent, progress=50.0)


async def test_a_task_that_begins_gets_its_definition(rows: Rows) -> None:
    await family(rows, child(0, "CREATED"))
    begun = child(0, "SCHEDULED", scheduled_at=NOW)
    begun = replace(begun, plan=replace(begun.plan, name="begun", definition={"run": "false"}))
    await rows.write(Writes(begun_tasks=[begun]))
    assert (await rows.lock(["job"], ["child0"])).tasks["child0"] == begun


async def test_the_next_children_to_begin_come_in_their_order(rows: Rows) -> None:
    await family(rows, *(child(i, "CREATED") for i in (3, 1, 2)), child(0, "SCHEDULED"))
    asked = [BeginChildren("job", "parent", 2)]
    assert [t.id for t in await rows.next_created(asked, [])] == ["child1", "child2"]
    assert [t.id for t in await rows.next_created(asked, ["child1"])] == ["child2", "child3"]


@pytest.mark.parametrize(
    ("cancel", "job_state", "parent_state", "active"),
    [
        (CancelTasks("job"), JobState.CANCELLED, "RUNNING", ["child1", "listed", "parent"]),
        (CancelTasks("job"), JobState.RUNNING, "FAILED", ["child1"]),
        (CancelTasks("job", "parent"), JobState.RUNNING, "FAILED", ["child1"]),
    ],
)
async def test_what_never_began_is_cancelled_and_what_is_active_is_locked(
    rows: Rows, cancel: CancelTasks, job_state: JobState, parent_state: str, active: list[str]
) -> None:
    children = [child(0, "CREATED"), child(1, "SCHEDULED"), child(2, "COMPLETED")]
    await family(rows, *children, state=parent_state)
    job = (await rows.lock(["job"], [])).jobs["job"]
    job = replace(job, state=job_state)
    await rows.write(Writes(jobs=[job], new_tasks=[task("listed", "SCHEDULED")]))
    assert await rows.cancel_created([cancel], 9) == 1
    assert [t.id for t in await rows.lock_active([cancel], 9)] == active
    assert await states(rows, "child0", "child1", "child2") == [
        "CANCELLED",
        "SCHEDULED",
        "COMPLETED",
    ]


async def test_no_more_is_cancelled_than_the_limit(rows: Rows) -> None:
    of_created = [child(i, "CREATED") for i in range(3)]
    await family(rows, *of_created, *(child(i, "SCHEDULED") for i in (3, 4, 5)), state="FAILED")
    cancel = [CancelTasks("job", "parent")]
    assert await rows.cancel_created(cancel, 2) == 2
    assert len(await rows.lock_active(cancel, 2)) == 2
    assert (await rows.cancel_created(cancel, 2), await rows.lock_active(cancel, 0)) == (1, [])


@pytest.mark.parametrize(
    ("last", "found"),
    [
        (task("last", "FAILED", children=FAMILY), ["last"]),
        (task("last", "CANCELLED", subjob_id="sub"), ["last"]),
        (task("last", "COMPLETED", children=FAMILY), []),
        (task("last", "FAILED"), []),
    ],
)
async def test_a_restart_finds_the_last_composite_at_a_position_that_did_not_succeed(
    rows: Rows, last: Task, found: list[str]
) -> None:
    await family(rows, state="CANCELLED")
    later = NOW + timedelta(minutes=1)
    await rows.write(Writes(new_tasks=[replace(last, created_at=later)]))
    positions = [TaskPosition("job", 1), TaskPosition("job", 2)]
    assert [t.id for t in await rows.unfinished_at(positions, [])] == found


@pytest.mark.parametrize(("failed", "found"), [(1, ["last"]), (0, [])])
async def test_what_succeeded_in_spite_of_failed_children_is_found_if_it_runs_again_in_part(
    rows: Rows, failed: int, found: list[str]
) -> None:
    await family(rows, state="CANCELLED")
    done = task("last", "COMPLETED", children=replace(FAMILY, failed=failed))
    await rows.write(Writes(new_tasks=[replace(done, created_at=NOW + timedelta(minutes=1))]))
    assert [t.id for t in await rows.unfinished_at([TaskPosition("job", 1)], ["job"])] == found
    assert await rows.unfinished_at([TaskPosition("job", 1)], ["other"]) == []


async def test_children_that_did_not_succeed_wait_again(rows: Rows) -> None:
    may_fail = child(3, "FAILED")
    may_fail = replace(may_fail, plan=replace(may_fail.plan, allow_failure=True))
    parent = await family(
        rows,
        child(0, "COMPLETED"),
        child(1, "FAILED", children=FAMILY),
        child(2, "FAILED", scheduled_at=NOW),
        may_fail,
        child(4, "CANCELLED"),
        child(5, "CANCELLED", scheduled_at=NOW),
        state="FAILED",
    )
    reopened = await rows.reopen_children([parent])
    assert reopened.left == {"parent": 4}
    assert sorted(reopened.continued) == ["child1", "child4"]
    again = await rows.next_created([BeginChildren("job", "parent", 9)], [])
    assert [t.child_index for t in again] == [1, 2, 4, 5]
    # What a worker has had stays as it is, and has a successor
    assert [t.id in ("child1", "child4") for t in again] == [True, False, True, False]
    assert await states(rows, "child2", "child5") == ["FAILED", "CANCELLED"]


async def test_the_children_of_a_spawn_begin_by_sequence(rows: Rows) -> None:
    await family(
        rows,
        child(0, "COMPLETED", sequence=0, result="a"),
        child(1, "CREATED", sequence=3),
        child(2, "CREATED", sequence=2),
        child(3, "COMPLETED", sequence=1, result="c"),
        child(4, "COMPLETED", sequence=0, result="b"),
        child(5, "CREATED", sequence=2),
        child(6, "COMPLETED", sequence=1),
    )
    opened = await rows.next_sequences(["parent", "child0"])
    assert {id_: (one.sequence, one.count) for id_, one in opened.items()} == {"parent": (2, 2)}
    asked = [BeginChildren("job", "parent", 9, by_sequence=True)]
    assert [t.id for t in await rows.next_created(asked, ["child2"])] == ["child5", "child1"]
    results = await rows.results_of_children(["parent"])
    assert list((results["parent"] or {}).items()) == [(0, "a"), (4, "b"), (3, "c")]


async def test_the_held_back_begin_by_priority_and_then_in_their_order(rows: Rows) -> None:
    await submit(rows, concurrency=1)
    held_back: list[Task] = []
    for place, priority in enumerate([0, 0, 5, 0]):
        one = task(f"t{place}", "PENDING", is_held_back=True, position=place // 2 + 1)
        held_back.append(replace(one, plan=replace(one.plan, priority=priority)))
    held_back[3] = replace(held_back[3], due_at=NOW)
    await rows.write(Writes(new_tasks=[task("t9", "SCHEDULED"), *held_back]))
    asked = {"job": 2, "other": 9}
    assert [t.id for t in await rows.next_held_back(asked, ["t3"])] == ["t2", "t0"]
    assert [t.id for t in await rows.next_held_back({"job": 9}, ["t3"])] == ["t2", "t0", "t1"]
    assert await rows.next_held_back({"job": 9}, []) == [held_back[n] for n in (2, 0, 1, 3)]


async def test_what_counts_for_the_limits_of_a_job_is_as_the_core_has_it(rows: Rows) -> None:
    await submit(rows, concurrency=1)
    await submit(rows, job_id="other")
    gang = PlacementRules(type=PlacementType.BATCH, demand={"min_nodes": 2})
    placed = [replace(task(f"p{n}", "PENDING"), plan=PLACED) for n in range(2)]
    of_gang = [
        replace(task(f"g{n}", state), plan=replace(PLACED, placement=gang))
        for n, state in enumerate(("PENDING", "SCHEDULED"))
    ]
    held_back = [task(f"h{n}", "PENDING", is_held_back=True) for n in range(2)]
    timed = task("h2", "PENDING", is_held_back=True, due_at=NOW)
    others = [task("e", "COMPLETED"), task("r", "PENDING", due_at=NOW), task("s", "SCHEDULED")]
    own = [*placed, *of_gang, *held_back, timed, *others, task("each", "RUNNING", children=FAMILY)]
    await rows.write(Writes(new_tasks=own))
    counts = await rows.count_slots(["job", "other"])
    assert counts["job"] == (4, 3, "h2")
    assert sum(one.has_slot for one in own) == 4
    assert counts.get("other", NO_SLOTS) == NO_SLOTS


PLACED = PlannedTask(
    name="p", queue="", placement=PlacementRules(type=PlacementType.BATCH), definition={}
)


async def test_a_service_of_the_version_before_leaves_what_was_held_back_marked(rows: Rows) -> None:
    await submit(rows, concurrency=1)
    moved = [task(state, state, is_held_back=True) for state in ("SCHEDULED", "CANCELLED")]
    await rows.write(Writes(new_tasks=[task("t0", "PENDING", is_held_back=True), *moved]))
    assert [t.id for t in await rows.next_held_back({"job": 9}, [])] == ["t0"]


async def test_what_is_run_again_of_a_spawn_keeps_its_sequence_and_name(rows: Rows) -> None:
    parent = await family(
        rows,
        child(0, "FAILED", sequence=4, scheduled_at=NOW),
        state="FAILED",
    )
    await rows.reopen_children([parent])
    [again] = await rows.next_created([BeginChildren("job", "parent", 9, by_sequence=True)], [])
    assert (again.sequence, again.plan.name) == (4, "child0")


async def test_a_task_of_a_graph_is_released_by_the_last_it_waits_for(rows: Rows) -> None:
    tasks = [{**LISTED, "name": name, "needs": needs} for name, needs in GRAPH.items()]
    await submit(rows, *tasks)
    assert await rows.ready(["job"]) == [("job", 1), ("job", 2)]
    assert await rows.release([PlanDependents("job", 1)]) == []
    assert await rows.ready(["job"]) == [("job", 2)]
    assert await rows.release([PlanDependents("job", 2)]) == [("job", 3)]


GRAPH: dict[str, list[str]] = {"a": [], "b": [], "c": ["a", "b"]}


async def test_jobs_and_their_tasks_are_read_as_submitted(rows: Rows) -> None:
    first, second = {**LISTED, "name": "first"}, {**LISTED, "name": "second"}
    await submit(rows, first, second, inputs={"x": 1}, output="{{ inputs.x }}")
    [source] = await rows.load_tasks([TaskPosition("job", 2)], {"job": 0})
    assert (source.position, source.child_id, source.job.inputs) == (2, None, {"x": "1"})
    assert await rows.load_jobs(["job"]) == {"job": source.job}
    assert source.job.output == "{{ inputs.x }}"


async def test_the_last_value_of_a_variable_is_read(rows: Rows) -> None:
    await submit(rows, {**LISTED, "name": "t", "env": {"A": "{{ tasks.a }}"}})
    for value in ("1", "2"):
        variables = [SetVariable("job", "a", value), SetVariable("job", "b", value)]
        await rows.write(Writes(variables=variables))
    sources = await rows.load_tasks([TaskPosition("job", 1)], {"job": 0})
    assert await rows.load_variables(variables_wanted(sources)) == {"job": {"a": "2"}}


async def test_a_key_is_used_once(rows: Rows) -> None:
    key = IdempotencyKey("anna", "k", b"hash")
    other = IdempotencyKey("bert", "k", b"hash")
    assert await rows.store_keys({"one": key}) == set()
    assert await rows.store_keys({"two": key, "three": other}) == {"two"}


async def test_the_results_of_children_are_those_of_the_attempts_that_completed(
    rows: Rows,
) -> None:
    retried = child(1, "FAILED"), child(1, "COMPLETED", id="again", result="b", attempt=1)
    done = {"completed_at": NOW}
    children = (
        child(0, "COMPLETED", result="a", **done),
        retried[0],
        replace(retried[1], completed_at=NOW),
        child(2, "SKIPPED", **done),
        child(3, "COMPLETED", **done),
    )
    await family(rows, *children)
    found = await rows.results_of_children(["parent", "other"])
    assert found["parent"] == {0: "a", 1: "b"}
    assert not found.get("other")
