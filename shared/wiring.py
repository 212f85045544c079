"""What a service with a database stands on: settings in, resources opened and watched, served until
told to stop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from conveyor.extensions.files import FileStore
from shared.broker.metrics import show_broker
from shared.broker.protocol import Broker, BrokerUnavailable
from shared.broker.rabbitmq.broker import open_broker
from shared.files.factory import opened_store
from shared.files.no_store import NoStore
from shared.files.settings import FilesSettings
from shared.files.watch import watched_store
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.migrate import migrate
from shared.postgres.pool import Pool, create_pool
from shared.postgres.watch import DatabaseWatch
from shared.process.health import Check, serve_health, show_health
from shared.process.loops import every
from shared.process.metrics import Metrics, show_process
from shared.process.run import Stop, enter
from shared.process.settings.blocks import HealthSettings, PostgresSettings
from shared.process.settings.loading import DatabaseServiceSettings
from shared.tracing.open_tracing import open_tracing
from shared.tracing.protocol import OFF, Tracing

log = structlog.get_logger(__name__)

UNAVAILABLE = (DatabaseUnavailable, BrokerUnavailable)
"""What such a service meets that passes by itself: try later."""

_LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Resources:
    broker: Broker
    pool: Pool
    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = OFF
    files: FileStore = field(default_factory=NoStore)
    files_settings: FilesSettings = field(default_factory=FilesSettings)


S = TypeVar("S", bound=DatabaseServiceSettings)

Run = Callable[[S, Resources, Stop], Awaitable[None]]

Checks = tuple[Check, ...]
"""They name what is missing: the database, the broker, any consumer, the store of files."""


def serve(service: str, settings_class: type[S], run: Run[S]) -> int:
    """Run it as the process's one job; the exit code."""

    async def main(settings: S, stop: Stop) -> None:
        # A coordinator has no such block: it serves both pages with its API.
        health: HealthSettings | None = getattr(settings, "health", None)
        async with (
            _open_resources(service, settings) as resources,
            _pages(health, resources, stop),
        ):
            await run(settings, resources, stop)

    return enter(service, settings_class, main)


@asynccontextmanager
async def watched(resources: Resources, stop: Stop) -> AsyncIterator[Checks]:
    """Looks at the database and the store of files while the context lasts, and shows in the
    metrics what is missing."""
    broker, metrics = resources.broker, resources.metrics
    watch = DatabaseWatch(resources.pool)
    looking = asyncio.create_task(
        every(watch.look, interval_seconds=_LOOK_SECONDS, stop=stop, name="look_at_database")
    )
    try:
        async with watched_store(resources.files, resources.files_settings, stop) as files:
            checks = (watch.missing, lambda: broker.missing, files)
            show_health(metrics, checks)
            show_broker(metrics, broker)
            show_process(metrics)
            yield checks
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


@asynccontextmanager
async def _open_resources(
    service: str, settings: DatabaseServiceSettings
) -> AsyncIterator[Resources]:
    """Connects in the background: a service starts before its database and its broker.

    Brings the schema up to date as soon as the database answers. Raises MigrationRejected (in a
    group) when they don't fit each other.
    """
    postgres = settings.postgres
    dsn = postgres.dsn.get_secret_value()
    # A dispatcher has no such block.
    files: FilesSettings = getattr(settings, "files", FilesSettings())
    async with (
        open_tracing(service, settings.tracing) as tracing,
        open_broker(settings.broker) as broker,
        opened_store(files) as store,
    ):
        pool = await create_pool(dsn, postgres, name=f"conveyor {service}")
        try:
            async with asyncio.TaskGroup() as group:
                migrating = group.create_task(_migrate(dsn, postgres))
                yield Resources(broker, pool, tracing=tracing, files=store, files_settings=files)
                migrating.cancel()
        finally:
            await pool.close()


async def _migrate(dsn: str, settings: PostgresSettings) -> None:
    while settings.migrate:
        try:
            await migrate(dsn)
            return
        except DatabaseUnavailable as error:
            # Until it answers, so do we: with 503, and with this in /health.
            log.warning("database_awaited", error=str(error))
            await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def _pages(
    health: HealthSettings | None, resources: Resources, stop: Stop
) -> AsyncIterator[None]:
    """`/health` and `/metrics`, where a setting says where."""
    if health is None:
        yield
        return
    async with (
        watched(resources, stop) as checks,
        serve_health(health, checks, resources.metrics),
    ):
        yield
