"""`python -m services.coordinator`: settings in, a running coordinator out."""

import sys

from services.coordinator.app import run
from services.coordinator.settings import CoordinatorSettings
from shared.process.entry import enter
from shared.process.run import Stop
from shared.store.opening import opened_ground
from shared.tracing.opening import opened_tracing


async def _serve(settings: CoordinatorSettings, stop: Stop) -> None:
    async with (
        opened_tracing("coordinator", settings.tracing) as tracing,
        opened_ground("coordinator", settings.broker, settings.postgres) as ground,
    ):
        await run(settings, ground.broker, ground.pool, stop, ground.metrics, tracing)


def main() -> int:
    return enter("coordinator", CoordinatorSettings, _serve)


if __name__ == "__main__":
    sys.exit(main())
