"""The core: what becomes of tasks that are made of others, and of the jobs around them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.lifecycle import (
    BeginChildren,
    CancelSubJob,
    CancelTasks,
    ChildEnded,
    ChildPlanFailed,
    ChildPlanned,
    Children,
    ChildSkipped,
    Decision,
    EvaluateOutput,
    Event,
    Ignored,
    Job,
    JobCancelled,
    JobRestarted,
    JobState,
    JobTimedOut,
    LeaseExpired,
    Offspring,
    Parent,
    Planned,
    PlannedTask,
    PlanReady,
    PlanTask,
    QueueTimedOut,
    RefuseClaim,
    ReportToParent,
    ResumeSubJob,
    RetryPolicy,
    RunTask,
    SetVariable,
    SubJob,
    SubJobAbandoned,
    SubJobEnded,
    SubJobResumed,
    SubmitSubJob,
    Task,
    TaskCancelled,
    TaskClaimed,
    TaskFailed,
    TaskKind,
    TaskPlanned,
    TaskProgressed,
    TaskReopened,
    TaskState,
    TaskSucceeded,
    TaskTimedOut,
    Tell,
    decide,
)
from shared.lifecycle.events import ChildProgressed, ChildStarted

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
LEASE = timedelta(seconds=30)
NODE = "node-1"


def a_job(**changes: object) -> Job:
    job = Job(id="job", state=JobState.PENDING, task_count=2, created_at=NOW)
    return replace(job, **changes)  # type: ignore[arg-type]  # fields of Job


def plan(kind: TaskKind = TaskKind.TASK, **changes: object) -> PlannedTask:
    queue = "default" if kind is TaskKind.TASK else ""
    task = PlannedTask(name="t", queue=queue, kind=kind)
    return replace(task, **changes)  # type: ignore[arg-type]  # fields of PlannedTask


def decided(outcome: Decision | Ignored) -> Decision:
    assert isinstance(outcome, Decision), outcome
    return outcome


def of(outcome: Decision | Ignored, kind: type) -> list[Any]:
    return [command for command in outcome.commands if isinstance(command, kind)]


def family(
    total: int, *, concurrency: int = 0, required: int | None = None, **planned: object
) -> Planned:
    offspring = Offspring(scopes=[None] * total, concurrency=concurrency, required=required)
    return Planned(task=plan(TaskKind.EACH, **planned), offspring=offspring)


def opened(total: int, job: Job | None = None, **how: Any) -> tuple[Job, Task, Decision]:
    outcome = decided(
        decide(job or a_job(), None, TaskPlanned("job", 1, family(total, **how)), NOW)
    )
    parents = [task for task in outcome.new_tasks if task.parent_id is None]
    return outcome.job, parents[0], outcome


def ended(task: Task, count: int = 1, error: str | None = None) -> list[Event]:
    return [ChildEnded("job", task.id, 100.0, error)] * count


def after(job: Job, task: Task, events: Sequence[Event]) -> tuple[Job, Task, list[Decision]]:
    outcomes = []
    for event in events:
        outcome = decided(decide(job, task, event, LATER))
        job, [task] = outcome.job, [t for t in outcome.tasks if t.id == task.id]
        outcomes.append(outcome)
    return job, task, outcomes


def asked(outcomes: Sequence[Decision]) -> int:
    return sum(question.count for o in outcomes for question in of(o, BeginChildren))


# Beginning


def test_a_planned_family_runs_at_once_and_its_children_wait_for_their_turn() -> None:
    job, parent, outcome = opened(3, concurrency=2)
    assert (job.state, parent.state) == (JobState.SCHEDULED, TaskState.RUNNING)
    children = [task for task in outcome.new_tasks if task.parent_id == parent.id]
    assert [(c.state, c.place) for c in children] == [(TaskState.CREATED, p) for p in range(3)]
    assert of(outcome, BeginChildren) == [BeginChildren("job", parent.id, 2)]
    assert not of(outcome, RunTask)


def test_a_family_over_an_empty_list_completes_at_once_and_the_job_goes_on() -> None:
    _, parent, outcome = opened(0)
    assert (parent.state, parent.progress) == (TaskState.COMPLETED, 100)
    assert of(outcome, PlanTask) == [PlanTask("job", 2)]


def test_an_empty_family_at_the_end_completes_the_job() -> None:
    job, _, _ = opened(0, a_job(task_count=1))
    assert job.state is JobState.COMPLETED


def test_an_empty_family_within_another_counts_as_ended() -> None:
    _, _, outcome = opened(1)
    [_, child] = outcome.new_tasks
    inner = decided(decide(outcome.job, child, ChildPlanned("job", child.id, family(0)), NOW))
    assert inner.tasks[0].state is TaskState.COMPLETED
    assert of(inner, Tell) == [Tell(ChildEnded("job", child.parent_id or "", 100.0, None, False))]


@pytest.mark.parametrize(
    ("total", "concurrency", "begins"),
    [(1, 0, 1), (150, 0, 150), (10_000, 0, 200), (10_000, 500, 200), (5, 9, 5), (5, 1, 1)],
)
def test_so_many_children_begin_at_first(total: int, concurrency: int, begins: int) -> None:
    _, parent, outcome = opened(total, concurrency=concurrency)
    assert asked([outcome]) == begins
    assert parent.children is not None
    assert parent.children.begun == begins


def test_a_child_that_ends_makes_room_for_one_more_and_no_more() -> None:
    job, parent, _ = opened(5, concurrency=2)
    _, parent, outcomes = after(job, parent, ended(parent, 3))
    assert asked(outcomes) == 3
    assert parent.children is not None
    assert (parent.children.active, parent.children.begun) == (2, 5)


@pytest.mark.parametrize("total", [250, 1000])
def test_without_a_limit_all_children_begin_as_others_are_taken(total: int) -> None:
    job, parent, first = opened(total)
    begun, taken = asked([first]), 0
    while begun < total:
        assert taken < begun, "it waits for children that never began"
        outcome = decide(job, parent, ChildStarted("job", parent.id), LATER)
        taken += 1
        if isinstance(outcome, Decision):
            parent = outcome.tasks[0]
            begun += asked([outcome])
    assert begun == total


# Ending


def test_a_family_completes_when_the_last_of_its_children_has_ended() -> None:
    job, parent, _ = opened(3, var="all")
    job, parent, outcomes = after(job, parent, ended(parent, 3))
    assert (parent.state, parent.progress) == (TaskState.COMPLETED, 100)
    assert of(outcomes[-1], PlanTask) == [PlanTask("job", 2)]
    assert not of(outcomes[-1], SetVariable)
    assert job.progress == 50


def test_a_failed_child_fails_its_family_and_the_job_and_cancels_the_others() -> None:
    job, parent, _ = opened(3)
    job, parent, [outcome] = after(job, parent, ended(parent, 1, "exit code 3"))
    assert (parent.state, parent.error) == (TaskState.FAILED, "exit code 3")
    assert (job.state, job.error) == (JobState.FAILED, "exit code 3")
    assert of(outcome, CancelTasks) == [CancelTasks("job", parent.id), CancelTasks("job")]


@pytest.mark.parametrize(
    ("required", "failures", "state"),
    [
        (3, 2, TaskState.COMPLETED),
        (3, 3, TaskState.FAILED),
        (1, 4, TaskState.COMPLETED),
        (5, 1, TaskState.FAILED),
        (99, 0, TaskState.COMPLETED),  # more than there are: all
    ],
)
def test_a_family_needs_so_many_of_five_to_succeed(
    required: int, failures: int, state: TaskState
) -> None:
    job, parent, _ = opened(5, required=required)
    job, parent, _ = after(job, parent, ended(parent, failures, "boom"))
    if state is TaskState.COMPLETED:
        assert parent.state is TaskState.RUNNING
        job, parent, _ = after(job, parent, ended(parent, 5 - failures))
    assert parent.state is state


def test_it_fails_as_soon_as_enough_can_no_longer_succeed() -> None:
    job, parent, _ = opened(5, required=4)
    job, parent, _ = after(job, parent, ended(parent, 1, "first"))
    assert parent.state is TaskState.RUNNING
    job, parent, _ = after(job, parent, ended(parent, 1, "second"))
    assert (parent.state, parent.error) == (TaskState.FAILED, "second")


def test_a_family_that_may_fail_lets_the_job_go_on_and_still_cancels_its_children() -> None:
    job, parent, _ = opened(3, allow_failure=True)
    job, parent, [outcome] = after(job, parent, ended(parent, 1, "boom"))
    assert (parent.state, job.state) == (TaskState.FAILED, JobState.SCHEDULED)
    assert of(outcome, CancelTasks) == [CancelTasks("job", parent.id)]
    assert of(outcome, PlanTask) == [PlanTask("job", 2)]


def test_a_child_that_ends_after_its_family_is_passed_over() -> None:
    job, parent, _ = opened(2, allow_failure=True)
    job, parent, _ = after(job, parent, ended(parent, 1, "boom"))
    for event in (
        *ended(parent),
        ChildStarted("job", parent.id),
        ChildProgressed("job", parent.id, 1),
    ):
        assert isinstance(decide(job, parent, event, LATER), Ignored)


# Children


def child_of(outcome: Decision) -> tuple[Job, Task]:
    return outcome.job, next(t for t in outcome.new_tasks if t.parent_id is not None)


def child_running(**planned: object) -> tuple[Job, Task]:
    job, child = child_of(opened(2)[2])
    event = ChildPlanned("job", child.id, Planned(task=plan(**planned)))  # type: ignore[arg-type]  # fields of PlannedTask
    outcome = decided(decide(job, child, event, NOW))
    outcome = decided(decide(outcome.job, outcome.tasks[0], claim(child), NOW))
    return outcome.job, outcome.tasks[0]


def claim(task: Task, dispatch: int = 1) -> TaskClaimed:
    return TaskClaimed("job", task.id, dispatch, NODE, LEASE)


def told(outcome: Decision | Ignored) -> list[Event]:
    return [command.event for command in of(outcome, Tell)]


def test_a_planned_child_is_sent_and_once_taken_its_family_and_job_know() -> None:
    job, child = child_of(opened(2)[2])
    sent = decided(decide(job, child, ChildPlanned("job", child.id, Planned(task=plan())), NOW))
    assert [command.task.id for command in of(sent, RunTask)] == [child.id]
    taken = decided(decide(sent.job, sent.tasks[0], claim(child), NOW))
    assert taken.job.state is JobState.RUNNING
    assert told(taken) == [ChildStarted("job", child.parent_id or "")]


@pytest.mark.parametrize("kind", [ChildPlanned, ChildPlanFailed, ChildSkipped])
def test_a_child_begins_once(kind: type) -> None:
    job, child = child_running()
    more = {ChildPlanned: (Planned(task=plan()),), ChildPlanFailed: (plan(), "x")}
    event = kind("job", child.id, *more.get(kind, (plan(),)))
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
    job, child = child_running(retry=RetryPolicy(limit=1))
    child = replace(child, progress=30.0)
    outcome = decided(decide(job, child, TaskFailed("job", child.id, 1, NODE, "boom"), LATER))
    assert told(outcome) == [ChildProgressed("job", child.parent_id or "", -30)]
    [retry] = outcome.new_tasks
    assert (retry.parent_id, retry.place, retry.attempt) == (child.parent_id, child.place, 1)
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


# Time in the queue


def queued_child() -> tuple[Job, Task]:
    job, child = child_of(opened(2)[2])
    limit = plan(queue_timeout=timedelta(minutes=1), retry=RetryPolicy(limit=2))
    outcome = decided(decide(job, child, ChildPlanned("job", child.id, Planned(task=limit)), NOW))
    return outcome.job, outcome.tasks[0]


def test_a_task_that_waits_too_long_for_a_worker_fails_and_is_not_tried_again() -> None:
    job, child = queued_child()
    outcome = decided(decide(job, child, QueueTimedOut("job", child.id, 1), LATER))
    assert outcome.tasks[0].error == "no worker took it from queue 'default' within 60s"
    assert not outcome.new_tasks
    [end] = told(outcome)
    assert isinstance(end, ChildEnded)
    assert not end.was_taken


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


# Cancelling


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


FINAL = [JobState.FAILED, JobState.CANCELLED, JobState.COMPLETED]


@pytest.mark.parametrize("state", FINAL)
def test_nothing_but_a_cancel_moves_a_task_of_a_final_job(state: JobState) -> None:
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
        TaskTimedOut("job", child.id, 1),
        LeaseExpired("job", child.id, 1),
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


# Restarting


def failed_family(total: int, done: int, **how: Any) -> tuple[Job, Task]:
    job, parent, _ = opened(total, **how)
    job, parent, _ = after(job, parent, [*ended(parent, done), *ended(parent, 1, "boom")])
    assert job.state is JobState.FAILED
    outcome = decided(decide(job, None, JobRestarted("job"), LATER))
    assert of(outcome, PlanTask) == [PlanTask("job", 1, is_restart=True)]
    return outcome.job, parent


def test_a_restarted_family_runs_those_that_are_left_and_keeps_the_others() -> None:
    job, parent = failed_family(4, 1)
    outcome = decided(decide(job, parent, TaskReopened("job", parent.id, 3), LATER))
    [again] = outcome.tasks
    assert (again.state, again.error, again.failed_at) == (TaskState.RUNNING, None, None)
    assert again.children == Children(total=4, required=4, begun=4, ended=1, waiting=3)
    assert of(outcome, BeginChildren) == [BeginChildren("job", parent.id, 3)]
    assert (outcome.job.state, outcome.job.position) == (JobState.SCHEDULED, 1)
    assert (again.progress, outcome.job.progress) == (25, 12.5)


def test_failures_from_before_a_restart_no_longer_count() -> None:
    job, parent = failed_family(3, 0, required=3)
    outcome = decided(decide(job, parent, TaskReopened("job", parent.id, 3), LATER))
    job, again, _ = after(outcome.job, outcome.tasks[0], ended(parent, 3))
    assert again.state is TaskState.COMPLETED


def test_a_restart_keeps_to_the_concurrency() -> None:
    job, parent = failed_family(6, 2, concurrency=2)
    outcome = decided(decide(job, parent, TaskReopened("job", parent.id, 4), LATER))
    assert of(outcome, BeginChildren) == [BeginChildren("job", parent.id, 2)]


def test_a_family_is_reopened_once() -> None:
    job, parent = failed_family(2, 0)
    event = TaskReopened("job", parent.id, 2)
    outcome = decided(decide(job, parent, event, LATER))
    assert isinstance(decide(outcome.job, outcome.tasks[0], event, LATER), Ignored)


@pytest.mark.parametrize("state", [TaskState.COMPLETED, TaskState.SKIPPED, TaskState.RUNNING])
def test_what_succeeded_is_not_reopened(state: TaskState) -> None:
    job, parent, _ = opened(2)
    event = TaskReopened("job", parent.id, 2)
    assert isinstance(decide(job, replace(parent, state=state), event, LATER), Ignored)


def test_a_graph_goes_on_with_all_that_is_ready() -> None:
    graph = a_job(state=JobState.FAILED, is_graph=True, position=1, task_count=3, failed_at=NOW)
    outcome = decided(decide(graph, None, JobRestarted("job"), LATER))
    assert of(outcome, PlanReady) == [PlanReady("job", is_restart=True)]
    assert (outcome.job.position, outcome.job.progress) == (1, 33.33)


def test_a_graph_of_which_only_the_output_failed_evaluates_it_again() -> None:
    graph = a_job(state=JobState.FAILED, is_graph=True, position=2, has_output=True)
    outcome = decided(decide(graph, None, JobRestarted("job"), LATER))
    assert of(outcome, EvaluateOutput)
    assert not of(outcome, PlanReady)


# Progress


def test_progress_of_a_child_moves_its_family_and_the_job_by_its_share() -> None:
    job, parent, _ = opened(4)
    job, parent, _ = after(job, parent, [ChildProgressed("job", parent.id, 40)])
    assert (parent.progress, job.progress) == (10, 5)
    job, parent, _ = after(job, parent, [ChildProgressed("job", parent.id, -40)])
    assert (parent.progress, job.progress) == (0, 0)


def test_progress_never_leaves_its_range() -> None:
    job, parent, _ = opened(3, required=1)
    job, parent, _ = after(job, parent, [ChildProgressed("job", parent.id, -50)])
    assert parent.progress == 0
    job, parent, _ = after(job, parent, ended(parent, 3))
    assert (parent.progress, job.progress) == (100, 50)


def test_a_family_within_a_family_passes_on_what_it_adds() -> None:
    job, child = child_of(opened(2)[2])
    inner = decided(decide(job, child, ChildPlanned("job", child.id, family(4)), NOW))
    outcome = decided(decide(inner.job, inner.tasks[0], ended(child)[0], NOW))
    assert outcome.tasks[0].progress == 25
    assert told(outcome) == [ChildProgressed("job", child.parent_id or "", 25)]


# Sub-jobs


def subjob(*, is_detached: bool = False) -> Planned:
    parent = Parent(job_id="job", task_id="?", dispatch=1)
    inner = Job(id="sub", state=JobState.PENDING, task_count=1, created_at=NOW, parent=parent)
    made = SubJob(job=inner, submission="as it is", is_detached=is_detached)
    return Planned(task=plan(TaskKind.SUBJOB, var="s"), subjob=made)


def with_subjob(**how: Any) -> tuple[Job, Task, Decision]:
    outcome = decided(decide(a_job(timeout=LEASE), None, TaskPlanned("job", 1, subjob(**how)), NOW))
    return outcome.job, outcome.new_tasks[0], outcome


def test_a_sub_job_is_submitted_and_its_task_and_job_run_meanwhile() -> None:
    job, task, outcome = with_subjob()
    assert (task.state, task.subjob_id, job.state) == (TaskState.RUNNING, "sub", JobState.RUNNING)
    assert job.deadline_at == NOW + LEASE
    assert [command.subjob.submission for command in of(outcome, SubmitSubJob)] == ["as it is"]


def test_a_detached_sub_job_is_done_when_it_is_submitted() -> None:
    _, task, outcome = with_subjob(is_detached=True)
    assert task.state is TaskState.COMPLETED
    assert of(outcome, SubmitSubJob)
    assert of(outcome, PlanTask) == [PlanTask("job", 2)]


def test_the_end_of_a_sub_job_is_the_end_of_its_task() -> None:
    job, task, _ = with_subjob()
    outcome = decided(decide(job, task, SubJobEnded("job", task.id, 1, "42"), LATER))
    assert (outcome.tasks[0].state, outcome.tasks[0].result) == (TaskState.COMPLETED, "42")
    assert of(outcome, SetVariable) == [SetVariable("job", "s", "42")]
    failed = decided(decide(job, task, SubJobEnded("job", task.id, 1, error="boom"), LATER))
    assert (failed.tasks[0].error, failed.job.error) == ("boom", "boom")


@pytest.mark.parametrize("dispatch", [0, 2])
def test_the_end_of_a_sub_job_counts_only_for_the_dispatch_that_waits(dispatch: int) -> None:
    job, task, _ = with_subjob()
    event = SubJobEnded("job", task.id, dispatch, "42")
    assert isinstance(decide(job, task, event, LATER), Ignored)


def test_a_cancelled_task_abandons_its_sub_job_as_the_dispatch_that_waited() -> None:
    job, task, _ = with_subjob()
    outcome = decide(job, task, TaskCancelled("job", task.id), LATER)
    assert of(outcome, CancelSubJob) == [CancelSubJob("sub", 1)]


def test_a_restart_resumes_the_sub_job_under_a_new_dispatch() -> None:
    job, task, _ = with_subjob()
    failed = decided(decide(job, task, SubJobEnded("job", task.id, 1, error="x"), LATER))
    restarted = decided(decide(failed.job, None, JobRestarted("job"), LATER)).job
    outcome = decided(decide(restarted, failed.tasks[0], TaskReopened("job", task.id), LATER))
    assert of(outcome, ResumeSubJob) == [ResumeSubJob("sub", 2)]
    assert (outcome.job.state, outcome.job.deadline_at) == (JobState.RUNNING, LATER + LEASE)


def sub(state: JobState, dispatch: int = 1, **changes: object) -> Job:
    parent = Parent(job_id="above", task_id="t", dispatch=dispatch)
    return a_job(state=state, parent=parent, **changes)


def test_a_sub_job_that_ends_reports_to_whoever_waits() -> None:
    outcome = decided(decide(sub(JobState.RUNNING), None, JobCancelled("job"), LATER))
    [report] = of(outcome, ReportToParent)
    assert report.job.state is JobState.CANCELLED


@pytest.mark.parametrize(
    ("state", "becomes", "reports"),
    [
        (JobState.FAILED, JobState.PENDING, False),
        (JobState.CANCELLED, JobState.PENDING, False),
        (JobState.COMPLETED, JobState.COMPLETED, True),
        (JobState.RUNNING, JobState.RUNNING, False),
    ],
)
def test_a_resumed_sub_job_goes_on_or_says_again_how_it_ended(
    state: JobState, becomes: JobState, reports: bool
) -> None:
    event = SubJobResumed("job", 2)
    outcome = decided(decide(sub(state, position=1), None, event, LATER))
    assert (outcome.job.state, bool(of(outcome, ReportToParent))) == (becomes, reports)
    assert outcome.job.parent is not None
    assert outcome.job.parent.dispatch == 2
    assert isinstance(decide(outcome.job, None, event, LATER), Ignored)


@pytest.mark.parametrize(
    ("waits_as", "abandoned_as", "is_cancelled"),
    [(1, 1, True), (1, 2, True), (2, 1, False), (0, 1, False)],
)
def test_a_sub_job_is_cancelled_by_the_dispatch_that_waits_for_it_and_no_earlier_one(
    waits_as: int, abandoned_as: int, is_cancelled: bool
) -> None:
    event = SubJobAbandoned("job", abandoned_as)
    outcome = decide(sub(JobState.RUNNING, waits_as), None, event, LATER)
    assert isinstance(outcome, Decision) is is_cancelled
    if isinstance(outcome, Decision):
        assert outcome.job.state is JobState.CANCELLED


def test_a_resumption_that_comes_after_its_own_end_has_no_effect() -> None:
    abandoned = decided(decide(sub(JobState.CANCELLED), None, SubJobAbandoned("job", 2), LATER)).job
    assert isinstance(decide(abandoned, None, SubJobResumed("job", 2), LATER), Ignored)


def test_a_sub_job_restarted_by_itself_has_nobody_waiting_for_it() -> None:
    outcome = decided(decide(sub(JobState.FAILED, position=1), None, JobRestarted("job"), LATER))
    assert outcome.job.parent is not None
    assert outcome.job.parent.dispatch == 0


# A job's own time


def test_a_job_times_out_counted_from_its_first_task() -> None:
    job = a_job(state=JobState.RUNNING, timeout=LEASE, deadline_at=NOW + LEASE)
    assert isinstance(decide(job, None, JobTimedOut("job"), NOW), Ignored)
    outcome = decided(decide(job, None, JobTimedOut("job"), LATER))
    assert (outcome.job.state, outcome.job.error) == (JobState.FAILED, "timed out after 30s")
    assert outcome.job.deadline_at is None
    assert of(outcome, CancelTasks) == [CancelTasks("job")]


@pytest.mark.parametrize("state", FINAL)
def test_a_final_job_does_not_time_out(state: JobState) -> None:
    job = a_job(state=state, timeout=LEASE, deadline_at=NOW)
    assert isinstance(decide(job, None, JobTimedOut("job"), LATER), Ignored)


def test_announcements_of_families_are_numbered_without_gaps() -> None:
    job, parent, outcome = opened(2)
    outcomes = [outcome, *after(job, parent, [*ended(parent), *ended(parent, 1, "boom")])[2]]
    versions = [
        command.job.version
        for each in outcomes
        for command in each.commands
        if "Announce" in type(command).__name__
    ]
    assert versions == list(range(1, 1 + len(versions)))
