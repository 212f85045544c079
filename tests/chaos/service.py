"""`python -m tests.chaos.service NAME`: that service, with a broker that can become unruly."""

import os
import sys
from importlib import import_module

from shared.broker.rabbitmq import broker
from tests.chaos.unruly import UnrulyBroker


def main(name: str) -> int:
    # A clock that can be set is for this process alone, not for its watchdog and its tasks.
    os.environ.pop("LD_PRELOAD", None)
    vars(broker)["RabbitBroker"] = UnrulyBroker  # by this name the services open theirs
    code: int = import_module(f"services.{name}.__main__").main()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
