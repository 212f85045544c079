"""Jobs that have ended and begin again at one of their tasks."""

from shared.lifecycle import (
    Ignored,
    JobRestarted,
    JobRewound,
    JobState,
    PlanReady,
    PlanTask,
    Rewind,
    decide,
)
from tests.support.jobs.decided import LATER, NOW, a_job, decided, of

COMPLETED = a_job(
    state=JobState.COMPLETED,
    task_count=4,
    position=4,
    progress=100.0,
    completed_at=NOW,
    result="x",
    kept_bytes=7,
)


def test_a_completed_job_begins_again_at_a_task_and_keeps_what_was_before() -> None:
    outcome = decided(decide(COMPLETED, None, JobRestarted("job", 3), LATER))
    assert of(outcome, Rewind) == [Rewind("job", 3)]
    job = outcome.job
    assert (job.state, job.restarts, job.result) == (JobState.PENDING, 1, None)
    again = decided(decide(job, None, JobRewound("job", 3, undone=0, kept_bytes=5), LATER))
    assert of(again, PlanTask) == [PlanTask("job", 3)]
    assert (again.job.position, again.job.progress, again.job.kept_bytes) == (2, 50.0, 2)


def test_a_job_that_stopped_at_the_task_goes_on_with_it() -> None:
    failed = a_job(state=JobState.FAILED, position=2)
    outcome = decided(decide(failed, None, JobRestarted("job", 2), LATER))
    assert of(outcome, PlanTask) == [PlanTask("job", 2, is_restart=True)]


def test_of_a_graph_what_was_done_of_all_that_follows_is_taken_back() -> None:
    graph = decided(
        decide(a_job(state=JobState.FAILED, task_count=4, position=3, is_graph=True), None,
               JobRestarted("job", 1), LATER)
    ).job  # fmt: skip
    again = decided(decide(graph, None, JobRewound("job", 1, undone=2, kept_bytes=0), LATER))
    assert again.job.position == 1
    assert of(again, PlanReady) == [PlanReady("job", is_restart=True)]


def test_what_can_not_begin_again_there_says_why() -> None:
    failed = a_job(state=JobState.FAILED, position=1, task_count=3)
    for job, position, reason in (
        (failed, 4, "the job has no task 4: it has 3"),
        (failed, 2, "task 2 has not begun: a restart goes on from task 1"),
        (a_job(), 1, "job is PENDING: only a job that is FAILED or CANCELLED can be restarted"),
        (
            a_job(state=JobState.COMPLETED, position=1, kept_running=1),
            1,
            "a job with services or daemons can't run again from one of its tasks",
        ),
    ):
        assert decide(job, None, JobRestarted("job", position), LATER) == Ignored(reason)
