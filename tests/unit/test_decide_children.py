"""The core: children of families, their retries, time in queues and cancels."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.lifecycle import (
    CancelTasks,
    ChildEnded,
    Ignored,
    Job,
    JobCancelled,
    JobState,
    LeaseExpired,
    Planned,
    PlanTask,
    QueueTimedOut,
    RefuseClaim,
    RetryPolicy,
    RunTask,
    SetVariable,
    Task,
    TaskCancelled,
    TaskFailed,
    TaskKey,
    TaskKind,
    TaskPlanFailed,
    TaskPlanned,
    TaskProgressed,
    TaskReopened,
    TaskSkipped,
    TaskState,
    TaskSucceeded,
    TaskTimedOut,
    decide,
)
from shared.lifecycle.family_events import ChildProgressed, ChildStarted
from tests.support.jobs.decided import (
    FINAL,
    LATER,
    LEASE,
    NODE,
    NOW,
    child_of,
    child_running,
    claim,
    decided,
    ended,
    of,
    opened,
    plan,
    told,
)


def test_a_planned_child_is_sent_and_once_taken_its_family_and_job_know() -> None:
    job, child = child_of(opened(2)[2])
    sent = decided(
        decide(job, child, TaskPlanned(TaskKey("job", child.id), Planned(task=plan())), NOW)
    )
    assert [command.task.id for command in of(sent, RunTask)] == [child.id]
    taken = decided(decide(sent.job, sent.tasks[0], claim(child), NOW))
    assert taken.job.state is JobState.RUNNING
    assert told(taken) == [ChildStarted("job", child.parent_id or "")]


@pytest.mark.parametrize("kind", [TaskPlanned, TaskPlanFailed, TaskSkipped])
def test_a_child_begins_once(kind: type) -> None:
    job, child = child_running()
    more = {TaskPlanned: (Planned(task=plan()),), TaskPlanFailed: (plan(), "x")}
    event = kind(TaskKey("job", child.id), *more.get(kind, (plan(),)))
    assert isinstance(decide(job, child, event, LATER), Ignored)


def test_a_child_tells_its_family_of_its_end_with_what_was_missing_of_its_progress() -> None:
    job, child = child_running(var="x")
    progressed = decided(decide(job, child, TaskProgressed("job", child.id, 1, 30), NOW))
    assert told(progressed) == [ChildProgressed("job", child.parent_id or "", 30)]
    done = decide(job, progressed.tasks[0], TaskSucceeded("job", child.id, 1, NODE, "r"), NOW)
    assert told(done) == [ChildEnded("job", child.parent_id or "", 70)]
    assert of(done, SetVariable) == [SetVariable("job", "x", "r")]
    assert not of(done, PlanTask)


def test_a_child_that_is_tried_again_takes_its_progress_back_and_is_not_told_as_ended() -> None:
    job, child = child_running(retry=RetryPolicy(limit=1, initial_delay=timedelta()))
    child = replace(child, progress=30.0)
    outcome = decided(decide(job, child, TaskFailed("job", child.id, 1, NODE, "boom"), LATER))
    assert told(outcome) == [ChildProgressed("job", child.parent_id or "", -30)]
    [retry] = outcome.new_tasks
    assert (retry.parent_id, retry.child_index, retry.attempt) == (
        child.parent_id,
        child.child_index,
        1,
    )
    taken = decided(decide(job, retry, claim(retry), LATER))
    assert told(taken) == []  # its family counts it once


def test_the_last_failure_of_a_child_is_its_familys() -> None:
    job, child = child_running()
    outcome = decided(decide(job, child, TaskFailed("job", child.id, 1, NODE, "boom"), LATER))
    assert told(outcome) == [ChildEnded("job", child.parent_id or "", 100, "boom")]
    assert not outcome.job.state.is_final


def test_a_child_that_may_fail_is_told_as_done() -> None:
    job, child = child_running(allow_failure=True)
    outcome = decided(decide(job, child, TaskFailed("job", child.id, 1, NODE, "boom"), LATER))
    assert outcome.tasks[0].state is TaskState.FAILED
    assert told(outcome) == [ChildEnded("job", child.parent_id or "", 100)]


@pytest.mark.parametrize(
    ("on", "event", "is_tried_again"),
    [
        (None, {"cause": "exit", "exit_code": 7}, True),
        (None, {"cause": "timeout"}, True),
        ({"7"}, {"cause": "exit", "exit_code": 7}, True),
        ({"7"}, {"cause": "exit", "exit_code": 8}, False),
        ({"7"}, {"cause": "timeout"}, False),
        ({"timeout"}, {"cause": "timeout"}, True),
        ({"timeout"}, {"cause": "exit", "exit_code": 7}, False),
        ({"lost"}, {"cause": "other"}, False),
    ],
)
def test_only_the_failures_a_policy_names_are_tried_again(
    on: set[str] | None, event: dict[str, Any], is_tried_again: bool
) -> None:
    policy = RetryPolicy(limit=1, on=None if on is None else frozenset(on))
    job, child = child_running(retry=policy)
    failure = TaskFailed("job", child.id, 1, NODE, "boom", **event)
    outcome = decided(decide(job, child, failure, LATER))
    assert bool(outcome.new_tasks) is is_tried_again


@pytest.mark.parametrize(("on", "tries"), [(None, 0), ({"timeout"}, 0), ({"lost"}, 1)])
def test_a_task_whose_workers_vanish_is_tried_again_if_its_policy_says_so(
    on: set[str] | None, tries: int
) -> None:
    policy = RetryPolicy(limit=1, on=None if on is None else frozenset(on))
    job, child = child_running(retry=policy)
    worn = replace(child, lost=4)
    outcome = decided(decide(job, worn, LeaseExpired("job", child.id, 1), LATER))
    assert len(outcome.new_tasks) == tries


def queued_child() -> tuple[Job, Task]:
    job, child = child_of(opened(2)[2])
    limit = plan(queue_timeout=timedelta(minutes=1), retry=RetryPolicy(limit=2))
    outcome = decided(
        decide(job, child, TaskPlanned(TaskKey("job", child.id), Planned(task=limit)), NOW)
    )
    return outcome.job, outcome.tasks[0]


def test_a_task_that_waits_too_long_for_a_worker_fails_and_is_not_tried_again() -> None:
    job, child = queued_child()
    outcome = decided(decide(job, child, QueueTimedOut("job", child.id, 1), LATER))
    assert outcome.tasks[0].error == "no worker took it from queue 'default' within 60s"
    assert not outcome.new_tasks
    [end] = told(outcome)
    assert isinstance(end, ChildEnded)
    assert not end.was_claimed


@pytest.mark.parametrize(
    "changes",
    [{"deadline_at": LATER + LEASE}, {"deadline_at": None}, {"dispatch": 2}, {"state": "RUNNING"}],
)
def test_a_task_that_was_sent_again_or_taken_keeps_its_time(changes: dict[str, Any]) -> None:
    job, child = queued_child()
    child = replace(child, **changes)
    assert isinstance(decide(job, child, QueueTimedOut("job", child.id, 1), LATER), Ignored)


def test_once_taken_the_time_in_the_queue_no_longer_counts() -> None:
    job, child = queued_child()
    taken = decided(decide(job, child, claim(child), NOW)).tasks[0]
    assert taken.deadline_at is None


def test_cancelling_a_family_asks_for_its_children() -> None:
    job, parent, _ = opened(2)
    cancelled = decided(decide(job, None, JobCancelled("job"), LATER)).job
    outcome = decided(decide(cancelled, parent, TaskCancelled("job", parent.id), LATER))
    assert outcome.tasks[0].state is TaskState.CANCELLED
    assert of(outcome, CancelTasks) == [CancelTasks("job", parent.id)]


def test_a_cancelled_child_says_nothing_to_its_family() -> None:
    job, child = child_running()
    outcome = decided(decide(job, child, TaskCancelled("job", child.id), LATER))
    assert told(outcome) == []


@pytest.mark.parametrize("state", FINAL)
def test_no_report_moves_a_task_of_a_final_job(state: JobState) -> None:
    job, parent, _ = opened(2)
    _, child = child_running()
    job = replace(job, state=state)
    waiting = replace(child, state=TaskState.SCHEDULED, node_id=None)
    refused = decide(job, waiting, claim(child), LATER)
    assert isinstance(refused, Ignored)
    assert of(refused, RefuseClaim)
    for event in (
        TaskSucceeded("job", child.id, 1, NODE),
        TaskFailed("job", child.id, 1, NODE, "x"),
        TaskProgressed("job", child.id, 1, 5),
    ):
        assert isinstance(decide(job, child, event, LATER), Ignored), event
    for of_family in (*ended(parent), *ended(parent, 1, "x"), TaskReopened("job", parent.id, 1)):
        assert isinstance(decide(job, parent, of_family, LATER), Ignored), of_family


@pytest.mark.parametrize("kind", [TaskKind.EACH, TaskKind.SUBJOB])
def test_what_only_a_worker_can_say_is_passed_over_where_none_runs(kind: TaskKind) -> None:
    job, parent, _ = opened(2)
    parent = replace(parent, plan=plan(kind))
    for event in (
        LeaseExpired("job", parent.id, 1),
        TaskTimedOut("job", parent.id, 1),
        TaskProgressed("job", parent.id, 1, 50),
        claim(parent),
        TaskSucceeded("job", parent.id, 1, NODE),
        TaskFailed("job", parent.id, 1, NODE, "x"),
    ):
        assert isinstance(decide(job, parent, event, LATER), Ignored), event
