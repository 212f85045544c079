"""`python -m services.webhook_dispatcher`: settings in, a running dispatcher out."""

import sys

from services.webhook_dispatcher.app import run
from services.webhook_dispatcher.settings import DispatcherSettings
from shared.wiring import serve


def main() -> int:
    return serve("webhook-dispatcher", DispatcherSettings, run)


if __name__ == "__main__":
    sys.exit(main())
