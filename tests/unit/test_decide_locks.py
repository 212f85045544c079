"""Locks of jobs: one has it, until it expires or the job ends, and others do not change the job."""

from datetime import timedelta

import pytest

from shared.lifecycle import (
    AnnounceJob,
    Ignored,
    Job,
    JobCancelled,
    JobChange,
    JobLock,
    JobLocked,
    JobUnlocked,
    JobUpdated,
    LockRenewed,
    ShutOut,
    decide,
)
from tests.support.jobs.decided import FINAL, LATER, NOW, a_job, decided, of

MINUTE = timedelta(minutes=1)
LOCKED = a_job(is_held=True, lock=JobLock("ann", "key", NOW, LATER + MINUTE))
FREE = a_job(is_held=True)


def updated(job: Job, *, alters_work: bool = True, **event: object) -> object:
    change = JobChange(job=a_job(task_count=3), alters_work=alters_work)
    return decide(job, None, JobUpdated("job", change=change, **event), LATER)  # type: ignore[arg-type]  # fields of JobUpdated


def test_the_first_to_lock_a_job_has_the_lock_and_others_hear_of_it() -> None:
    outcome = decided(decide(FREE, None, JobLocked("job", "ann", "key", MINUTE), NOW))
    assert outcome.job.lock == JobLock("ann", "key", NOW, NOW + MINUTE)
    assert of(outcome, AnnounceJob) == [AnnounceJob(outcome.job, is_progress=True)]
    again = decide(outcome.job, None, JobLocked("job", "ann", "other", MINUTE), NOW)
    assert again == Ignored("job is already locked, until 2026-01-01T00:01:00Z")


def test_an_expired_lock_counts_as_none() -> None:
    late = LATER + 2 * MINUTE
    taken = decided(decide(LOCKED, None, JobLocked("job", "bob", "other", MINUTE), late))
    assert taken.job.lock == JobLock("bob", "other", late, late + MINUTE)
    assert isinstance(decide(LOCKED, None, LockRenewed("job", "key", MINUTE), late), Ignored)
    change = JobChange(job=a_job(task_count=3))
    assert decided(decide(LOCKED, None, JobUpdated("job", change=change), late)).job.task_count == 3


def test_only_its_token_renews_a_lock_or_ends_it_unless_an_admin_forces_it() -> None:
    renewed = decided(decide(LOCKED, None, LockRenewed("job", "key", 9 * MINUTE), LATER)).job
    assert renewed.lock == JobLock("ann", "key", NOW, LATER + 9 * MINUTE)
    other = "the job is locked with another token"
    assert decide(LOCKED, None, LockRenewed("job", "other", MINUTE), LATER) == ShutOut(other)
    assert decide(LOCKED, None, JobUnlocked("job", "other"), LATER) == ShutOut(other)
    missing = "the job is locked: the token of its lock is missing"
    assert decide(LOCKED, None, JobUnlocked("job"), LATER) == ShutOut(missing)
    assert decide(LOCKED, None, LockRenewed("job", "", MINUTE), LATER) == ShutOut(missing)
    for event in (JobUnlocked("job", "key"), JobUnlocked("job", is_forced=True)):
        unlocked = decided(decide(LOCKED, None, event, LATER)).job
        assert unlocked.lock is None
        assert decide(unlocked, None, event, LATER) == Ignored("job is not locked")


def test_a_lock_keeps_others_from_changing_what_the_job_does() -> None:
    refused = "the job is locked until 2026-01-01T00:06:00Z: what it does can't change"
    assert updated(LOCKED) == updated(LOCKED, lock_key="other") == ShutOut(refused)
    for allowed in (
        updated(LOCKED, lock_key="key"),
        updated(LOCKED, overrides_lock=True),
        updated(LOCKED, alters_work=False),
        updated(FREE),
    ):
        assert not isinstance(allowed, Ignored)


def test_a_locked_job_can_be_cancelled_and_its_lock_ends_with_it() -> None:
    assert decided(decide(LOCKED, None, JobCancelled("job"), LATER)).job.lock is None


@pytest.mark.parametrize("state", FINAL)
def test_a_job_that_has_ended_is_not_locked(state: object) -> None:
    outcome = decide(a_job(state=state), None, JobLocked("job", None, "key", MINUTE), NOW)
    assert isinstance(outcome, Ignored)
