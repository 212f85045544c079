"""The core: how many tasks of a job may be active and start at a time."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.apply.apply import Work
from shared.definition import changed
from shared.definition.quantities import Rate
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.parsing import parse_job
from shared.lifecycle import (
    Event,
    ExecutionPlaced,
    FillSlots,
    JobCancelled,
    JobChange,
    JobRestarted,
    JobState,
    JobUpdated,
    PlacementRules,
    PlacementType,
    RetryDue,
    RunTask,
    SlotCountDue,
    SlotFreed,
    Slots,
    StartRate,
    Task,
    TaskClaimed,
    TaskFailed,
    TaskKey,
    TaskKind,
    TaskPlanned,
    TaskReturned,
    TaskState,
    TaskSucceeded,
    decide,
)
from shared.lifecycle.planned import Planned
from shared.lifecycle.slots import with_limits_of
from shared.planning.submission import new_job
from tests.support.family_specs import Spec, job_specs
from tests.support.family_world import World, budgets
from tests.support.jobs.decided import LEASE, NOW, child_of, decided, of, opened, plan
from tests.support.world_ending import finish_honestly
from tests.support.world_invariants import check
from tests.support.world_workers import NODES


def begun(slots: Slots) -> tuple[Any, Task]:
    job, child = child_of(opened(3)[2])
    planned = TaskPlanned(TaskKey("job", child.id), Planned(task=plan()))
    outcome = decided(decide(replace(job, slots=slots), child, planned, NOW))
    return outcome, outcome.tasks[0]


def test_a_task_that_finds_no_slot_is_held_back_and_goes_when_one_is_free() -> None:
    outcome, task = begun(Slots(concurrency=2, active=2))
    assert (task.state, task.is_held_back, task.due_at) == (TaskState.PENDING, True, None)
    assert of(outcome, RunTask) == []
    assert outcome.job.slots == Slots(concurrency=2, active=2, held_back=1)
    other = replace(task, id="other", state=TaskState.RUNNING, node_id="n", is_held_back=False)
    ended = decided(decide(outcome.job, other, TaskSucceeded("job", "other", 1, "n"), NOW))
    assert of(ended, FillSlots) == [FillSlots("job")]
    freed = decided(decide(ended.job, task, SlotFreed("job", task.id), NOW))
    assert [command.task.id for command in of(freed, RunTask)] == [task.id]
    assert freed.job.slots == Slots(concurrency=2, active=2)


def test_a_task_over_the_start_rate_waits_for_its_time_and_the_next_for_it() -> None:
    rate = StartRate(2, 60)
    outcome, first = begun(Slots(rate=rate))
    assert first.state is TaskState.SCHEDULED
    assert outcome.job.slots.paid_until == NOW + timedelta(seconds=30)
    held, second = begun(outcome.job.slots)
    assert (second.is_held_back, second.due_at) == (True, NOW + timedelta(seconds=30))
    _, third = begun(replace(held.job.slots, next_id="another"))
    assert (third.is_held_back, third.due_at) == (True, None)
    early = decided(decide(held.job, second, RetryDue("job", second.id), NOW))
    assert early.tasks[0].is_held_back
    at = NOW + timedelta(seconds=30)
    due = decided(decide(held.job, second, RetryDue("job", second.id), at))
    assert [command.task.id for command in of(due, RunTask)] == [second.id]
    assert due.job.slots == replace(
        held.job.slots, active=2, held_back=0, next_id=None, paid_until=at + timedelta(seconds=30)
    )


def test_a_task_that_is_handed_back_keeps_its_slot() -> None:
    sent, task = begun(Slots(concurrency=1))
    again = decided(decide(sent.job, task, TaskReturned("job", task.id, 1, "n"), NOW))
    assert again.job.slots == sent.job.slots
    assert of(again, RunTask)


def test_a_new_version_changes_the_limits_and_keeps_what_counts() -> None:
    full = Slots(concurrency=2, active=2, held_back=5)
    assert with_limits_of(full, Slots(concurrency=9)) == replace(full, concurrency=9)
    assert with_limits_of(full, None) == replace(full, concurrency=0)
    assert with_limits_of(None, Slots(concurrency=9)) == Slots(concurrency=9)


def test_at_another_rate_all_that_waited_for_its_time_gets_it_anew() -> None:
    sent, _ = begun(Slots(rate=StartRate(1, 3600)))
    held, task = begun(sent.job.slots)
    assert task.due_at == NOW + timedelta(hours=1)
    soon = NOW + timedelta(seconds=1)
    for new in (Slots(rate=StartRate(10, 1)), None):
        change = JobChange(job=replace(held.job, slots=new))
        updated = decided(decide(held.job, None, JobUpdated("job", change=change), soon))
        assert of(updated, FillSlots) == [FillSlots("job")]
        freed = decided(decide(updated.job, task, SlotFreed("job", task.id), soon))
        assert [command.task.id for command in of(freed, RunTask)] == [task.id]
        assert not freed.tasks[0].is_held_back
    full = replace(updated.job, slots=Slots(concurrency=1, active=1, held_back=1))
    waits = decided(decide(full, task, SlotFreed("job", task.id), soon))
    assert (waits.tasks[0].is_held_back, waits.tasks[0].due_at) == (True, None)


def test_a_clock_that_was_set_back_holds_nothing_back() -> None:
    slots = Slots(rate=StartRate(20, 1), held_back=9, paid_until=NOW + timedelta(hours=1))
    assert slots.opens_at(NOW) == NOW
    assert slots.to_fill(NOW) == 3
    assert slots.started(NOW).opens_at(NOW) == NOW
    assert slots.started(NOW).started(NOW).to_fill(NOW) == 1


def test_a_gang_takes_its_slots_with_its_nodes() -> None:
    job, child = child_of(opened(3)[2])
    job = replace(job, slots=Slots(concurrency=1, active=1))
    rules = PlacementRules(type=PlacementType.BATCH, demand={"min_nodes": 2})
    planned = TaskPlanned(TaskKey("job", child.id), Planned(task=plan(placement=rules)))
    waits = decided(decide(job, child, planned, NOW))
    [execution] = waits.tasks
    assert (execution.state, execution.is_held_back) == (TaskState.PENDING, False)
    assert waits.job.slots == job.slots
    placed = decided(decide(waits.job, execution, ExecutionPlaced("job", child.id, 1, "n"), NOW))
    assert placed.job.slots == Slots(concurrency=1, active=2)
    [execution] = placed.tasks
    lost = decided(decide(placed.job, execution, TaskReturned("job", child.id, 1, "n"), NOW))
    assert lost.job.slots == job.slots


def test_so_many_may_start_at_once_as_there_are_slots_or_when_nothing_is_in_their_way() -> None:
    assert Slots(concurrency=3, active=1).let_begin(2, NOW)
    assert not Slots(concurrency=3, active=2).let_begin(2, NOW)
    assert Slots(concurrency=1).let_begin(2, NOW)
    assert not Slots(concurrency=1, active=1).let_begin(2, NOW)
    rated = Slots(rate=StartRate(1, 60))
    assert rated.let_begin(3, NOW)
    started = rated.started(NOW).started(NOW).started(NOW)
    assert not started.let_begin(1, NOW)
    assert started.let_begin(1, NOW + timedelta(minutes=1))


def test_what_is_active_when_a_job_is_given_limits_counts() -> None:
    world = World()
    each = Spec(inner=(Spec(TaskKind.EACH, inner=(Spec(),), items=3),))
    world.submit("job", each)
    spec = parse_job(json.dumps(each.as_job()).encode(), "application/json")
    new = new_job(changed(compile_job(spec), concurrency=2), "job", world.now)
    world.apply(Work(JobUpdated("job"), new_version=new))
    assert world.jobs["job"].slots == Slots(concurrency=2, active=3)


def test_what_counts_wrong_is_counted_anew_when_it_is_time() -> None:
    world = World()
    world.submit("job", Spec(inner=(ONE_OF_SIX,)), concurrency=2)
    job, slots = world.jobs["job"], world.jobs["job"].slots
    assert slots is not None
    world.rows.jobs["job"] = replace(job, slots=replace(slots, active=9, held_back=1))
    first = next(task for task in world.tasks.values() if task.state is TaskState.SCHEDULED)
    by = "job", first.id, 1, NODES[0]
    world.happen(TaskClaimed(*by, LEASE))
    world.happen(TaskSucceeded(*by))
    assert [t.state for t in world.tasks.values()].count(TaskState.SCHEDULED) == 1
    world.happen(SlotCountDue("job"))
    assert world.jobs["job"].slots == Slots(concurrency=2, active=2, held_back=3)
    _holds(world)


def test_what_has_a_time_of_another_rate_is_not_taken_for_the_next() -> None:
    timed = Slots(rate=StartRate(1, 60), active=1, held_back=2, next_id="a")
    assert timed.as_counted(1, 2, "a") == timed
    assert timed.as_counted(1, 2, None).next_id is None
    assert replace(timed, next_id=None).as_counted(1, 2, "a").next_id is None


ONE_OF_SIX = Spec(TaskKind.EACH, inner=(Spec(),), items=6, allow_failure=True)
NESTED = Spec(TaskKind.PARALLEL, inner=(Spec(), ONE_OF_SIX), allow_failure=True)


@pytest.mark.parametrize(("fails", "most_cancelled"), [(ONE_OF_SIX, 1), (NESTED, 1), (NESTED, 99)])
def test_nothing_begins_any_more_in_a_family_that_has_ended(
    fails: Spec, most_cancelled: int
) -> None:
    world = World(most_cancelled=most_cancelled)
    world.submit("job", Spec(inner=(fails, Spec())), concurrency=2)
    first = next(task for task in world.tasks.values() if task.state is TaskState.SCHEDULED)
    by = "job", first.id, 1, NODES[0]
    world.happen(TaskClaimed(*by, LEASE))
    sent: list[RunTask] = []
    world.watchers.append(lambda *seen: sent.extend(of(seen[-1], RunTask)))
    world.happen(TaskFailed(*by, "boom"))
    finish_honestly(world)
    assert [command.task.position for command in sent] == [2]
    assert world.jobs["job"].state is JobState.COMPLETED
    assert not world.jobs["job"].is_cancelling


@given(st.integers(1, 400), st.sampled_from([1, 60]), st.lists(st.floats(0, 0.3), max_size=400))
def test_no_span_of_time_has_more_starts_than_the_rate(
    count: int, seconds: int, pauses: list[float]
) -> None:
    slots, now, starts = Slots(rate=StartRate(count, seconds)), NOW, []
    for pause in pauses:
        now += timedelta(seconds=pause)
        while slots.opens_at(now) == now:
            slots = slots.started(now)
            starts.append(now)
    for place, first in enumerate(starts):
        within = [at for at in starts[place:] if at < first + timedelta(seconds=seconds)]
        assert len(within) <= count


@pytest.mark.parametrize(("count", "seconds"), [(1, 3600), (60, 60), (10, 1), (5000, 1)])
def test_what_may_start_in_time_is_used(count: int, seconds: int) -> None:
    rate = StartRate(count, seconds)
    assert rate.interval * count <= timedelta(seconds=seconds) * 1.13


KINDS = ["claim"] * 4 + ["done"] * 4 + ["fail", "return", "due", "due", "cancel", "restart"]
_steps = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 40)), max_size=40)


@settings(max_examples=10)
@given(job_specs, _steps, budgets, st.integers(1, 3), st.sampled_from([None, Rate(2, 60, "2/m")]))
def test_whatever_happens_the_limits_of_a_job_hold_and_it_ends(
    listed: Spec, steps: list[tuple[str, int]], most: int, concurrency: int, rate: Rate | None
) -> None:
    world = World(most)
    world.submit("job", listed, concurrency=concurrency, start_rate=rate)
    for kind, which in steps:
        world.now += timedelta(seconds=which)
        _step(world, kind, which)
        check(world)
        _holds(world)
    finish_honestly(world)
    assert all(job.state.is_final for job in world.jobs.values())
    _holds(world)


def _step(world: World, kind: str, which: int) -> None:
    if kind in ("cancel", "restart"):
        world.happen(JobCancelled("job") if kind == "cancel" else JobRestarted("job"))
        return
    tasks = [t for t in world.tasks.values() if not t.state.is_final] or [*world.tasks.values()]
    if not tasks:
        return
    task = tasks[which % len(tasks)]
    by = task.job_id, task.id, task.dispatch, NODES[0]
    events: dict[str, Event] = {
        "claim": TaskClaimed(*by, LEASE),
        "done": TaskSucceeded(*by),
        "fail": TaskFailed(*by, "boom"),
        "return": TaskReturned(*by),
        "due": RetryDue(task.job_id, task.id),
    }
    world.happen(events[kind])


def _holds(world: World) -> None:
    job = world.jobs["job"]
    own = [task for task in world.tasks.values() if task.job_id == "job"]
    slots = job.slots
    assert slots is not None
    assert slots.active == sum(task.has_slot for task in own) <= slots.concurrency
    held_back = [task for task in own if task.is_held_back]
    assert slots.held_back == len(held_back)
    assert {task.id for task in held_back if task.due_at} == {slots.next_id} - {None}
    if held_back and not job.state.is_final:  # something tells of it
        assert slots.active == slots.concurrency or slots.next_id is not None
