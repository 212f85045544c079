"""`python -m services.scheduler`: settings in, a running scheduler out."""

import sys

from services.scheduler.app import run
from services.scheduler.settings import SchedulerSettings
from shared.process.entry import enter
from shared.process.run import Stop
from shared.tracing.open_tracing import open_tracing
from shared.wiring.resources import opened_with_health


async def _serve(settings: SchedulerSettings, stop: Stop) -> None:
    async with (
        open_tracing("scheduler", settings.tracing) as tracing,
        opened_with_health(
            "scheduler", settings.broker, settings.postgres, settings.health, stop
        ) as ground,
    ):
        await run(settings, ground.broker, ground.pool, stop, ground.metrics, tracing)


def main() -> int:
    return enter("scheduler", SchedulerSettings, _serve)


if __name__ == "__main__":
    sys.exit(main())
