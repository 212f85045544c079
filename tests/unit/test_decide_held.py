"""Jobs that wait before they begin, to be released or for their time; and those that must end."""

from datetime import timedelta

import pytest

from shared.lifecycle import (
    AnnounceJob,
    Ignored,
    Job,
    JobCancelled,
    JobChange,
    JobReleased,
    JobRestarted,
    JobStartDue,
    JobState,
    JobSubmitted,
    JobTimedOut,
    JobUpdated,
    PlanReady,
    PlanTask,
    decide,
)
from shared.lifecycle.replacing import replace
from tests.support.jobs.decided import LATER, NOW, a_job, claim, decided, of, scheduled

TOMORROW = NOW + timedelta(days=1)


def submitted(job: Job) -> Job:
    outcome = decided(decide(job, None, JobSubmitted(job), NOW))
    assert of(outcome, AnnounceJob) == [AnnounceJob(outcome.job)]
    assert not of(outcome, PlanTask)
    return outcome.job


def test_a_held_job_begins_when_it_is_released_and_once() -> None:
    job = submitted(a_job(is_held=True))
    assert (job.state, job.is_held, job.due_at) == (JobState.PENDING, True, None)
    outcome = decided(decide(job, None, JobReleased("job"), LATER))
    assert of(outcome, PlanTask) == [PlanTask("job", 1)]
    again = decide(outcome.job, None, JobReleased("job"), LATER)
    assert again == Ignored("job is PENDING and not held: only a held job can be released")


def test_a_job_with_a_time_begins_when_that_has_come_and_once() -> None:
    job = submitted(a_job(start_at=TOMORROW))
    assert job.due_at == TOMORROW
    assert isinstance(decide(job, None, JobStartDue("job"), LATER), Ignored)
    outcome = decided(decide(job, None, JobStartDue("job"), TOMORROW))
    assert of(outcome, PlanTask) == [PlanTask("job", 1)]
    assert outcome.job.due_at is None
    assert isinstance(decide(outcome.job, None, JobStartDue("job"), TOMORROW), Ignored)


def test_a_time_that_has_passed_holds_nothing_up() -> None:
    job = a_job(start_at=NOW, is_graph=True)
    assert of(decided(decide(job, None, JobSubmitted(job), NOW)), PlanReady) == [PlanReady("job")]


def test_a_held_job_waits_for_its_time_after_its_release() -> None:
    job = submitted(a_job(is_held=True, start_at=TOMORROW))
    assert isinstance(decide(job, None, JobStartDue("job"), TOMORROW), Ignored)
    released = decided(decide(job, None, JobReleased("job"), LATER)).job
    assert (released.is_held, released.due_at) == (False, TOMORROW)


def test_a_held_job_is_replaced_whole_and_stays_held() -> None:
    job = submitted(a_job(is_held=True))
    new = a_job(task_count=5, is_graph=True, start_at=TOMORROW, must_end_at=TOMORROW)
    event = JobUpdated("job", change=JobChange(job=new))
    updated = decided(decide(job, None, event, LATER)).job
    assert (updated.is_held, updated.task_count, updated.spec_version) == (True, 5, 2)
    assert (updated.start_at, updated.deadline_at) == (TOMORROW, TOMORROW)
    begun = decided(decide(updated, None, JobReleased("job"), TOMORROW))
    assert of(begun, PlanReady) == [PlanReady("job")]


def test_a_new_version_without_webhooks_keeps_those_of_submissions_that_have_joined() -> None:
    job = submitted(a_job(is_held=True, has_webhooks=True))
    updated = decide(job, None, JobUpdated("job", change=JobChange(job=a_job())), LATER)
    assert decided(updated).job.has_webhooks


def test_a_new_version_without_a_time_has_a_waiting_job_begin() -> None:
    job = submitted(a_job(start_at=TOMORROW))
    event = JobUpdated("job", change=JobChange(job=a_job()))
    assert of(decided(decide(job, None, event, LATER)), PlanTask) == [PlanTask("job", 1)]


def test_a_cancelled_job_waits_for_nothing_and_a_restart_has_it_begin() -> None:
    for waits in ({"is_held": True}, {"start_at": TOMORROW}):
        job = decided(decide(submitted(a_job(**waits)), None, JobCancelled("job"), LATER)).job
        assert (job.state, job.has_entered) == (JobState.CANCELLED, True)
        assert isinstance(decide(job, None, JobReleased("job"), LATER), Ignored)
        assert of(decided(decide(job, None, JobRestarted("job"), LATER)), PlanTask)


def test_a_held_job_that_is_being_deleted_is_not_released() -> None:
    job = replace(submitted(a_job(is_held=True)), delete_at=NOW)
    assert decide(job, None, JobReleased("job"), LATER) == Ignored("the job is being deleted")


@pytest.mark.parametrize("waits", [{"is_held": True}, {"start_at": TOMORROW}])
def test_a_job_fails_at_its_deadline_also_while_it_waits(waits: dict[str, object]) -> None:
    job = submitted(a_job(must_end_at=LATER, **waits))
    assert isinstance(decide(job, None, JobTimedOut("job"), NOW), Ignored)
    failed = decided(decide(job, None, JobTimedOut("job"), LATER)).job
    assert failed.state is JobState.FAILED
    assert failed.error == f"deadline {LATER:%Y-%m-%dT%H:%M:%SZ} passed"


def test_the_earlier_of_deadline_and_time_out_ends_a_job() -> None:
    hour, ends = timedelta(hours=1), NOW + timedelta(minutes=5)
    for timeout, deadline_at in ((timedelta(minutes=1), NOW + timedelta(minutes=1)), (hour, ends)):
        job, task = scheduled()
        job = replace(job, timeout=timeout, must_end_at=ends, deadline_at=ends)
        running = decided(decide(job, task, claim(task), NOW)).job
        assert running.deadline_at == deadline_at
        failed = decided(decide(running, None, JobTimedOut("job"), deadline_at)).job
        assert ("timed out" in str(failed.error)) == (timeout < hour)


def test_a_restart_goes_past_a_deadline_that_is_over() -> None:
    failed = a_job(state=JobState.FAILED, must_end_at=NOW, position=1)
    assert decided(decide(failed, None, JobRestarted("job"), LATER)).job.deadline_at is None
    ahead = replace(failed, must_end_at=TOMORROW)
    assert decided(decide(ahead, None, JobRestarted("job"), LATER)).job.deadline_at == TOMORROW
