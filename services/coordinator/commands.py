"""What the API may do to a job: each is one event for the batcher."""

from services.coordinator.ports import UnknownJob, WrongState
from shared.apply.apply import ALREADY_SUBMITTED, Work
from shared.apply.batcher import Batcher
from shared.lifecycle import NO_SUCH_JOB, Ignored, JobCancelled, JobRestarted, JobSubmitted
from shared.planning.new_job import NewJob
from shared.process.guarantees import MADE_ONCE
from shared.process.metrics import Metrics, MetricSpec

_SUBMISSIONS = MetricSpec(
    "submissions_total",
    "Submissions that were taken: `made`, or `repeated` under an idempotency key that had made "
    "its job before.",
    MADE_ONCE,
    labels=("outcome",),
)


class EngineCommands:
    """The API's `JobCommands`, carried out by the batcher. All may raise DatabaseUnavailable."""

    def __init__(self, batcher: Batcher, metrics: Metrics) -> None:
        self._batcher = batcher
        submissions = metrics.counter(_SUBMISSIONS)
        self._made, self._repeated = submissions.labels("made"), submissions.labels("repeated")

    async def submit(self, new_job: NewJob) -> bool:
        """Store the job and send its first task; when this returns neither can be lost.

        False when its key was used before, and nothing has happened.
        """
        work = Work(JobSubmitted(new_job.job), new_job=new_job)
        is_new = await self._batcher.perform_one(work) != ALREADY_SUBMITTED
        (self._made if is_new else self._repeated).inc()
        return is_new

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
