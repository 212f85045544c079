"""Health: `/health` and `/metrics`, in a small server of their own or mounted in an application."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from shared.process.guarantees import RECOVERS
from shared.process.listening import listen
from shared.process.metrics import Metrics, MetricSpec
from shared.process.settings.blocks import HealthSettings

Check = Callable[[], Sequence[str]]
"""What should be there and isn't, right now, in words; empty when all is well. Never waits."""


def health_routes(checks: Sequence[Check], metrics: Metrics) -> list[web.RouteDef]:
    """GET /health (200 UP, or 503 DOWN with what is missing) and GET /metrics."""

    async def health(_: web.Request) -> web.Response:
        missing = missing_of(checks)
        if missing:
            return web.json_response({"status": "DOWN", "missing": missing}, status=503)
        return web.json_response({"status": "UP"})

    async def show_metrics(_: web.Request) -> web.Response:
        page, content_type = metrics.render()
        return web.Response(body=page, headers={"Content-Type": content_type})

    return [web.get("/health", health), web.get("/metrics", show_metrics)]


_MISSING = MetricSpec(
    "health_missing",
    "Number of missing dependencies in `/health`: Postgres, the broker, a consumer, the runtime.",
    RECOVERS,
    "above 0 for a minute: `/health` names them",
)


def show_health(metrics: Metrics, checks: Sequence[Check]) -> None:
    metrics.read_one(_MISSING, lambda: len(missing_of(checks)))


def missing_of(checks: Sequence[Check]) -> list[str]:
    return [name for check in checks for name in check()]


@asynccontextmanager
async def serve_health(
    settings: HealthSettings, checks: Sequence[Check], metrics: Metrics
) -> AsyncIterator[str]:
    """Serve both pages while the context lasts; gives the server's URL. Raises OSError."""
    app = web.Application()
    app.add_routes(health_routes(checks, metrics))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await listen(runner, settings.host, settings.port, "CONVEYOR_HEALTH_ADDRESS")
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
