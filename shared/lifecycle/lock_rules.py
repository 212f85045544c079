"""What becomes of the lock of a job, and whom it shuts out."""

from dataclasses import dataclass
from datetime import datetime

from shared.lifecycle import lock_events as k
from shared.lifecycle.decision import Decision, DecisionBuilder, Ignored
from shared.lifecycle.locks import JobLock
from shared.lifecycle.replacing import replace
from shared.lifecycle.values import Job


@dataclass(frozen=True, slots=True)
class ShutOut(Ignored):
    """Somebody else has the lock."""


def on_locked(job: Job, event: k.JobLocked, now: datetime) -> Decision | Ignored:
    if job.state.is_final:
        return Ignored(f"job is {job.state}: only a job that has not ended can be locked")
    if job.lock is not None and job.lock.is_held(now):
        return Ignored(f"job is already locked, until {_shown(job.lock.expires_at)}")
    return _with_lock(job, JobLock(event.by, event.key, now, now + event.ttl))


def on_lock_renewed(job: Job, event: k.LockRenewed, now: datetime) -> Decision | Ignored:
    if job.lock is None or not job.lock.is_held(now):
        return Ignored("job is not locked, or its lock has expired")
    if job.lock.shuts_out(event.key, now):
        return _shut_out(event.key)
    return _with_lock(job, replace(job.lock, expires_at=now + event.ttl))


def on_unlocked(job: Job, event: k.JobUnlocked, now: datetime) -> Decision | Ignored:
    if job.lock is None:
        return Ignored("job is not locked")
    if job.lock.shuts_out(event.key, now) and not event.is_forced:
        return _shut_out(event.key)
    return _with_lock(job, None)


def _shut_out(key: str | None) -> ShutOut:
    if not key:
        return ShutOut("the job is locked: the token of its lock is missing")
    return ShutOut("the job is locked with another token")


def locked_out(job: Job, key: str | None, now: datetime) -> ShutOut | None:
    """Why whoever has the token with this digest, if any, may not change what the job does."""
    if job.lock is None or not job.lock.shuts_out(key, now):
        return None
    return ShutOut(
        f"the job is locked until {_shown(job.lock.expires_at)}: what it does can't change"
    )


def _with_lock(job: Job, lock: JobLock | None) -> Decision:
    builder = DecisionBuilder(replace(job, lock=lock))
    builder.progress_job(job.progress)
    return builder.build()


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
