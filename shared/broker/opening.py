"""The broker that the settings name, open while the context lasts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.broker.protocol import Broker
from shared.broker.rabbitmq import RabbitBroker
from shared.process.settings.blocks import BrokerSettings


@asynccontextmanager
async def opened_broker(settings: BrokerSettings) -> AsyncIterator[Broker]:
    broker = RabbitBroker(
        settings.url.get_secret_value(),
        quorum=settings.queue_type == "quorum",
        confirm_timeout_seconds=settings.confirm_timeout_seconds,
    )
    await broker.start()
    try:
        yield broker
    finally:
        await broker.close()
