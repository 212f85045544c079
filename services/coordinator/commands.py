"""What the API may do to a job: each is one event for the batcher."""

from dataclasses import dataclass

from services.coordinator.store.connected import connected
from shared.apply.apply import UploadsRefused, Work
from shared.apply.batcher import Batcher
from shared.lifecycle import NO_SUCH_JOB, Ignored, JobCancelled, JobRestarted, JobSubmitted
from shared.planning.new_job import IdempotencyKey, NewJob
from shared.postgres.pool import Pool
from shared.process.metrics import MADE_ONCE, Metrics, MetricSpec
from shared.store.idempotency import first_made
from shared.store.uploads import not_usable

_SUBMISSIONS = MetricSpec(
    "submissions_total",
    "Accepted submissions: `made`, or `repeated` with the idempotency key of an existing job.",
    MADE_ONCE,
    labels=("outcome",),
)


class UnknownJob(Exception):
    """There is no job with that id."""


class WrongState(Exception):
    """The job's state does not allow it; the text is the reason, with the states that do."""


class KeyReused(Exception):
    """The idempotency key was used before, with another body."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """The job that a submission has made, or that the first one with its key had made before."""

    job_id: str
    is_new: bool


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

    async def submit(self, new: NewJob) -> Submitted:
        """Store the job and send its first task; when this returns neither can be lost.

        Raises KeyReused, InvalidJob.
        """
        work = Work(JobSubmitted(new.job), new_job=new)
        while isinstance(outcome := await self._batcher.perform_one(work), Ignored):
            # A key may be forgotten between these two looks at it: then it is as good as new.
            if new.key and (job_id := await made_before(self._pool, new.key)):
                self._repeated.inc()
                return Submitted(job_id, is_new=False)
            if isinstance(outcome, UploadsRefused):
                raise not_usable(new.definition.uploads, outcome.names)
        self._made.inc()
        return Submitted(new.job.id, is_new=True)

    async def cancel(self, job_id: str) -> None:
        """Raises UnknownJob, WrongState."""
        await self._act(JobCancelled(job_id))

    async def restart(self, job_id: str) -> None:
        """Raises UnknownJob, WrongState."""
        await self._act(JobRestarted(job_id))

    async def _act(self, event: JobCancelled | JobRestarted) -> None:
        outcome = await self._batcher.perform_one(Work(event))
        if outcome == NO_SUCH_JOB:
            raise UnknownJob(event.job_id)
        if isinstance(outcome, Ignored):
            raise WrongState(outcome.reason)
