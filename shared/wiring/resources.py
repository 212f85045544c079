"""What a service with a database stands on: broker, pool, and a look at both for its health."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from shared.broker.metrics import show_broker
from shared.broker.protocol import Broker, BrokerUnavailable
from shared.broker.rabbitmq.broker import open_broker
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.migrate import migrate
from shared.postgres.pool import Pool, create_pool
from shared.postgres.watch import DatabaseWatch
from shared.process.health import Check, show_health
from shared.process.loops import every
from shared.process.metrics import Metrics, show_process
from shared.process.run import Stop
from shared.process.settings.blocks import BrokerSettings, PostgresSettings

log = structlog.get_logger(__name__)

UNAVAILABLE = (DatabaseUnavailable, BrokerUnavailable)
"""What such a service meets that passes by itself: try later."""

_LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Resources:
    broker: Broker
    pool: Pool
    metrics: Metrics


Checks = tuple[Check, ...]
"""They name what is missing: the database, the broker, any consumer."""


@asynccontextmanager
async def open_resources(
    service: str, broker: BrokerSettings, postgres: PostgresSettings
) -> AsyncIterator[Resources]:
    """Connects in the background: a service starts before its database and its broker.

    Brings the schema up to date as soon as the database answers. Raises MigrationRejected (in a
    group) when they don't fit each other.
    """
    async with open_broker(broker) as connecting:
        dsn = postgres.dsn.get_secret_value()
        pool = await create_pool(dsn, postgres, name=f"conveyor {service}")
        try:
            async with asyncio.TaskGroup() as group:
                migrating = group.create_task(_migrate(dsn, postgres))
                yield Resources(connecting, pool, Metrics())
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
async def watched(
    broker: Broker, pool: Pool, metrics: Metrics, stop: Stop
) -> AsyncIterator[Checks]:
    """Looks at the database while the context lasts, and shows in `metrics` what is missing."""
    watch = DatabaseWatch(pool)
    looking = asyncio.create_task(
        every(watch.look, interval_seconds=_LOOK_SECONDS, stop=stop, name="look_at_database")
    )
    try:
        checks = (watch.missing, lambda: broker.missing)
        show_health(metrics, checks)
        show_broker(metrics, broker)
        show_process(metrics)
        yield checks
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
