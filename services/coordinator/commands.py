"""What the API may do to a job: each is one event for the batcher."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from services.coordinator.store import subjob_priorities
from services.coordinator.store.connected import connected
from shared.apply.apply import NAME_TAKEN, BalanceTooLow, Reused, UploadsRefused, Work
from shared.apply.batcher import Batcher
from shared.lifecycle import (
    ALREADY_CANCELLED,
    NO_SUCH_JOB,
    Decision,
    Ignored,
    Job,
    JobCancelled,
    JobLock,
    JobLocked,
    JobPrioritized,
    JobReleased,
    JobRestarted,
    JobSubmitted,
    JobUnlocked,
    JobUpdated,
    LockRenewed,
    ShutOut,
    SubmissionWithdrawn,
    TaskProgressed,
)
from shared.planning.new_job import IdempotencyKey, NewJob
from shared.postgres.pool import Pool
from shared.process.metrics import MADE_ONCE, Metrics, MetricSpec
from shared.store import submissions
from shared.store.idempotency import first_made
from shared.store.uploads import not_usable

_SUBMISSIONS = MetricSpec(
    "submissions_total",
    "Accepted submissions: `made`, `repeated` with the idempotency key of an existing job, or "
    "`reused`: answered with a job that does the same work.",
    MADE_ONCE,
    labels=("outcome",),
)


MOST_LOOKS = 20
"""At what a submission is answered with, or a trigger acts on. One more is nearly always enough."""


class UnknownJob(Exception):
    """There is no job with that id."""


class WrongState(Exception):
    """The job's state does not allow it; the text is the reason, with the states that do."""


class NameTaken(Exception):
    """Another job has the name of the new one; the text is that."""


class InsufficientBalance(Exception):
    """The job may not begin for want of money; the text says how much there is."""


class CannotUpdate(Exception):
    """The job can't have that version now; the text is the reason."""


class LockedByOther(Exception):
    """The job is locked, and not with the token that was shown; the text says until when."""


class NotLockable(Exception):
    """The lock of the job can't be had, or is not there; the text is the reason."""


class Unsettled(Exception):
    """What the submission is to be answered with, or the trigger acts on, has changed at each look;
    the text says how."""


class KeyReused(Exception):
    """The idempotency key was used before, with another body."""


@dataclass(frozen=True, slots=True)
class Restart:
    """From the task at `position`, None for where the job stopped: see `JobRestarted`."""

    position: int | None = None
    keeps_done: bool = True
    only_failed: bool = False


@dataclass(frozen=True, slots=True)
class ShownLock:
    """The digest of the token of a lock that a client shows, if any; or it `is_overridden`."""

    key: str | None = None
    is_overridden: bool = False


NO_LOCK = ShownLock()


@dataclass(frozen=True, slots=True)
class Submitter:
    """With what a job is submitted: a program, and the name of an API key."""

    client: str | None = None
    key_name: str | None = None


UNKNOWN = Submitter()


@dataclass(frozen=True, slots=True)
class Submitted:
    """The job that a submission has made, or that the first one with its key had made before, or
    that does the same work and `is_reused`."""

    job_id: str
    is_new: bool
    is_reused: bool = False


@dataclass(frozen=True, slots=True)
class Updated:
    """The job has this version now; None: it was submitted before with the same key."""

    job_id: str
    version: int | None


async def made_before(pool: Pool, key: IdempotencyKey) -> str | None:
    """The id of what the key's first submission has made; None when the key was just forgotten.

    Raises KeyReused when something else was submitted then, DatabaseUnavailable.
    """
    first = await connected(pool, first_made, key)
    if first is None:
        return None
    if first.body_hash != key.body_hash:
        raise KeyReused(key.key)
    return first.made_id


