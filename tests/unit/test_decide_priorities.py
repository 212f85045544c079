"""A job that becomes more or less urgent: what waits of it is sent again, what runs goes on."""

from datetime import timedelta

import pytest

from shared.lifecycle import (
    AskPlacement,
    Ignored,
    Job,
    JobPrioritized,
    PlacementRules,
    PlacementType,
    Planned,
    PrioritizeTasks,
    RunTask,
    Task,
    TaskFailed,
    TaskPlanned,
    TaskPosition,
    TaskPrioritized,
    TaskState,
    decide,
)
from shared.lifecycle.policies import RetryPolicy
from tests.support.jobs.decided import (
    FINAL,
    LATER,
    NODE,
    NOW,
    a_job,
    claim,
    claimed,
    decided,
    of,
    plan,
    running,
    scheduled,
)

MINUTE = timedelta(minutes=1)


def prioritized(job: Job, priority: int = 7) -> Job:
    outcome = decided(decide(job, None, JobPrioritized("job", priority), LATER))
    assert of(outcome, PrioritizeTasks) == [PrioritizeTasks("job")]
    return outcome.job


def test_a_task_that_waits_in_a_queue_is_sent_again_and_its_older_message_does_not_count() -> None:
    job, task = scheduled(queue_timeout=MINUTE)
    outcome = decided(decide(prioritized(job), task, _event(task), LATER))
    [again] = outcome.tasks
    assert of(outcome, RunTask) == [RunTask(again)]
    assert (again.plan.priority, again.dispatch, again.state) == (7, 2, TaskState.SCHEDULED)
    assert again.deadline_at == task.deadline_at, "its time in the queue goes on"
    assert isinstance(decide(outcome.job, again, claim(task), LATER), Ignored)
    assert claimed(outcome.job, again)[1].state is TaskState.RUNNING


def test_what_begins_later_has_the_new_priority_whatever_its_own_is() -> None:
    job = prioritized(a_job(), 0)
    assert scheduled(job, priority=5)[1].plan.priority == 0
    assert scheduled(a_job(), priority=5)[1].plan.priority == 5


def test_a_task_that_runs_goes_on_and_its_retry_has_the_new_priority() -> None:
    job, task = running(retry=RetryPolicy(limit=1, initial_delay=MINUTE))
    job = prioritized(job)
    assert isinstance(decide(job, task, _event(task), LATER), Ignored)
    failed = TaskFailed("job", task.id, task.dispatch, NODE, "boom")
    [retry] = decided(decide(job, task, failed, LATER)).new_tasks
    assert (retry.state, retry.plan.priority) == (TaskState.PENDING, 7)


def test_an_execution_that_waits_for_a_node_is_placed_by_the_new_priority() -> None:
    rules = PlacementRules(type=PlacementType.BATCH, priority=2)
    event = TaskPlanned(TaskPosition("job", 1), Planned(task=plan(placement=rules)))
    begun = decided(decide(a_job(), None, event, NOW))
    [task] = begun.new_tasks
    outcome = decided(decide(prioritized(begun.job), task, _event(task), LATER))
    [again] = outcome.tasks
    assert again.plan.placement is not None
    assert (again.plan.placement.priority, again.dispatch) == (7, task.dispatch)
    assert of(outcome, AskPlacement) == [AskPlacement()]


def _event(task: Task) -> TaskPrioritized:
    return TaskPrioritized("job", task.id)


@pytest.mark.parametrize("state", FINAL)
def test_a_job_that_has_ended_keeps_its_priority(state: str) -> None:
    said = f"job is {state}: only a job that has not ended can have a new priority"
    assert decide(a_job(state=state), None, JobPrioritized("job", 7), LATER) == Ignored(said)
