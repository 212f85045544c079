"""`python -m services.coordinator`: settings in, a running coordinator out."""

import sys

from services.coordinator.app import run
from services.coordinator.settings import CoordinatorSettings
from shared.process.entry import enter
from shared.process.run import Stop
from shared.tracing.open_tracing import open_tracing
from shared.wiring.resources import open_resources


async def _serve(settings: CoordinatorSettings, stop: Stop) -> None:
    async with (
        open_tracing("coordinator", settings.tracing) as tracing,
        open_resources("coordinator", settings.broker, settings.postgres) as ground,
    ):
        await run(settings, ground.broker, ground.pool, stop, ground.metrics, tracing)


def main() -> int:
    return enter("coordinator", CoordinatorSettings, _serve)


if __name__ == "__main__":
    sys.exit(main())
