"""The brokers that one suite runs against."""

from collections.abc import AsyncIterator

import pytest

from shared.broker.in_process import InProcessBroker
from shared.broker.protocol import Broker
from shared.broker.rabbitmq.broker import RabbitBroker
from tests.support.servers.brokers import BROKERS, wait_until_up
from tests.support.servers.rabbitmq_installations import FOUR
from tests.support.servers.rabbitmq_versions import RabbitKind


@pytest.fixture(params=BROKERS)
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    """A broker that is up, of each implementation in turn."""
    chosen: Broker
    if request.param == "in-process":
        chosen = InProcessBroker()
    else:
        kind: RabbitKind = request.param
        server = "rabbitmq_4_url" if kind.version == FOUR else "rabbitmq_url"
        chosen = RabbitBroker(request.getfixturevalue(server), quorum=kind.is_quorum)
    await chosen.start()
    await wait_until_up(chosen)
    yield chosen
    await chosen.close()
