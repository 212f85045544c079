"""The entry of every service with a database: settings in, resources opened, served until told to
stop."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from shared.broker.protocol import Broker
from shared.postgres.pool import Pool
from shared.process.health import serve_health
from shared.process.metrics import Metrics
from shared.process.run import Stop, enter
from shared.process.settings.blocks import HealthSettings
from shared.process.settings.loading import DatabaseServiceSettings
from shared.tracing.open_tracing import open_tracing
from shared.tracing.protocol import Tracing
from shared.wiring.resources import Resources, open_resources, watched

S = TypeVar("S", bound=DatabaseServiceSettings)

Run = Callable[[S, Broker, Pool, Stop, Metrics, Tracing], Awaitable[None]]


def serve(service: str, settings_class: type[S], run: Run[S]) -> int:
    """Run it as the process's one job; the exit code."""

    async def main(settings: S, stop: Stop) -> None:
        # A coordinator has no such block: it serves both pages with its API.
        health: HealthSettings | None = getattr(settings, "health", None)
        async with (
            open_tracing(service, settings.tracing) as tracing,
            open_resources(service, settings.broker, settings.postgres) as resources,
            _pages(health, resources, stop),
        ):
            broker, pool, metrics = resources.broker, resources.pool, resources.metrics
            await run(settings, broker, pool, stop, metrics, tracing)

    return enter(service, settings_class, main)


@asynccontextmanager
async def _pages(
    health: HealthSettings | None, resources: Resources, stop: Stop
) -> AsyncIterator[None]:
    """`/health` and `/metrics`, where a setting says where."""
    if health is None:
        yield
        return
    async with (
        watched(resources.broker, resources.pool, resources.metrics, stop) as checks,
        serve_health(health, checks, resources.metrics),
    ):
        yield
