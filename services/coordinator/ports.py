"""What the HTTP door needs from outside."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Concatenate, ParamSpec, TypeVar

from conveyor.extensions.files import FileStore
from services.coordinator.commands import JobCommands
from services.coordinator.dead_letters import DeadLetters
from services.coordinator.live.follower import Live
from services.coordinator.node_commands import NodeCommands
from services.coordinator.schedule_commands import ScheduleCommands
from services.coordinator.store.connected import connected
from services.coordinator.waiting import FinalJobs
from shared.broker.protocol import Broker
from shared.files.links import Links
from shared.files.settings import FilesSettings
from shared.planning.terms import FREE, Terms
from shared.postgres.pool import Connection, Pool
from shared.process.health import Check
from shared.process.metrics import Metrics
from shared.process.sealing import Sealer
from shared.tracing.protocol import OFF, Tracing

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPorts:
    commands: JobCommands
    schedules: ScheduleCommands
    nodes: NodeCommands
    pool: Pool
    final_jobs: FinalJobs
    live: Live
    broker: Broker
    dead_letters: DeadLetters
    sealer: Sealer
    metrics: Metrics
    tracing: Tracing = OFF
    health_checks: Sequence[Check] = ()
    files: FileStore | None = None
    """None: no store is set up."""
    links: Links | None = None
    """Which links lead to `files` through the API: where it is a directory."""

    files_settings: FilesSettings = field(default_factory=FilesSettings)
    """What addresses that jobs name have to keep to, and how long a bucket keeps results."""

    terms: Terms = FREE
    """The prices of today."""

    async def run(
        self,
        query: Callable[Concatenate[Connection, P], Awaitable[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """`query` of the store, on a connection of its own. Raises DatabaseUnavailable."""
        return await connected(self.pool, query, *args, **kwargs)
