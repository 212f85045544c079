"""What the events of a job make of it: one function for each."""

from collections.abc import Collection
from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle import events as e
from shared.lifecycle.decision import Decision, DecisionBuilder, Ignored
from shared.lifecycle.endings import complete_job, fail_job
from shared.lifecycle.progressions import progression_of
from shared.lifecycle.replacing import replace
from shared.lifecycle.states import JobState
from shared.lifecycle.values import Job, Parent

ALREADY_CANCELLED = Ignored("job is CANCELLED already")


def on_submitted(job: Job, _: e.JobSubmitted, now: datetime) -> Decision | Ignored:
    entered, begins = entering(replace(job, deadline_at=job.must_end_at), now)
    return Decision(entered, commands=(c.AnnounceJob(entered), *begins))


def on_released(job: Job, event: e.JobReleased, now: datetime) -> Decision | Ignored:
    if not job.is_held:
        return Ignored(f"job is {job.state} and not held: only a held job can be released")
    if (ignored := not_yet_again(job, now)) is not None:
        return ignored
    budget = job.budget if event.budget is None else event.budget
    agreed = replace(job, is_held=False, budget=budget, hold=event.hold)
    return enter(agreed, now)


def on_start_due(job: Job, _: e.JobStartDue, now: datetime) -> Decision | Ignored:
    if job.due_at is None or job.due_at > now:
        return Ignored(f"job is {job.state}, and waits for no time that has come")
    return enter(job, now)


def entering(job: Job, now: datetime) -> tuple[Job, tuple[c.Command, ...]]:
    """The job, of which nothing has begun, and what has it begin unless it is to wait."""
    if job.is_held:
        return replace(job, due_at=None), ()
    if job.start_at is not None and job.start_at > now:
        return replace(job, due_at=job.start_at), ()
    return replace(job, due_at=None), (progression_of(job).first(job),)


def enter(job: Job, now: datetime) -> Decision:
    """The stored job, nothing of which has begun, is as given: it begins, or is said to wait."""
    builder = DecisionBuilder(job)
    builder.job, begins = entering(job, now)
    if not begins:
        builder.progress_job(job.progress)
    builder.send(*begins)
    return builder.build()


def on_output_evaluated(job: Job, event: e.OutputEvaluated, now: datetime) -> Decision | Ignored:
    if job.state.is_final:
        return Ignored(f"job is {job.state}")
    builder = DecisionBuilder(job)
    complete_job(builder, event.result, now)
    return builder.build()


def on_output_failed(job: Job, event: e.OutputFailed, now: datetime) -> Decision | Ignored:
    if job.state.is_final:
        return Ignored(f"job is {job.state}")
    builder = DecisionBuilder(job)
    fail_job(builder, event.error, now)
    return builder.build()


def on_cancelled(job: Job, event: e.JobCancelled, now: datetime) -> Decision | Ignored:
    if (ignored := _not_cancelled(job)) is not None:
        return ignored
    told = replace(
        job,
        cancelled_by=event.by,
        cancelled_by_client=event.client,
        cancel_reason=event.reason,
    )
    return _cancelled(told, now)


def on_submission_withdrawn(job: Job, event: e.SubmissionWithdrawn) -> Decision | Ignored:
    if (ignored := _not_cancelled(job)) is not None:
        return ignored
    otherwise = e.JobCancelled(job.id, event.by, event.client, event.reason)
    return Decision(job, commands=(c.WithdrawSubmission(job.id, event.submission_id, otherwise),))


def on_timed_out(job: Job, _: e.JobTimedOut, now: datetime) -> Decision | Ignored:
    is_over = job.deadline_at is not None and job.deadline_at <= now
    if job.state.is_final or not is_over:
        return Ignored(f"job is {job.state}")
    if job.timeout is not None and job.deadline_at != job.must_end_at:
        error = f"timed out after {job.timeout.total_seconds():g}s"
    else:
        error = f"deadline {job.deadline_at:%Y-%m-%dT%H:%M:%SZ} passed"
    builder = DecisionBuilder(job)
    fail_job(builder, error, now)
    return builder.build()


def on_budget_spent(job: Job, _: e.BudgetSpent, now: datetime) -> Decision | Ignored:
    if job.state.is_final or not job.has_spent_its_budget:
        return Ignored(f"job is {job.state}")
    unit = job.rates.unit if job.rates else ""
    builder = DecisionBuilder(job)
    fail_job(builder, f"budget_exceeded: it has cost {job.cost} of {job.budget} {unit}", now)
    return builder.build()


def on_restarted(job: Job, event: e.JobRestarted, now: datetime) -> Decision | Ignored:
    position = event.from_position
    if position is not None and job.state.is_final:
        ignored = _not_from(job, position)
    elif job.state.may_restart:
        ignored = None
    else:
        ignored = _only({state for state in JobState if state.may_restart}, "restarted", job)
    if (ignored := ignored or not_yet_again(job, now)) is not None:
        return ignored
    # A parent that no longer waits has no say in it.
    own = job if job.parent is None else waited_for(job, job.parent, 0)
    stopped_at = progression_of(job).stopped_at
    goes_on = event.keeps_done and job.state.may_restart
    if position is None or (goes_on and stopped_at(job, position)):
        return _restarted(own, now)
    builder = DecisionBuilder(job)
    builder.move_job(_again(own, now))
    builder.send(c.Rewind(job.id, position, event.only_failed))
    return builder.build()


