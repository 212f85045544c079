"""Traces as the settings have them, for as long as a service runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.process.run import CannotStart
from shared.process.settings.blocks import TracingSettings
from shared.tracing.protocol import OFF, Tracing


@asynccontextmanager
async def open_tracing(service: str, settings: TracingSettings) -> AsyncIterator[Tracing]:
    """Raises CannotStart when they are on and OpenTelemetry is not installed."""
    if not settings.enabled:
        yield OFF
        return
    try:
        from shared.tracing.otel import OpenTelemetry
    except ImportError as error:
        raise CannotStart(
            f"CONVEYOR_TRACING_ENABLED: {error}; install it with pip install 'conveyor[otel]'"
        ) from error
    tracing = OpenTelemetry(service)
    try:
        yield tracing
    finally:
        await tracing.close()
