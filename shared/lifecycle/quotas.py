"""What a job may keep in the store of files."""

from shared.definition.files import OVER_QUOTA
from shared.lifecycle import attempt_events as a
from shared.lifecycle.replacing import replace
from shared.lifecycle.values import Job

Ended = a.TaskSucceeded | a.TaskFailed


def within_quota(job: Job, event: Ended, most_bytes: int | None) -> Ended:
    """The event as it counts: an attempt that would have the job keep more than `most_bytes` keeps
    nothing, and has failed. None: no limit."""
    kept = job.kept_bytes + event.kept_bytes
    if most_bytes is None or event.kept_bytes <= 0 or kept <= most_bytes:
        return event
    if isinstance(event, a.TaskFailed):
        return replace(event, kept_bytes=0)
    return a.TaskFailed(
        event.job_id,
        event.task_id,
        event.dispatch,
        event.node_id,
        error=f"{OVER_QUOTA}: {kept:,}, and at most {most_bytes:,}",
        log_parts=event.log_parts,
        timings=event.timings,
        image_digest=event.image_digest,
    )