class JobCommands:
    """All may raise DatabaseUnavailable."""

    def __init__(self, batcher: Batcher, pool: Pool, metrics: Metrics) -> None:
        self._batcher = batcher
        self._pool = pool
        submissions = metrics.counter(_SUBMISSIONS)
        self._made, self._repeated = submissions.labels("made"), submissions.labels("repeated")
        self._reused = submissions.labels("reused")

    async def submit(self, new: NewJob, by: Submitter = UNKNOWN) -> Submitted:
        """Store the job and send its first task; when this returns neither can be lost.

        Raises KeyReused, NameTaken, InvalidJob, InsufficientBalance, Unsettled.
        """
        new = replace(new, client=by.client, key_name=by.key_name)
        work = Work(JobSubmitted(new.job), new_job=new)
        looks = 0
        while isinstance(outcome := await self._batcher.perform_one(work), Ignored):
            if isinstance(outcome, BalanceTooLow):
                raise InsufficientBalance(outcome.reason)
            if isinstance(outcome, Reused):
                self._reused.inc()
                return Submitted(outcome.job_id, is_new=False, is_reused=True)
            # A key may be forgotten between these two looks at it: then it is as good as new.
            if new.key and (job_id := await made_before(self._pool, new.key)):
                self._repeated.inc()
                return Submitted(job_id, is_new=False)
            if outcome == NAME_TAKEN and new.named:
                raise NameTaken(new.named.name)
            if isinstance(outcome, UploadsRefused):
                raise not_usable(new.definition.uploads, outcome.names)
            # What was in the way is committed by now, or gone: the next look finds that.
            looks += 1
            if looks == MOST_LOOKS:
                raise Unsettled(outcome.reason)
        self._made.inc()
        return Submitted(new.job.id, is_new=True)

    async def was_made(self, key: IdempotencyKey | None) -> bool:
        """Whether what is submitted with the key was before. Raises KeyReused."""
        return key is not None and await self.made_with(key) is not None

    async def made_with(self, key: IdempotencyKey) -> str | None:
        """The id of the job, if there is one. Raises KeyReused."""
        return await made_before(self._pool, key)

    async def update(
        self,
        new: NewJob,
        *,
        base_version: int | None = None,
        is_forced: bool = False,
        lock: ShownLock = NO_LOCK,
    ) -> Updated:
        """`new` has the id of the job that it is a version of, made from `base_version` (None: from
        whichever is the last). `is_forced`: executions are made anew even if nothing differs.

        Raises UnknownJob, CannotUpdate, LockedByOther, KeyReused, InvalidJob,
        InsufficientBalance.
        """
        event = JobUpdated(new.job.id, base_version, is_forced, lock.key, lock.is_overridden)
        outcome = await self._batcher.perform_one(Work(event, new_version=new))
        if isinstance(outcome, Decision):
            return Updated(new.job.id, outcome.job.spec_version)
        if new.key and (job_id := await made_before(self._pool, new.key)):
            return Updated(job_id, None)
        if outcome == NO_SUCH_JOB:
            raise UnknownJob(new.job.id)
        if isinstance(outcome, BalanceTooLow):
            raise InsufficientBalance(outcome.reason)
        if isinstance(outcome, UploadsRefused):
            raise not_usable(new.definition.uploads, outcome.names)
        if isinstance(outcome, ShutOut):
            raise LockedByOther(outcome.reason)
        raise CannotUpdate(outcome.reason)

    async def lock(self, job_id: str, by: str | None, key: str, ttl: timedelta) -> JobLock:
        """`key` is the digest of a new token. Raises UnknownJob, NotLockable."""
        return await self._locked(JobLocked(job_id, by, key, ttl))

    async def renew_lock(self, job_id: str, key: str, ttl: timedelta) -> JobLock:
        """Raises UnknownJob, NotLockable, LockedByOther."""
        return await self._locked(LockRenewed(job_id, key, ttl))

    async def unlock(self, job_id: str, shown: ShownLock) -> None:
        """Raises UnknownJob, NotLockable, LockedByOther."""
        await self._on_lock(JobUnlocked(job_id, shown.key, shown.is_overridden))

    async def _locked(self, event: JobLocked | LockRenewed) -> JobLock:
        job = await self._on_lock(event)
        assert job.lock is not None  # noqa: S101 - it was just decided
        return job.lock

    async def _on_lock(self, event: JobLocked | LockRenewed | JobUnlocked) -> Job:
        outcome = await self._batcher.perform_one(Work(event))
        if isinstance(outcome, Decision):
            return outcome.job
        if outcome == NO_SUCH_JOB:
            raise UnknownJob(event.job_id)
        error = LockedByOther if isinstance(outcome, ShutOut) else NotLockable
        raise error(outcome.reason)

    async def cancel(
        self,
        job_id: str,
        by: str | None,
        *,
        client: str | None = None,
        reason: str = "",
        submission_id: str | None = None,
    ) -> None:
        """`by` is who asks, with the program `client`. A job that is cancelled already stays as it
        is. With a `submission_id` this one is taken back, and the job goes on if there are others.
        Raises UnknownJob, WrongState."""
        if submission_id is None:
            await self._act(JobCancelled(job_id, by, client, reason or None))
            return
        if not await connected(self._pool, submissions.is_known, job_id, submission_id):
            raise WrongState(f"the job has no submission {json.dumps(submission_id)}")
        await self._act(SubmissionWithdrawn(job_id, submission_id, by, client, reason or None))

    async def restart(self, job_id: str, again: Restart) -> None:
        """Raises UnknownJob, WrongState, InsufficientBalance."""
        event = JobRestarted(job_id, again.position, again.keeps_done, again.only_failed)
        await self._act(event)

    async def release(
        self, job_id: str, budget: Decimal | None = None, hold: Decimal | None = None
    ) -> None:
        """The held job begins, or waits for its time. It may cost `budget`, and `hold` is kept for
        it. Raises UnknownJob, WrongState, InsufficientBalance."""
        await self._act(JobReleased(job_id, budget, hold))

    async def prioritize(self, job_id: str, priority: int) -> None:
        """What waits of the job and of the sub-jobs that it waits for is sent again. Raises
        UnknownJob, WrongState."""
        await self._act(JobPrioritized(job_id, priority))
        # Those that begin from now on have it. Looked at until none is left: another request may
        # change the priority of the job meanwhile, and the last must count for all of them.
        while behind := await connected(self._pool, subjob_priorities.behind, job_id):
            events = [JobPrioritized(*each) for each in behind]
            for outcome in await self._batcher.perform([Work(event) for event in events]):
                if isinstance(outcome, BaseException):
                    raise outcome

    async def report_progress(self, event: TaskProgressed) -> None:
        """Of an attempt that doesn't run any more it is no news."""
        await self._batcher.perform_one(Work(event))

    async def _act(
        self,
        event: JobCancelled | SubmissionWithdrawn | JobPrioritized | JobReleased | JobRestarted,
    ) -> None:
        outcome = await self._batcher.perform_one(Work(event))
        if outcome == NO_SUCH_JOB:
            raise UnknownJob(event.job_id)
        if isinstance(outcome, BalanceTooLow):
            raise InsufficientBalance(outcome.reason)
        if isinstance(outcome, Ignored) and outcome != ALREADY_CANCELLED:
            raise WrongState(outcome.reason)
