"""`python -m services.webhook_dispatcher`: settings in, a running dispatcher out."""

import sys

from services.webhook_dispatcher.app import run
from services.webhook_dispatcher.settings import DispatcherSettings
from shared.process.entry import enter
from shared.process.run import Stop
from shared.tracing.open_tracing import open_tracing
from shared.wiring.resources import opened_with_health


async def _serve(settings: DispatcherSettings, stop: Stop) -> None:
    async with (
        open_tracing("webhook-dispatcher", settings.tracing) as tracing,
        opened_with_health(
            "webhook-dispatcher", settings.broker, settings.postgres, settings.health, stop
        ) as ground,
    ):
        await run(settings, ground.broker, ground.pool, stop, ground.metrics, tracing)


def main() -> int:
    return enter("webhook-dispatcher", DispatcherSettings, _serve)


if __name__ == "__main__":
    sys.exit(main())
