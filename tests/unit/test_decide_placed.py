"""Placed tasks and their executions, decided one event at a time."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.lifecycle import (
    AskPlacement,
    Decision,
    ExecutionPlaced,
    ExecutionRecalled,
    Ignored,
    Job,
    JobState,
    LeaseExpired,
    NodesMatched,
    Offspring,
    PlacementFailed,
    PlacementRules,
    PlacementType,
    Planned,
    PlannedTask,
    PlanTask,
    RetryPolicy,
    RunTask,
    StopTask,
    Task,
    TaskClaimed,
    TaskFailed,
    TaskKey,
    TaskKind,
    TaskPlanned,
    TaskPosition,
    TaskState,
    TaskSucceeded,
    decide,
)
from shared.lifecycle.family_events import ChildEnded, ChildStarted
from tests.support.jobs.decided import LATER, LEASE, NODE, NOW, a_job, child_of, decided, of, plan

FOR_EVER = RetryPolicy(limit=99, initial_delay=timedelta(seconds=1))


def opened(type_: PlacementType, count: int, job: Job | None = None) -> Decision:
    rules = PlacementRules(type=type_)
    task = plan(TaskKind.PLACED, placement=rules)
    planned = Planned(task=task, offspring=Offspring(scopes=[None] * count))
    return decided(decide(job or a_job(), None, TaskPlanned(TaskPosition("job", 1), planned), NOW))


def execution(type_: PlacementType = PlacementType.BATCH, **planned: Any) -> tuple[Job, Task]:
    """It waits for a node."""
    job, child = child_of(opened(type_, 1))
    task: PlannedTask = plan(placement=PlacementRules(type=type_), **planned)
    event = TaskPlanned(TaskKey("job", child.id), Planned(task=task, spec_version=3))
    outcome = decided(decide(job, child, event, NOW))
    assert of(outcome, AskPlacement)
    return outcome.job, outcome.tasks[0]


def placed(type_: PlacementType = PlacementType.BATCH, **planned: Any) -> tuple[Job, Task]:
    job, task = execution(type_, **planned)
    outcome = decided(decide(job, task, ExecutionPlaced("job", task.id, 1, NODE), NOW))
    assert [c.task.node_id for c in of(outcome, RunTask)] == [NODE]
    return outcome.job, outcome.tasks[0]


def running(type_: PlacementType = PlacementType.BATCH, **planned: Any) -> tuple[Job, Task]:
    job, task = placed(type_, **planned)
    outcome = decided(decide(job, task, TaskClaimed("job", task.id, 1, NODE, LEASE), NOW))
    return outcome.job, outcome.tasks[0]


def test_an_execution_waits_for_a_node_and_only_that_node_may_run_it() -> None:
    job, waiting = execution(queue_timeout=timedelta())
    assert (waiting.state, waiting.due_at, waiting.spec_version) == (TaskState.PENDING, None, 3)
    assert waiting.deadline_at == NOW  # no time at all to wait in is a time, too
    job, task = placed()
    assert (task.state, task.node_id, task.deadline_at) == (TaskState.SCHEDULED, NODE, None)
    refused = decide(job, task, TaskClaimed("job", task.id, 1, "other", LEASE), NOW)
    assert isinstance(refused, Ignored)
    assert refused.reason == f"it is placed on {NODE}"
    again = decide(job, task, ExecutionPlaced("job", task.id, 1, "other"), NOW)
    assert isinstance(again, Ignored)


@pytest.mark.parametrize("type_", PlacementType)
def test_a_lost_worker_has_an_execution_wait_again_under_a_new_dispatch(
    type_: PlacementType,
) -> None:
    job, task = running(type_)
    for dispatch in range(1, 5):
        lost = replace(task, dispatch=dispatch, lost=dispatch - 1)
        outcome = decided(decide(job, lost, LeaseExpired("job", task.id, dispatch), LATER))
        [again] = outcome.tasks
        assert (again.state, again.dispatch, again.node_id) == (
            TaskState.PENDING,
            dispatch + 1,
            None,
        )
        assert of(outcome, AskPlacement)
    [last] = decided(
        decide(job, replace(task, lost=4), LeaseExpired("job", task.id, 1), LATER)
    ).tasks
    assert last.state is (TaskState.PENDING if type_.is_kept_running else TaskState.FAILED)


def test_whatever_ends_a_service_is_a_failure_and_healthy_attempts_count_for_nothing() -> None:
    policy = replace(FOR_EVER, limit=2, reset_after=timedelta(minutes=1))
    for now, retries_from in ((NOW, 0), (LATER, 2)):
        job, task = running(PlacementType.SERVICE, retry=policy)
        task = replace(task, attempt=2)
        outcome = decided(decide(job, task, TaskSucceeded("job", task.id, 1, NODE), now))
        assert outcome.tasks[0].error == "ended, and is kept running"
        assert [new.retries_from for new in outcome.new_tasks] == [retries_from][:retries_from]


@pytest.mark.parametrize(
    ("reason", "state", "successors"),
    [("drain", "PENDING", 0), ("update", "CANCELLED", 1), ("scale", "CANCELLED", 0)],
)
def test_what_is_recalled_goes_on_only_once_its_worker_has_let_go_of_it(
    reason: Any, state: str, successors: int
) -> None:
    job, task = running(PlacementType.SERVICE)
    outcome = decided(decide(job, task, ExecutionRecalled("job", task.id, 1, reason), NOW))
    [recalled] = outcome.tasks
    assert (recalled.state, recalled.recall) == (TaskState.RUNNING, reason)
    assert [order.node_id for order in of(outcome, StopTask)] == [NODE]
    for event in (TaskFailed("job", task.id, 1, NODE, "x"), TaskSucceeded("job", task.id, 1, NODE)):
        outcome = decided(decide(job, recalled, event, NOW))
        assert outcome.tasks[0].state == state
        assert len(outcome.new_tasks) == successors
    scheduled_job, scheduled = placed(PlacementType.SERVICE)
    recall = ExecutionRecalled("job", scheduled.id, 1, reason)
    assert decided(decide(scheduled_job, scheduled, recall, NOW)).tasks[0].state == state


def test_what_runs_on_every_node_waits_for_nodes_that_match_or_fails_without_any() -> None:
    outcome = opened(PlacementType.OPS, 0)
    [parent] = outcome.new_tasks
    assert parent.state is TaskState.RUNNING
    failed = decided(decide(outcome.job, parent, PlacementFailed("job", parent.id, "none"), NOW))
    assert (failed.job.state, failed.job.error) == (JobState.FAILED, "none")
    event = NodesMatched("job", parent.id, ("a", "b"), 0)
    matched = decided(decide(outcome.job, parent, event, NOW))
    assert [child.pinned_to for child in matched.new_tasks] == ["a", "b"]
    [grown] = matched.tasks
    assert isinstance(decide(matched.job, grown, event, NOW), Ignored)
    too_late = decide(matched.job, grown, PlacementFailed("job", parent.id, "none"), NOW)
    assert isinstance(too_late, Ignored)


def test_a_daemon_counts_as_done_at_once_and_alone_it_runs_until_it_is_cancelled() -> None:
    alone = opened(PlacementType.DAEMON, 0, a_job(task_count=1))
    assert (alone.job.kept_running, alone.job.state) == (1, JobState.SCHEDULED)
    with_another = opened(PlacementType.DAEMON, 0)
    assert len(with_another.commands) > len(alone.commands)
    children = Offspring(scopes=[None])
    parent = Planned(task=plan(TaskKind.PARALLEL), offspring=children)
    job, child = child_of(
        decided(decide(a_job(), None, TaskPlanned(TaskPosition("job", 1), parent), NOW))
    )
    placement = PlacementRules(type=PlacementType.DAEMON)
    daemon = Planned(
        task=plan(TaskKind.PLACED, placement=placement), offspring=Offspring(scopes=[])
    )
    within = decided(decide(job, child, TaskPlanned(TaskKey("job", child.id), daemon), NOW))
    assert within.job.kept_running == 0  # its parent is what the job counts


@pytest.mark.parametrize(("tasks", "state"), [(1, JobState.COMPLETED), (2, JobState.RUNNING)])
def test_a_service_that_may_fail_ends_a_job_that_has_nothing_else_and_no_other(
    tasks: int, state: JobState
) -> None:
    task = plan(
        TaskKind.PLACED, placement=PlacementRules(type=PlacementType.SERVICE), allow_failure=True
    )
    planned = Planned(task=task, offspring=Offspring(scopes=[None]))
    begun = decided(
        decide(a_job(task_count=tasks), None, TaskPlanned(TaskPosition("job", 1), planned), NOW)
    )
    [parent] = [task for task in begun.new_tasks if task.parent_id is None]
    job = replace(begun.job, state=JobState.RUNNING)
    up = decided(decide(job, parent, ChildStarted("job", parent.id), NOW))
    assert (len(of(up, PlanTask)), up.job.kept_running) == (tasks - 1, 1)
    event = ChildEnded("job", up.tasks[0].id, 100, "exit code 1")
    ended = decided(decide(up.job, up.tasks[0], event, NOW))
    assert (ended.tasks[0].state, ended.job.state) == (TaskState.FAILED, state)
    assert not of(ended, PlanTask)
