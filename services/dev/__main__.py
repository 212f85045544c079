"""`python -m services.dev`: everything in one process."""

import sys

import structlog

from services.dev.app import run
from services.dev.postgres.programs import EmbeddedPostgresError
from services.dev.settings import DevSettings
from shared.process.run import Stop, enter

log = structlog.get_logger()


async def _serve(settings: DevSettings, stop: Stop) -> None:
    try:
        await run(settings, stop)
    except (EmbeddedPostgresError, OSError) as error:
        # What a user can put right (a port or a data directory in use): no traceback.
        log.error("conveyor_start_failed", reason=str(error))
        sys.exit(1)


def main() -> int:
    return enter("dev", DevSettings, _serve)


if __name__ == "__main__":
    sys.exit(main())
