"""The core: restarts of families and graphs, and a job's own time."""

from dataclasses import replace
from typing import Any, cast

import pytest

from shared.lifecycle import (
    AnnounceTask,
    BeginChildren,
    CancelTasks,
    Children,
    EvaluateOutput,
    Ignored,
    Job,
    JobRestarted,
    JobState,
    JobTimedOut,
    PlanReady,
    PlanTask,
    Rewind,
    Task,
    TaskReopened,
    TaskState,
    decide,
)
from shared.store.outgoing import feed_of
from tests.support.jobs.decided import (
    FINAL,
    LATER,
    LEASE,
    NOW,
    a_job,
    after,
    claim,
    decided,
    ended,
    of,
    opened,
    scheduled,
)


def failed_family(total: int, done: int, **how: Any) -> tuple[Job, Task]:
    job, parent, _ = opened(total, **how)
    job, parent, _ = after(job, parent, [*ended(parent, done), *ended(parent, 1, "boom")])
    assert job.state is JobState.FAILED
    outcome = decided(decide(job, None, JobRestarted("job"), LATER))
    assert of(outcome, PlanTask) == [PlanTask("job", 1, is_restart=True)]
    return outcome.job, parent


def test_what_a_restart_goes_on_with_is_told_as_the_beginning_of_a_run() -> None:
    job, parent = failed_family(4, 1)
    outcome = decided(decide(job, parent, TaskReopened("job", parent.id, 3), LATER))
    [told] = of(outcome, AnnounceTask)
    beginnings = [
        change.get("begins_run")
        for state in (JobState.SCHEDULED, JobState.RUNNING)
        for row in feed_of([replace(told, job=replace(told.job, state=state))], LATER)
        for change in cast(list[dict[str, object]], row["changes"])
    ]
    assert (told.job.state, beginnings) == (JobState.SCHEDULED, [True, None])


def test_a_restarted_family_runs_those_that_are_left_and_keeps_the_others() -> None:
    job, parent = failed_family(4, 1)
    outcome = decided(decide(job, parent, TaskReopened("job", parent.id, 3), LATER))
    [again] = outcome.tasks
    assert (again.state, again.error, again.failed_at) == (TaskState.RUNNING, None, None)
    assert again.children == Children(total=4, required=4, begun=4, ended=1, waiting=3)
    assert of(outcome, BeginChildren) == [BeginChildren("job", parent.id, 3)]
    assert (outcome.job.state, outcome.job.position) == (JobState.SCHEDULED, 1)
    assert (again.progress, outcome.job.progress) == (25, 12.5)


def test_a_restart_runs_all_of_a_family_again_that_keeps_nothing() -> None:
    job, parent, _ = opened(4)
    job, parent, _ = after(job, parent, [*ended(parent, 1), *ended(parent, 1, "boom")])
    outcome = decided(decide(job, None, JobRestarted("job", 1, keeps_done=False), LATER))
    assert of(outcome, Rewind) == [Rewind("job", 1)]
    assert of(decided(decide(job, None, JobRestarted("job", 1), LATER)), Rewind) == []


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


def test_a_restarted_job_keeps_its_first_start_and_notes_that_of_its_last_run() -> None:
    job, task = scheduled(a_job(started_at=NOW, run_started_at=NOW))
    outcome = decided(decide(job, task, claim(task), LATER))
    assert outcome.job.state is JobState.RUNNING
    assert (outcome.job.started_at, outcome.job.run_started_at) == (NOW, LATER)


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


def test_a_job_that_is_being_deleted_is_not_restarted() -> None:
    job = replace(a_job(), state=JobState.FAILED, delete_at=NOW)
    assert decide(job, None, JobRestarted(job.id), NOW) == Ignored("the job is being deleted")
    later = replace(job, delete_at=LATER)
    assert not isinstance(decide(later, None, JobRestarted(job.id), NOW), Ignored)