def on_rewound(job: Job, event: e.JobRewound) -> Decision | Ignored:
    if job.state is not JobState.PENDING:
        return Ignored(f"job is {job.state}")
    progression, position = progression_of(job), event.from_position
    again, command = progression.rewound(job, position, event.undone, only_failed=event.only_failed)
    kept_bytes = max(job.kept_bytes - event.kept_bytes, 0)
    return Decision(replace(again, kept_bytes=kept_bytes), commands=(command,))


def _not_from(job: Job, position: int) -> Ignored | None:
    """Why it can't begin again at that task."""
    if not 1 <= position <= job.task_count:
        return Ignored(f"the job has no task {position}: it has {job.task_count}")
    if job.kept_running:
        return Ignored("a job with services or daemons can't run again from one of its tasks")
    if not progression_of(job).has_reached(job, position):
        return Ignored(f"task {position} has not begun: a restart goes on from task {job.position}")
    return None


def not_yet_again(job: Job, now: datetime) -> Ignored | None:
    """Why a job that has ended can't begin again now."""
    if job.is_cancelling:
        return _STILL_CANCELLING
    return _BEING_DELETED if _is_being_deleted(job, now) else None


def on_subjob_resumed(job: Job, event: e.SubJobResumed, now: datetime) -> Decision | Ignored:
    if job.parent is None or job.parent.dispatch >= event.dispatch:
        return Ignored("its parent has said so already")
    if job.state.may_restart and job.is_cancelling:  # as if not heard: it will be said again
        return _STILL_CANCELLING
    if job.state.may_restart and _is_being_deleted(job, now):
        return _BEING_DELETED
    resumed = waited_for(job, job.parent, event.dispatch)
    if job.state.may_restart:
        return _restarted(resumed, now)
    return Decision(resumed, commands=(c.ReportToParent(resumed),) if job.state.is_final else ())


def on_subjob_abandoned(job: Job, event: e.SubJobAbandoned, now: datetime) -> Decision | Ignored:
    if job.parent is None or not 0 < job.parent.dispatch <= event.dispatch:
        return Ignored("that dispatch of its parent does not count any more")
    if job.state.is_final and job.parent.dispatch == event.dispatch:
        return Ignored(f"job is {job.state}")
    # Kept, so that a resumption that comes later than its end is known to be over.
    abandoned = waited_for(job, job.parent, event.dispatch)
    return Decision(abandoned) if job.state.is_final else _cancelled(abandoned, now)


def on_cancel_put_off(job: Job, _: e.CancelPutOff) -> Decision | Ignored:
    if job.is_cancelling:
        return Ignored("it goes on already")
    return Decision(replace(job, is_cancelling=True), commands=(c.ContinueCancel(job.id),))


def on_cancel_continued(job: Job, _: e.CancelContinued) -> Decision | Ignored:
    if not job.is_cancelling:
        return Ignored("nothing is left to be cancelled")
    return Decision(replace(job, is_cancelling=False), commands=(c.CancelTasks(job.id),))


_BEING_DELETED = Ignored("the job is being deleted")
_STILL_CANCELLING = Ignored("tasks of the job are still being cancelled: try again later")


def _only(allowed: Collection[JobState], done: str, job: Job) -> Ignored:
    """What a client asked for, and what its job would have to be for it to be `done`."""
    *others, last = [state for state in JobState if state in allowed]
    which = f"{', '.join(others)} or {last}"
    return Ignored(f"job is {job.state}: only a job that is {which} can be {done}")


def _not_cancelled(job: Job) -> Ignored | None:
    """Why it can't be cancelled."""
    if job.state is JobState.CANCELLED:
        return ALREADY_CANCELLED
    if job.state.is_final:
        return _only({state for state in JobState if not state.is_final}, "cancelled", job)
    return None


def waited_for(job: Job, parent: Parent, dispatch: int) -> Job:
    return replace(job, parent=replace(parent, dispatch=dispatch))


def _is_being_deleted(job: Job, now: datetime) -> bool:
    """Some of its tasks may be gone already."""
    return job.delete_at is not None and job.delete_at <= now


def _cancelled(job: Job, now: datetime) -> Decision:
    builder = DecisionBuilder(job)
    builder.move_job(replace(job, state=JobState.CANCELLED, cancelled_at=now))
    builder.send(c.CancelTasks(job.id))
    return builder.build()


def _restarted(job: Job, now: datetime) -> Decision:
    builder = DecisionBuilder(job)
    again, command = progression_of(job).again(job)
    builder.move_job(_again(again, now))
    if job.kept_running:
        builder.send(c.ReopenKept(job.id))
    builder.send(command)
    return builder.build()


def _again(job: Job, now: datetime) -> Job:
    return replace(as_not_ended(job), deadline_at=job.must_end_after(now))


def as_not_ended(job: Job) -> Job:
    """Restarted once more, without what it has of its end."""
    return replace(
        job,
        state=JobState.PENDING,
        restarts=job.restarts + 1,
        result=None,
        error=None,
        completed_at=None,
        failed_at=None,
        cancelled_at=None,
        cancelled_by=None,
        cancelled_by_client=None,
        cancel_reason=None,
        delete_at=None,
        slots=job.slots and job.slots.emptied(),
    )
