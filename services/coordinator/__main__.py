"""`python -m services.coordinator`: settings in, a running coordinator out."""

import sys

from services.coordinator.app import run
from services.coordinator.settings import CoordinatorSettings
from shared.wiring import serve


def main() -> int:
    return serve("coordinator", CoordinatorSettings, run)


if __name__ == "__main__":
    sys.exit(main())
