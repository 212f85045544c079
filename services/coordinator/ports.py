"""What the HTTP door needs from outside, each as the narrowest thing that will do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.coordinator.dead_letters import DeadLetters
from services.coordinator.live.live import Live
from services.coordinator.store.access import AccessStore
from services.coordinator.store.reads import Reads
from services.coordinator.store.schedules import Schedules
from services.coordinator.waiting import FinalJobs
from shared.broker import Broker
from shared.planning.new_job import NewJob
from shared.process.health import Check
from shared.process.metrics import Metrics
from shared.process.sealing import Sealer
from shared.tracing.protocol import OFF, Tracing


class UnknownJob(Exception):
    """There is no job with that id."""


class WrongState(Exception):
    """The job's state does not allow it; the text is the reason, with the states that do."""


class JobCommands(Protocol):
    """What a client may do to a job. All may raise DatabaseUnavailable."""

    async def submit(self, new_job: NewJob) -> bool:
        """Store the job; when this returns it can't be lost. False: its key was used before."""
        ...

    async def cancel(self, job_id: str) -> None:
        """Raises UnknownJob, WrongState."""
        ...

    async def restart(self, job_id: str) -> None:
        """Raises UnknownJob, WrongState."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPorts:
    commands: JobCommands
    reads: Reads
    access: AccessStore
    schedules: Schedules
    final_jobs: FinalJobs
    live: Live
    broker: Broker
    dead_letters: DeadLetters
    sealer: Sealer
    metrics: Metrics
    tracing: Tracing = OFF
    health_checks: Sequence[Check] = ()
