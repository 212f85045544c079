"""`python -m tests.chaos.service NAME`: that service, its clock to be set, its broker unruly."""

import sys
from importlib import import_module

from shared.broker.rabbitmq import broker
from tests.chaos.unruly import UnrulyBroker
from tests.support.fake_clock import follow_clock


def main(name: str) -> int:
    follow_clock()
    vars(broker)["RabbitBroker"] = UnrulyBroker  # by this name the services open theirs
    code: int = import_module(f"services.{name}.__main__").main()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
