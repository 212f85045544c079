"""The core: how a job and its tasks come to a good end, are cancelled and restarted."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.lifecycle import (
    ALREADY_CANCELLED,
    AnnounceJob,
    AnnounceTask,
    CancelTasks,
    Decision,
    DispatchMissing,
    EvaluateOutput,
    Event,
    GrantClaim,
    Ignored,
    JobCancelled,
    JobRestarted,
    JobState,
    JobSubmitted,
    LeaseExpired,
    OutputEvaluated,
    Planned,
    PlanTask,
    RefuseClaim,
    RetryDue,
    RunTask,
    SetVariable,
    StopTask,
    TaskCancelled,
    TaskFailed,
    TaskPlanFailed,
    TaskPlanned,
    TaskPosition,
    TaskProgressed,
    TaskReturned,
    TaskSkipped,
    TaskState,
    TaskSucceeded,
    TaskTimedOut,
    decide,
)
from shared.lifecycle.states import TASK_MOVES
from shared.lifecycle.task_rules import LAST_WORDS
from tests.support.jobs.decided import (
    LATER,
    LEASE,
    NODE,
    NOW,
    a_job,
    claim,
    decided,
    of,
    plan,
    running,
    scheduled,
)

PHASES = [("run", 2, 1250)]


def test_a_submitted_job_asks_for_its_first_task() -> None:
    job = a_job()
    outcome = decided(decide(job, None, JobSubmitted(job), NOW))
    assert of(outcome, PlanTask) == [PlanTask("job", 1)]
    assert outcome.job.state is JobState.PENDING


def test_the_first_planned_task_is_sent_and_schedules_the_job() -> None:
    outcome = decided(
        decide(a_job(), None, TaskPlanned(TaskPosition("job", 1), Planned(task=plan())), NOW)
    )
    assert (outcome.job.state, outcome.job.position) == (JobState.SCHEDULED, 1)
    [task] = outcome.new_tasks
    assert task.state is TaskState.SCHEDULED
    assert of(outcome, RunTask) == [RunTask(task)]


def test_a_task_planned_twice_is_made_once() -> None:
    job, _ = scheduled()
    assert isinstance(
        decide(job, None, TaskPlanned(TaskPosition("job", 1), Planned(task=plan())), NOW), Ignored
    )


def test_a_claim_starts_the_task_with_a_lease_and_is_granted() -> None:
    job, task = scheduled(timeout=timedelta(minutes=1))
    outcome = decided(decide(job, task, claim(task), NOW))
    [started] = outcome.tasks
    assert started.state is TaskState.RUNNING
    assert started.lease_expires_at == NOW + LEASE
    assert started.deadline_at == NOW + timedelta(minutes=1)
    assert outcome.job.state is JobState.RUNNING
    assert of(outcome, GrantClaim) == [GrantClaim("job", task.id, 1, NODE)]


def test_a_repeated_claim_of_the_same_node_is_granted_again_and_changes_nothing() -> None:
    job, task = running()
    outcome = decide(job, task, claim(task), LATER)
    assert isinstance(outcome, Ignored)
    assert of(outcome, GrantClaim)


def test_a_second_node_is_refused_while_the_first_runs_the_task() -> None:
    job, task = running()
    outcome = decide(job, task, claim(task, "node-2"), LATER)
    assert isinstance(outcome, Ignored)
    [refusal] = of(outcome, RefuseClaim)
    assert isinstance(refusal, RefuseClaim)
    assert refusal.node_id == "node-2"


def test_a_claim_for_an_old_dispatch_is_refused() -> None:
    job, task = scheduled()
    old = replace(claim(task), dispatch=0)
    assert of(decide(job, task, old, NOW), RefuseClaim)


def test_a_claim_for_a_task_nobody_knows_is_refused() -> None:
    _, task = scheduled()
    assert of(decide(a_job(), None, claim(task), NOW), RefuseClaim)


def test_a_finished_task_leaves_its_result_and_calls_the_next() -> None:
    job, task = running(var="first")
    told: dict[str, Any] = {"timings": PHASES, "image_digest": "sha256:1"}
    event = TaskSucceeded("job", task.id, 1, NODE, "42", log_parts=3, **told)
    outcome = decided(decide(job, task, event, LATER))
    [done] = outcome.tasks
    assert (done.state, done.result, done.log_parts) == (TaskState.COMPLETED, "42", 3)
    assert (done.timings, done.image_digest) == (PHASES, "sha256:1")
    assert of(outcome, SetVariable) == [SetVariable("job", "first", "42")]
    assert of(outcome, PlanTask) == [PlanTask("job", 2)]
    assert outcome.job.progress == 50


def test_the_last_finished_task_completes_the_job_and_sets_its_end_of_life() -> None:
    job, task = running(a_job(task_count=1, auto_delete_after=timedelta(hours=6)))
    outcome = decided(decide(job, task, TaskSucceeded("job", task.id, 1, NODE), LATER))
    assert outcome.job.state is JobState.COMPLETED
    assert outcome.job.progress == 100
    assert outcome.job.delete_at == LATER + timedelta(hours=6)


def test_a_job_with_an_output_completes_when_that_is_evaluated() -> None:
    job, task = running(a_job(task_count=1, has_output=True))
    outcome = decided(decide(job, task, TaskSucceeded("job", task.id, 1, NODE), LATER))
    assert of(outcome, EvaluateOutput)
    assert not outcome.job.state.is_final
    ended = decided(decide(outcome.job, None, OutputEvaluated("job", "all good"), LATER))
    assert (ended.job.state, ended.job.result) == (JobState.COMPLETED, "all good")


def test_a_repeated_report_changes_nothing() -> None:
    job, task = running()
    event = TaskSucceeded("job", task.id, 1, NODE)
    outcome = decided(decide(job, task, event, LATER))
    assert isinstance(decide(outcome.job, outcome.tasks[0], event, LATER), Ignored)


@pytest.mark.parametrize("event_type", [TaskSucceeded, TaskReturned])
def test_a_report_from_another_node_or_dispatch_does_not_count(event_type: type) -> None:
    job, task = running()
    assert isinstance(decide(job, task, event_type("job", task.id, 1, "node-2"), LATER), Ignored)
    assert isinstance(decide(job, task, event_type("job", task.id, 2, NODE), LATER), Ignored)


def test_cancelling_a_job_cancels_and_stops_what_runs() -> None:
    job, task = running()
    cancelled = decided(
        decide(job, None, JobCancelled("job", "ann~1", "curl/8.5.0", "wrong"), LATER)
    )
    assert cancelled.job.state is JobState.CANCELLED
    assert (cancelled.job.cancelled_at, cancelled.job.cancelled_by) == (LATER, "ann~1")
    assert cancelled.job.cancelled_by_client == "curl/8.5.0"
    assert cancelled.job.cancel_reason == "wrong"
    assert decide(cancelled.job, None, JobCancelled("job", "bob"), LATER) == ALREADY_CANCELLED
    again = decided(decide(cancelled.job, None, JobRestarted("job"), LATER)).job
    assert (again.cancelled_at, again.cancelled_by) == (None, None)
    assert (again.cancelled_by_client, again.cancel_reason) == (None, None)
    assert of(cancelled, CancelTasks)
    outcome = decided(decide(cancelled.job, task, TaskCancelled("job", task.id), LATER))
    assert outcome.tasks[0].state is TaskState.CANCELLED
    assert of(outcome, StopTask)


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED])
def test_a_final_job_is_not_cancelled(state: JobState) -> None:
    outcome = decide(a_job(state=state), None, JobCancelled("job"), LATER)
    allowed = "PENDING, SCHEDULED or RUNNING"
    assert outcome == Ignored(f"job is {state}: only a job that is {allowed} can be cancelled")


def test_a_failed_job_restarts_at_the_failed_position_with_a_fresh_task() -> None:
    job, task = running()
    failed = decided(decide(job, task, TaskFailed("job", task.id, 1, NODE, "boom"), LATER)).job
    outcome = decided(decide(failed, None, JobRestarted("job"), LATER))
    assert (outcome.job.state, outcome.job.error) == (JobState.PENDING, None)
    assert of(outcome, PlanTask) == [PlanTask("job", 1, is_restart=True)]
    again = decided(
        decide(outcome.job, None, TaskPlanned(TaskPosition("job", 1), Planned(task=plan())), LATER)
    )
    assert again.new_tasks[0].id != task.id


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.RUNNING, JobState.PENDING])
def test_only_failed_and_cancelled_jobs_restart(state: JobState) -> None:
    outcome = decide(a_job(state=state), None, JobRestarted("job"), LATER)
    rule = "only a job that is FAILED or CANCELLED can be restarted"
    assert outcome == Ignored(f"job is {state}: {rule}")


def test_a_task_whose_expression_fails_fails_the_job_with_the_text() -> None:
    event = TaskPlanFailed(TaskPosition("job", 1), plan(), "env.X: unknown name y")
    outcome = decided(decide(a_job(), None, event, NOW))
    assert outcome.job.error == "env.X: unknown name y"
    assert outcome.new_tasks[0].state is TaskState.FAILED


def test_a_skipped_task_goes_straight_on_to_the_next() -> None:
    outcome = decided(decide(a_job(), None, TaskSkipped(TaskPosition("job", 1), plan()), NOW))
    assert outcome.new_tasks[0].state is TaskState.SKIPPED
    assert of(outcome, PlanTask) == [PlanTask("job", 2)]


def test_a_job_of_skipped_tasks_completes_without_ever_running() -> None:
    outcome = decided(
        decide(a_job(task_count=1), None, TaskSkipped(TaskPosition("job", 1), plan()), NOW)
    )
    assert outcome.job.state is JobState.COMPLETED


def test_progress_of_the_task_moves_the_progress_of_the_job() -> None:
    job, task = running()
    outcome = decided(decide(job, task, TaskProgressed("job", task.id, 1, 50), LATER))
    assert (outcome.tasks[0].progress, outcome.job.progress) == (50, 25)


def test_a_missing_message_is_sent_again_under_the_same_dispatch() -> None:
    job, task = scheduled()
    outcome = decided(decide(job, task, DispatchMissing("job", task.id, 1), LATER))
    [command] = of(outcome, RunTask)
    assert isinstance(command, RunTask)
    assert command.task.dispatch == 1


def test_announcements_of_a_job_are_numbered_without_gaps() -> None:
    job, task = running(a_job(has_webhooks=True))
    outcome = decided(decide(job, task, TaskFailed("job", task.id, 1, NODE, "boom"), LATER))
    announced = [
        command.job.version
        for command in outcome.commands
        if isinstance(command, AnnounceJob | AnnounceTask)
    ]
    assert announced == list(range(job.version + 1, job.version + 1 + len(announced)))


@pytest.mark.parametrize(
    ("event", "log_parts"),
    [(TaskFailed, 3), (TaskSucceeded, 3), (TaskReturned, 0)],
)
@pytest.mark.parametrize("is_job_over", [True, False])
def test_the_worker_of_a_cancelled_task_says_how_long_its_log_and_its_phases_are_and_no_more(
    event: Any, log_parts: int, is_job_over: bool
) -> None:
    job, task = running()
    cancelled = decided(decide(job, task, TaskCancelled("job", task.id), LATER))
    [ended] = cancelled.tasks
    assert (ended.log_parts, ended.deadline_at) == (None, LATER + LAST_WORDS)
    job = replace(job, state=JobState.CANCELLED) if is_job_over else cancelled.job

    told: dict[str, Any] = {"log_parts": log_parts, "timings": PHASES}

    def told_by(node: str, dispatch: int = 1) -> Decision | Ignored:
        more: dict[str, Any] = {"error": "stopped"} if event is TaskFailed else {}
        more |= told if event is not TaskReturned else {}
        return decide(job, ended, event("job", ended.id, dispatch, node, **more), LATER)

    assert isinstance(told_by("node-2"), Ignored)
    assert isinstance(told_by(NODE, dispatch=2), Ignored)
    last = told_by(NODE)
    timings = PHASES if event is not TaskReturned else None
    expected = replace(ended, log_parts=log_parts, timings=timings)
    assert last == Decision(job, tasks=(expected,))
    [ended] = last.tasks
    assert isinstance(told_by(NODE), Ignored)


@pytest.mark.parametrize("state", [s for s in TaskState if s.is_final])
def test_a_final_task_is_never_left(state: TaskState) -> None:
    job, task = running()
    ended = replace(task, state=state, log_parts=0)
    events: list[Event] = [
        claim(task, "node-2"),
        TaskSucceeded("job", task.id, 1, NODE),
        TaskFailed("job", task.id, 1, NODE, "x"),
        TaskReturned("job", task.id, 1, NODE),
        TaskProgressed("job", task.id, 1, 10),
        TaskCancelled("job", task.id),
        LeaseExpired("job", task.id, 1),
        TaskTimedOut("job", task.id, 1),
        RetryDue("job", task.id),
        DispatchMissing("job", task.id, 1),
    ]
    assert TASK_MOVES[state] == frozenset()
    for event in events:
        assert isinstance(decide(job, ended, event, LATER), Ignored), event
