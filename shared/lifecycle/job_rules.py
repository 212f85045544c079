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


def on_submitted(job: Job, _: e.JobSubmitted) -> Decision | Ignored:
    return Decision(job, commands=(c.AnnounceJob(job), progression_of(job).first(job)))


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


def on_cancelled(job: Job, _: e.JobCancelled) -> Decision | Ignored:
    if job.state.is_final:
        return _only({state for state in JobState if not state.is_final}, "cancelled", job)
    return _cancelled(job)


def on_timed_out(job: Job, _: e.JobTimedOut, now: datetime) -> Decision | Ignored:
    is_over = job.deadline_at is not None and job.deadline_at <= now
    if job.state.is_final or job.timeout is None or not is_over:
        return Ignored(f"job is {job.state}")
    builder = DecisionBuilder(job)
    fail_job(builder, f"timed out after {job.timeout.total_seconds():g}s", now)
    return builder.build()


def on_restarted(job: Job, _: e.JobRestarted, now: datetime) -> Decision | Ignored:
    if not job.state.may_restart:
        return _only({state for state in JobState if state.may_restart}, "restarted", job)
    if job.is_cancelling:
        return _STILL_CANCELLING
    if _is_being_deleted(job, now):
        return _BEING_DELETED
    # A parent that no longer waits has no say in it.
    return _restarted(job if job.parent is None else _waited_for(job, job.parent, 0))


def on_subjob_resumed(job: Job, event: e.SubJobResumed, now: datetime) -> Decision | Ignored:
    if job.parent is None or job.parent.dispatch >= event.dispatch:
        return Ignored("its parent has said so already")
    if job.state.may_restart and job.is_cancelling:  # as if not heard: it will be said again
        return _STILL_CANCELLING
    if job.state.may_restart and _is_being_deleted(job, now):
        return _BEING_DELETED
    resumed = _waited_for(job, job.parent, event.dispatch)
    if job.state.may_restart:
        return _restarted(resumed)
    return Decision(resumed, commands=(c.ReportToParent(resumed),) if job.state.is_final else ())


def on_subjob_abandoned(job: Job, event: e.SubJobAbandoned) -> Decision | Ignored:
    if job.parent is None or not 0 < job.parent.dispatch <= event.dispatch:
        return Ignored("that dispatch of its parent does not count any more")
    if job.state.is_final and job.parent.dispatch == event.dispatch:
        return Ignored(f"job is {job.state}")
    # Kept, so that a resumption that comes later than its end is known to be over.
    abandoned = _waited_for(job, job.parent, event.dispatch)
    return Decision(abandoned) if job.state.is_final else _cancelled(abandoned)


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


def _waited_for(job: Job, parent: Parent, dispatch: int) -> Job:
    return replace(job, parent=replace(parent, dispatch=dispatch))


def _is_being_deleted(job: Job, now: datetime) -> bool:
    """Some of its tasks may be gone already."""
    return job.delete_at is not None and job.delete_at <= now


def _cancelled(job: Job) -> Decision:
    builder = DecisionBuilder(job)
    builder.move_job(replace(job, state=JobState.CANCELLED))
    builder.send(c.CancelTasks(job.id))
    return builder.build()


def _restarted(job: Job) -> Decision:
    builder = DecisionBuilder(job)
    again, command = progression_of(job).again(job)
    builder.move_job(
        replace(
            again,
            state=JobState.PENDING,
            restarts=job.restarts + 1,
            error=None,
            failed_at=None,
            delete_at=None,
        )
    )
    builder.send(command)
    return builder.build()
