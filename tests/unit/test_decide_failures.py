"""The core: tasks that fail, are tried again or handed back, lose their worker or run too long."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.lifecycle import (
    Decision,
    Ignored,
    Job,
    JobState,
    LeaseExpired,
    PlacementRules,
    PlacementType,
    RetryDue,
    RetryPolicy,
    RunTask,
    StopTask,
    Task,
    TaskEvent,
    TaskFailed,
    TaskReturned,
    TaskState,
    TaskSucceeded,
    TaskTimedOut,
    decide,
)
from shared.lifecycle.attempts import MAX_LOST_DISPATCHES
from shared.lifecycle.task_rules import MAX_ENGINE_REJECTIONS
from tests.support.jobs.decided import (
    LATER,
    NODE,
    NOW,
    claimed,
    decided,
    of,
    running,
    scheduled,
)


def test_a_failed_task_fails_the_job_with_its_error() -> None:
    job, task = running()
    phases = [("pull", -4, 900), ("run", 900, 2)]
    event = TaskFailed("job", task.id, 1, NODE, "exit code 1", timings=phases)
    outcome = decided(decide(job, task, event, LATER))
    assert outcome.tasks[0].state is TaskState.FAILED
    assert outcome.tasks[0].timings == phases
    assert (outcome.job.state, outcome.job.error) == (JobState.FAILED, "exit code 1")


def test_a_failed_task_with_retries_left_is_tried_again_as_a_new_task() -> None:
    job, task = running(retry=RetryPolicy(limit=1, initial_delay=timedelta()))
    outcome = decided(decide(job, task, TaskFailed("job", task.id, 1, NODE, "boom"), LATER))
    [retry] = outcome.new_tasks
    assert (retry.attempt, retry.state) == (1, TaskState.SCHEDULED)
    assert retry.id != task.id
    assert outcome.job.state is JobState.RUNNING
    assert of(outcome, RunTask)


def test_a_retry_with_a_delay_waits_for_its_time() -> None:
    policy = RetryPolicy(limit=3, initial_delay=timedelta(seconds=10))
    job, task = running(retry=policy)
    outcome = decided(decide(job, task, TaskFailed("job", task.id, 1, NODE, "boom"), LATER))
    [retry] = outcome.new_tasks
    assert (retry.state, retry.due_at) == (TaskState.PENDING, LATER + timedelta(seconds=10))
    assert not of(outcome, RunTask)
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
    assert of(outcome, RunTask) == [RunTask(again)]


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
    assert not of(outcome, RunTask)


def test_such_a_failure_is_tried_again_as_any_other() -> None:
    job, task = running(retry=RetryPolicy(limit=1, initial_delay=timedelta()))
    worn = replace(task, engine_rejections=MAX_ENGINE_REJECTIONS - 1)
    outcome = handed_back(job, worn)
    [retry] = outcome.new_tasks
    assert (retry.attempt, retry.engine_rejections, retry.last_return_reason) == (1, 0, None)
    assert of(outcome, RunTask) == [RunTask(retry)]


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
    assert of(outcome, StopTask)
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
    assert of(outcome, StopTask)


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


def out_of_memory(task: Task) -> TaskFailed:
    return TaskFailed("job", task.id, 1, NODE, "killed", cause="exit", is_out_of_memory=True)


def test_each_attempt_after_one_that_ran_out_of_memory_has_more() -> None:
    policy = RetryPolicy(limit=3, initial_delay=timedelta(), memory_factor=1.5, most_memory=600)
    job, task = running(retry=policy)
    scales = []
    for event in (out_of_memory, lambda t: TaskFailed("job", t.id, 1, NODE, "x"), out_of_memory):
        outcome = decided(decide(job, task, event(task), LATER))
        scales.append(outcome.new_tasks[0].plan.retry.memory_scale)
        job, task = claimed(outcome.job, outcome.new_tasks[0])
    assert scales == [1.5, 1.5, 2.25]


def test_a_placed_task_keeps_to_its_room_when_it_runs_out_of_memory() -> None:
    policy = RetryPolicy(limit=1, initial_delay=timedelta(), memory_factor=2)
    job, task = running(retry=policy)
    rules = PlacementRules(type=PlacementType.BATCH)
    task = replace(task, plan=replace(task.plan, placement=rules))
    outcome = decided(decide(job, task, out_of_memory(task), LATER))
    assert [retry.plan.retry.memory_scale for retry in outcome.new_tasks] == [1]


def test_memory_is_a_cause_that_a_retry_can_be_for() -> None:
    job, task = running(retry=RetryPolicy(limit=1, on=frozenset({"memory"})))
    assert decided(decide(job, task, out_of_memory(task), LATER)).new_tasks
    other = TaskFailed("job", task.id, 1, NODE, "killed", cause="exit", exit_code=137)
    assert not decided(decide(job, task, other, LATER)).new_tasks
