"""`python -m services.scheduler`: settings in, a running scheduler out."""

import sys

from services.scheduler.app import run
from services.scheduler.settings import SchedulerSettings
from shared.wiring import serve


def main() -> int:
    return serve("scheduler", SchedulerSettings, run)


if __name__ == "__main__":
    sys.exit(main())
