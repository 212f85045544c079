"""The core: what each event makes of a job and its tasks."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.lifecycle import (
    AnnounceJob,
    AnnounceTask,
    CancelTasks,
    Decision,
    DispatchMissing,
    EvaluateOutput,
    Event,
    GrantClaim,
    Ignored,
    Job,
    JobCancelled,
    JobRestarted,
    JobState,
    JobSubmitted,
    LeaseExpired,
    OutputEvaluated,
    Planned,
    PlannedTask,
    PlanTask,
    RefuseClaim,
    RetryDue,
    RetryPolicy,
    RunTask,
    SetVariable,
    StopTask,
    Task,
    TaskCancelled,
    TaskClaimed,
    TaskEvent,
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
from shared.lifecycle.task_rules import MAX_ENGINE_REJECTIONS, MAX_LOST_DISPATCHES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
LEASE = timedelta(seconds=30)
NODE = "node-1"


def pending_job(task_count: int = 2, **changes: object) -> Job:
    job = Job(id="job", state=JobState.PENDING, task_count=task_count, created_at=NOW)
    return replace(job, **changes)  # type: ignore[arg-type]  # fields of Job


def plan(**changes: object) -> PlannedTask:
    return replace(PlannedTask(name="build", queue="default"), **changes)  # type: ignore[arg-type]  # fields of PlannedTask


def decided(outcome: Decision | Ignored) -> Decision:
    assert isinstance(outcome, Decision), outcome
    return outcome


def scheduled(job: Job | None = None, **planned: object) -> tuple[Job, Task]:
    outcome = decided(
        decide(
            job or pending_job(),
            None,
            TaskPlanned(TaskPosition("job", 1), Planned(task=plan(**planned))),
            NOW,
        )
    )
    return outcome.job, outcome.new_tasks[0]


def claim(task: Task, node: str = NODE) -> TaskClaimed:
    return TaskClaimed("job", task.id, task.dispatch, node, LEASE)


def running(job: Job | None = None, **planned: object) -> tuple[Job, Task]:
    return claimed(*scheduled(job, **planned))


def claimed(job: Job, task: Task) -> tuple[Job, Task]:
    outcome = decided(decide(job, task, claim(task), NOW))
    return outcome.job, outcome.tasks[0]


def commands_of(outcome: Decision | Ignored, kind: type) -> list[object]:
    return [command for command in outcome.commands if isinstance(command, kind)]


def test_a_submitted_job_asks_for_its_first_task() -> None:
    job = pending_job()
    outcome = decided(decide(job, None, JobSubmitted(job), NOW))
    assert commands_of(outcome, PlanTask) == [PlanTask("job", 1)]
    assert outcome.job.state is JobState.PENDING


def test_the_first_planned_task_is_sent_and_schedules_the_job() -> None:
    outcome = decided(
        decide(pending_job(), None, TaskPlanned(TaskPosition("job", 1), Planned(task=plan())), NOW)
    )
    assert (outcome.job.state, outcome.job.position) == (JobState.SCHEDULED, 1)
    [task] = outcome.new_tasks
    assert task.state is TaskState.SCHEDULED
    assert commands_of(outcome, RunTask) == [RunTask(task)]


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
    assert commands_of(outcome, GrantClaim) == [GrantClaim("job", task.id, 1, NODE)]


def test_a_repeated_claim_of_the_same_node_is_granted_again_and_changes_nothing() -> None:
    job, task = running()
    outcome = decide(job, task, claim(task), LATER)
    assert isinstance(outcome, Ignored)
    assert commands_of(outcome, GrantClaim)


def test_a_second_node_is_refused_while_the_first_runs_the_task() -> None:
    job, task = running()
    outcome = decide(job, task, claim(task, "node-2"), LATER)
    assert isinstance(outcome, Ignored)
    [refusal] = commands_of(outcome, RefuseClaim)
    assert isinstance(refusal, RefuseClaim)
    assert refusal.node_id == "node-2"


def test_a_claim_for_an_old_dispatch_is_refused() -> None:
    job, task = scheduled()
    old = replace(claim(task), dispatch=0)
    assert commands_of(decide(job, task, old, NOW), RefuseClaim)


def test_a_claim_for_a_task_nobody_knows_is_refused() -> None:
    _, task = scheduled()
    assert commands_of(decide(pending_job(), None, claim(task), NOW), RefuseClaim)


def test_a_finished_task_leaves_its_result_and_calls_the_next() -> None:
    job, task = running(var="first")
    event = TaskSucceeded("job", task.id, 1, NODE, "42", log_parts=3)
    outcome = decided(decide(job, task, event, LATER))
    [done] = outcome.tasks
    assert (done.state, done.result, done.log_parts) == (TaskState.COMPLETED, "42", 3)
    assert commands_of(outcome, SetVariable) == [SetVariable("job", "first", "42")]
    assert commands_of(outcome, PlanTask) == [PlanTask("job", 2)]
    assert outcome.job.progress == 50


def test_the_last_finished_task_completes_the_job_and_sets_its_end_of_life() -> None:
    job, task = running(pending_job(1, auto_delete_after=timedelta(hours=6)))
    outcome = decided(decide(job, task, TaskSucceeded("job", task.id, 1, NODE), LATER))
    assert outcome.job.state is JobState.COMPLETED
    assert outcome.job.progress == 100
    assert outcome.job.delete_at == LATER + timedelta(hours=6)


def test_a_job_with_an_output_completes_when_that_is_evaluated() -> None:
    job, task = running(pending_job(1, has_output=True))
    outcome = decided(decide(job, task, TaskSucceeded("job", task.id, 1, NODE), LATER))
    assert commands_of(outcome, EvaluateOutput)
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


def test_a_failed_task_fails_the_job_with_its_error() -> None:
    job, task = running()
    outcome = decided(decide(job, task, TaskFailed("job", task.id, 1, NODE, "exit code 1"), LATER))
    assert outcome.tasks[0].state is TaskState.FAILED
    assert (outcome.job.state, outcome.job.error) == (JobState.FAILED, "exit code 1")


def test_a_failed_task_with_retries_left_is_tried_again_as_a_new_task() -> None:
    job, task = running(retry=RetryPolicy(limit=1, initial_delay=timedelta()))
    outcome = decided(decide(job, task, TaskFailed("job", task.id, 1, NODE, "boom"), LATER))
    [retry] = outcome.new_tasks
    assert (retry.attempt, retry.state) == (1, TaskState.SCHEDULED)
    assert retry.id != task.id
    assert outcome.job.state is JobState.RUNNING
    assert commands_of(outcome, RunTask)


def test_a_retry_with_a_delay_waits_for_its_time() -> None:
    policy = RetryPolicy(limit=3, initial_delay=timedelta(seconds=10))
    job, task = running(retry=policy)
    outcome = decided(decide(job, task, TaskFailed("job", task.id, 1, NODE, "boom"), LATER))
    [retry] = outcome.new_tasks
    assert (retry.state, retry.due_at) == (TaskState.PENDING, LATER + timedelta(seconds=10))
    assert not commands_of(outcome, RunTask)
    sent = decided(decide(outcome.job, retry, RetryDue("job", retry.id), LATER))
    assert sent.tasks[0].state is TaskState.SCHEDULED


@pytest.mark.parametrize(
    ("attempt", "chance", "seconds"), [(0, 0, 10), (1, 0, 30), (2, 0, 60), (1, 1, 15)]
)
def test_the_wait_before_a_retry_grows_to_its_maximum_less_the_jitter(
    attempt: int, chance: float, seconds: float
) -> None:
    policy = RetryPolicy(
        limit=5,
        initial_delay=timedelta(seconds=10),
        scaling_factor=3,
        max_delay=timedelta(seconds=60),
        jitter=0.5,
    )
    assert policy.delay(attempt, chance) == timedelta(seconds=seconds)


def test_retries_wait_a_second_and_then_twice_as_long_each_unless_told_otherwise() -> None:
    waits = [RetryPolicy(limit=3).delay(attempt, 1).total_seconds() for attempt in range(3)]
    assert waits == [1, 2, 4]
    capped = RetryPolicy(limit=3, max_delay=timedelta(milliseconds=100))
    assert capped.delay(2, 1) == timedelta(milliseconds=100)


def test_the_last_failed_attempt_fails_the_job() -> None:
    job, task = running(retry=RetryPolicy(limit=1))
    last = replace(task, attempt=1)
    outcome = decided(decide(job, last, TaskFailed("job", task.id, 1, NODE, "boom"), LATER))
    assert outcome.job.state is JobState.FAILED


def test_a_returned_task_is_sent_again_under_a_new_dispatch_and_spends_no_retry() -> None:
    job, task = running()
    outcome = decided(decide(job, task, TaskReturned("job", task.id, 1, NODE), LATER))
    [again] = outcome.tasks
    assert (again.state, again.dispatch, again.attempt) == (TaskState.SCHEDULED, 2, 0)
    assert again.node_id is None
    assert commands_of(outcome, RunTask) == [RunTask(again)]


def handed_back(job: Job, task: Task, *, is_declined: bool = True) -> Decision:
    event = TaskReturned("job", task.id, task.dispatch, NODE, "no such thing", is_declined)
    return decided(decide(job, task, event, LATER))


def test_a_task_that_waits_tells_what_the_engine_said_until_it_has_succeeded() -> None:
    job, task = running()
    [again] = handed_back(job, task).tasks
    assert (again.last_return_reason, again.engine_rejections, again.error) == (
        "no such thing",
        1,
        None,
    )
    job, again = claimed(job, again)
    assert again.last_return_reason == "no such thing"
    done = TaskSucceeded("job", task.id, 2, NODE)
    assert decided(decide(job, again, done, LATER)).tasks[0].last_return_reason is None


def test_a_task_that_well_engines_hand_back_again_and_again_fails_with_what_they_say() -> None:
    job, task = running()
    for _ in range(MAX_ENGINE_REJECTIONS - 1):
        outcome = handed_back(job, task)
        [again] = outcome.tasks
        assert again.state is TaskState.SCHEDULED
        job, task = claimed(outcome.job, again)
    outcome = handed_back(job, task)
    assert outcome.job.state is JobState.FAILED
    assert outcome.job.error == "no such thing; handed back 10 times"
    assert not commands_of(outcome, RunTask)


def test_such_a_failure_is_tried_again_as_any_other() -> None:
    job, task = running(retry=RetryPolicy(limit=1, initial_delay=timedelta()))
    worn = replace(task, engine_rejections=MAX_ENGINE_REJECTIONS - 1)
    outcome = handed_back(job, worn)
    [retry] = outcome.new_tasks
    assert (retry.attempt, retry.engine_rejections, retry.last_return_reason) == (1, 0, None)
    assert commands_of(outcome, RunTask) == [RunTask(retry)]


def test_what_is_not_about_the_task_never_counts_against_it() -> None:
    job, task = running()
    worn = replace(task, engine_rejections=MAX_ENGINE_REJECTIONS - 1)
    for _ in range(3):
        outcome = handed_back(job, worn, is_declined=False)
        [again] = outcome.tasks
        assert (again.state, again.engine_rejections) == (
            TaskState.SCHEDULED,
            MAX_ENGINE_REJECTIONS - 1,
        )
        job, worn = claimed(outcome.job, again)


def test_a_lease_that_ran_out_makes_a_new_dispatch_and_stops_the_old_one() -> None:
    job, task = running()
    outcome = decided(decide(job, task, LeaseExpired("job", task.id, 1), LATER))
    [again] = outcome.tasks
    assert (again.dispatch, again.lost, again.state) == (2, 1, TaskState.SCHEDULED)
    assert commands_of(outcome, StopTask)
    late = TaskSucceeded("job", task.id, 1, NODE)
    assert isinstance(decide(outcome.job, again, late, LATER), Ignored)


def test_a_lease_that_was_renewed_in_the_meantime_is_kept() -> None:
    job, task = running()
    assert isinstance(decide(job, task, LeaseExpired("job", task.id, 1), NOW), Ignored)


def test_a_task_that_loses_worker_after_worker_fails_saying_so() -> None:
    job, task = running()
    worn = replace(task, lost=MAX_LOST_DISPATCHES - 1)
    outcome = decided(decide(job, worn, LeaseExpired("job", task.id, 1), LATER))
    assert outcome.job.state is JobState.FAILED
    assert "lost 5 workers in a row" in (outcome.job.error or "")


@pytest.mark.parametrize("begin", [running, scheduled])
def test_what_a_killed_worker_held_is_dispatched_at_once_and_counts_as_lost(
    begin: Callable[[], tuple[Job, Task]],
) -> None:
    # Given a task that a worker was killed with, whether its claim has arrived or not
    job, task = begin()
    killed = TaskReturned("job", task.id, 1, NODE, is_lost=True)
    again = decided(decide(job, task, killed, NOW)).tasks[0]
    assert (again.dispatch, again.lost, again.state) == (2, 1, TaskState.SCHEDULED)
    # And one that has ended so many already fails
    worn = replace(task, lost=MAX_LOST_DISPATCHES - 1)
    outcome = decided(decide(job, worn, killed, NOW))
    assert outcome.job.state is JobState.FAILED
    assert f"lost 5 workers in a row; the last was {NODE}" in (outcome.job.error or "")


def test_a_timed_out_task_fails_and_is_stopped() -> None:
    job, task = running()
    outcome = decided(decide(job, task, TaskTimedOut("job", task.id, 1), LATER))
    assert outcome.tasks[0].error == "timed out"
    assert commands_of(outcome, StopTask)


@pytest.mark.parametrize(
    ("event", "cause"),
    [
        (TaskFailed("job", "task", 1, NODE, "exit code 1", cause="exit", exit_code=1), "exit"),
        (TaskFailed("job", "task", 1, NODE, "no such image"), "other"),
        (TaskTimedOut("job", "task", 1), "timeout"),
        (LeaseExpired("job", "task", 1), "lost"),
    ],
)
def test_a_failed_task_keeps_in_one_word_why_it_failed(event: TaskEvent, cause: str) -> None:
    job, task = running()
    worn = replace(task, id="task", lost=MAX_LOST_DISPATCHES - 1)
    assert decided(decide(job, worn, event, LATER)).tasks[0].failure_cause == cause


def test_cancelling_a_job_cancels_and_stops_what_runs() -> None:
    job, task = running()
    cancelled = decided(decide(job, None, JobCancelled("job"), LATER))
    assert cancelled.job.state is JobState.CANCELLED
    assert commands_of(cancelled, CancelTasks)
    outcome = decided(decide(cancelled.job, task, TaskCancelled("job", task.id), LATER))
    assert outcome.tasks[0].state is TaskState.CANCELLED
    assert commands_of(outcome, StopTask)


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED])
def test_a_final_job_is_not_cancelled(state: JobState) -> None:
    outcome = decide(pending_job(state=state), None, JobCancelled("job"), LATER)
    allowed = "PENDING, SCHEDULED or RUNNING"
    assert outcome == Ignored(f"job is {state}: only a job that is {allowed} can be cancelled")


def test_a_failed_job_restarts_at_the_failed_position_with_a_fresh_task() -> None:
    job, task = running()
    failed = decided(decide(job, task, TaskFailed("job", task.id, 1, NODE, "boom"), LATER)).job
    outcome = decided(decide(failed, None, JobRestarted("job"), LATER))
    assert (outcome.job.state, outcome.job.error) == (JobState.PENDING, None)
    assert commands_of(outcome, PlanTask) == [PlanTask("job", 1, is_restart=True)]
    again = decided(
        decide(outcome.job, None, TaskPlanned(TaskPosition("job", 1), Planned(task=plan())), LATER)
    )
    assert again.new_tasks[0].id != task.id


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.RUNNING, JobState.PENDING])
def test_only_failed_and_cancelled_jobs_restart(state: JobState) -> None:
    outcome = decide(pending_job(state=state), None, JobRestarted("job"), LATER)
    rule = "only a job that is FAILED or CANCELLED can be restarted"
    assert outcome == Ignored(f"job is {state}: {rule}")


def test_a_task_whose_expression_fails_fails_the_job_with_the_text() -> None:
    event = TaskPlanFailed(TaskPosition("job", 1), plan(), "env.X: unknown name y")
    outcome = decided(decide(pending_job(), None, event, NOW))
    assert outcome.job.error == "env.X: unknown name y"
    assert outcome.new_tasks[0].state is TaskState.FAILED


def test_a_skipped_task_goes_straight_on_to_the_next() -> None:
    outcome = decided(decide(pending_job(), None, TaskSkipped(TaskPosition("job", 1), plan()), NOW))
    assert outcome.new_tasks[0].state is TaskState.SKIPPED
    assert commands_of(outcome, PlanTask) == [PlanTask("job", 2)]


def test_a_job_of_skipped_tasks_completes_without_ever_running() -> None:
    outcome = decided(
        decide(pending_job(1), None, TaskSkipped(TaskPosition("job", 1), plan()), NOW)
    )
    assert outcome.job.state is JobState.COMPLETED


def test_progress_of_the_task_moves_the_progress_of_the_job() -> None:
    job, task = running()
    outcome = decided(decide(job, task, TaskProgressed("job", task.id, 1, 50), LATER))
    assert (outcome.tasks[0].progress, outcome.job.progress) == (50, 25)


def test_a_missing_message_is_sent_again_under_the_same_dispatch() -> None:
    job, task = scheduled()
    outcome = decided(decide(job, task, DispatchMissing("job", task.id, 1), LATER))
    [command] = commands_of(outcome, RunTask)
    assert isinstance(command, RunTask)
    assert command.task.dispatch == 1


def test_announcements_of_a_job_are_numbered_without_gaps() -> None:
    job, task = running(pending_job(has_webhooks=True))
    outcome = decided(decide(job, task, TaskFailed("job", task.id, 1, NODE, "boom"), LATER))
    announced = [
        command.job.version
        for command in outcome.commands
        if isinstance(command, AnnounceJob | AnnounceTask)
    ]
    assert announced == list(range(job.version + 1, job.version + 1 + len(announced)))


@pytest.mark.parametrize("state", [s for s in TaskState if s.is_final])
def test_a_final_task_is_never_left(state: TaskState) -> None:
    job, task = running()
    ended = replace(task, state=state)
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
