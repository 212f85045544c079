"""The core: jobs that stand in other jobs."""

from typing import Any

import pytest

from shared.lifecycle import (
    CancelSubJob,
    Decision,
    Ignored,
    Job,
    JobCancelled,
    JobRestarted,
    JobState,
    Parent,
    Planned,
    PlanTask,
    ReportToParent,
    ResumeSubJob,
    SetVariable,
    SubJob,
    SubJobAbandoned,
    SubJobEnded,
    SubJobResumed,
    SubmitSubJob,
    Task,
    TaskCancelled,
    TaskKind,
    TaskPlanned,
    TaskPosition,
    TaskReopened,
    TaskState,
    decide,
)
from tests.support.jobs.decided import (
    LATER,
    LEASE,
    NOW,
    a_job,
    decided,
    of,
    plan,
)


def subjob(*, is_detached: bool = False) -> Planned:
    parent = Parent(job_id="job", task_id="?", dispatch=1)
    inner = Job(id="sub", state=JobState.PENDING, task_count=1, created_at=NOW, parent=parent)
    made = SubJob(job=inner, submission="as it is", is_detached=is_detached)
    return Planned(task=plan(TaskKind.SUBJOB, var="s"), subjob=made)


def with_subjob(**how: Any) -> tuple[Job, Task, Decision]:
    outcome = decided(
        decide(a_job(timeout=LEASE), None, TaskPlanned(TaskPosition("job", 1), subjob(**how)), NOW)
    )
    return outcome.job, outcome.new_tasks[0], outcome


def test_a_sub_job_is_submitted_and_its_task_and_job_run_meanwhile() -> None:
    job, task, outcome = with_subjob()
    assert (task.state, task.subjob_id, job.state) == (TaskState.RUNNING, "sub", JobState.RUNNING)
    assert job.deadline_at == NOW + LEASE
    assert [command.subjob.submission for command in of(outcome, SubmitSubJob)] == ["as it is"]


@pytest.mark.parametrize(("is_detached", "priority"), [(False, 7), (True, None)])
def test_a_sub_job_that_is_waited_for_has_the_changed_priority_of_its_parent(
    is_detached: bool, priority: int | None
) -> None:
    job = a_job(priority=7)
    event = TaskPlanned(TaskPosition("job", 1), subjob(is_detached=is_detached))
    [command] = of(decided(decide(job, None, event, NOW)), SubmitSubJob)
    assert command.subjob.job.priority == priority


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
