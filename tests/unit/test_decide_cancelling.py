"""The core: cancelling more tasks than one transaction takes."""

from dataclasses import replace

import pytest

from shared.lifecycle import (
    CancelContinued,
    CancelPutOff,
    CancelTasks,
    ContinueCancel,
    Event,
    Ignored,
    JobCancelled,
    JobRestarted,
    JobState,
    LeaseExpired,
    Parent,
    RetryDue,
    SubJobResumed,
    SubmissionWithdrawn,
    TaskState,
    TaskTimedOut,
    WithdrawSubmission,
    decide,
)
from tests.support.jobs.decided import LATER, a_job, child_running, decided

STILL_CANCELLING = Ignored("tasks of the job are still being cancelled: try again later")
CANCELLED = a_job(state=JobState.CANCELLED)


def test_a_submission_that_is_taken_back_cancels_the_job_if_no_other_is_left() -> None:
    job = a_job(state=JobState.RUNNING)
    withdrawn = SubmissionWithdrawn("job", "order-17", "ann", "curl", "wrong")
    outcome = decided(decide(job, None, withdrawn, LATER))
    otherwise = JobCancelled("job", "ann", "curl", "wrong")
    assert outcome.job == job
    assert outcome.commands == (WithdrawSubmission("job", "order-17", otherwise),)
    for state in (JobState.CANCELLED, JobState.COMPLETED):
        ended = a_job(state=state)
        assert decide(ended, None, withdrawn, LATER) == decide(ended, None, otherwise, LATER)


def test_the_rest_of_a_cancel_is_put_off_to_a_message_of_the_job_to_itself() -> None:
    put_off = decided(decide(CANCELLED, None, CancelPutOff("job"), LATER))
    assert put_off.job == replace(CANCELLED, is_cancelling=True)
    assert put_off.commands == (ContinueCancel("job"),)
    # However many of its questions are put off, one message does it
    assert isinstance(decide(put_off.job, None, CancelPutOff("job"), LATER), Ignored)


def test_a_cancel_goes_on_once_for_each_time_that_it_was_put_off() -> None:
    put_off = replace(CANCELLED, is_cancelling=True)
    goes_on = decided(decide(put_off, None, CancelContinued("job"), LATER))
    assert (goes_on.job, goes_on.commands) == (CANCELLED, (CancelTasks("job"),))
    assert isinstance(decide(goes_on.job, None, CancelContinued("job"), LATER), Ignored)


def test_a_job_whose_tasks_are_still_being_cancelled_is_not_restarted() -> None:
    job = replace(CANCELLED, is_cancelling=True)
    assert decide(job, None, JobRestarted("job"), LATER) == STILL_CANCELLING


def test_a_sub_job_that_is_still_being_cancelled_has_not_heard_that_it_goes_on() -> None:
    parent = Parent(job_id="other", task_id="task", dispatch=1)
    job = replace(CANCELLED, is_cancelling=True, parent=parent)
    assert isinstance(decide(job, None, SubJobResumed("job", 2), LATER), Ignored)
    settled = replace(job, is_cancelling=False)
    assert decided(decide(settled, None, SubJobResumed("job", 2), LATER)).job.parent == replace(
        parent, dispatch=2
    )


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED, JobState.COMPLETED])
@pytest.mark.parametrize("event", [RetryDue, LeaseExpired, TaskTimedOut])
def test_what_the_scheduler_finds_due_of_an_ended_job_is_cancelled(
    state: JobState, event: type[RetryDue | LeaseExpired | TaskTimedOut]
) -> None:
    job, child = child_running()
    due: Event = event("job", child.id, *([] if event is RetryDue else [1]))
    [cancelled] = decided(decide(replace(job, state=state), child, due, LATER)).tasks
    assert cancelled.state is TaskState.CANCELLED
