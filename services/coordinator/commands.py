"""What the API may do to a job: each is one event for the engine."""

from services.coordinator.ports import UnknownJob, WrongState
from shared.lifecycle import NO_SUCH_JOB, Ignored, JobCancelled, JobRestarted, JobSubmitted
from shared.store.apply import ALREADY_SUBMITTED, Work
from shared.store.engine import Engine
from shared.store.new_job import NewJob


class EngineCommands:
    """The API's `JobCommands`, carried out by the engine. All may raise DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def submit(self, new_job: NewJob) -> bool:
        """Store the job and send its first task; when this returns neither can be lost.

        False when its key was used before, and nothing has happened.
        """
        work = Work(JobSubmitted(new_job.job), new_job=new_job)
        return await self._engine.perform_one(work) != ALREADY_SUBMITTED

    async def cancel(self, job_id: str) -> None:
        """Raises UnknownJob, WrongState."""
        await self._act(JobCancelled(job_id))

    async def restart(self, job_id: str) -> None:
        """Raises UnknownJob, WrongState."""
        await self._act(JobRestarted(job_id))

    async def _act(self, event: JobCancelled | JobRestarted) -> None:
        outcome = await self._engine.perform_one(Work(event))
        if outcome == NO_SUCH_JOB:
            raise UnknownJob(event.job_id)
        if isinstance(outcome, Ignored):
            raise WrongState(outcome.reason)
