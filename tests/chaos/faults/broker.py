"""Faults of RabbitMQ: killed with and without its data, its connections cut, its queues deleted."""

import asyncio
from dataclasses import dataclass

import aio_pika

from tests.chaos.faults.fault import EVERY_WORKER, Fault
from tests.chaos.system import BROKER, System
from tests.support.servers.frozen_server import freeze, thaw


class _OnBroker(Fault):
    @property
    def hits(self) -> frozenset[str]:
        return frozenset({BROKER})

    @property
    def restarts(self) -> frozenset[str]:
        """It is away for longer than a lease, or what was in it is gone."""
        return EVERY_WORKER


class BrokerKilled(_OnBroker):
    def __str__(self) -> str:
        return "kill -9 RabbitMQ"

    async def strike(self, system: System) -> None:
        await asyncio.to_thread(system.rabbit.kill)

    async def heal(self, system: System) -> None:
        system.rabbit.launch()
        await asyncio.to_thread(system.rabbit.wait_ready)


class BrokerEmptied(BrokerKilled):
    def __str__(self) -> str:
        return "kill -9 RabbitMQ, its data lost"

    async def strike(self, system: System) -> None:
        await super().strike(system)
        await asyncio.to_thread(system.rabbit.lose_data)


class BrokerFrozen(_OnBroker):
    def __str__(self) -> str:
        return "freeze RabbitMQ"

    async def strike(self, system: System) -> None:
        if (pid := system.rabbit.pid) is not None:
            await asyncio.to_thread(freeze, pid)

    async def heal(self, system: System) -> None:
        if (pid := system.rabbit.pid) is not None:
            await asyncio.to_thread(thaw, pid)


class BrokerConnectionsCut(_OnBroker):
    def __str__(self) -> str:
        return "RabbitMQ closes all connections"

    @property
    def restarts(self) -> frozenset[str]:
        return frozenset()

    async def strike(self, system: System) -> None:
        await asyncio.to_thread(system.rabbit.ctl, "close_all_connections", "chaos")


@dataclass(frozen=True)
class QueuesDeleted(_OnBroker):
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"delete queues {', '.join(self.names)}"

    async def strike(self, system: System) -> None:
        async with await aio_pika.connect(system.rabbit.url) as connection:
            channel = await connection.channel()
            for name in self.names:
                await channel.queue_delete(name)
