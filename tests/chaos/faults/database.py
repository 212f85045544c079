"""Faults of Postgres: killed, stopped, its connections cut."""

import asyncio

import asyncpg

from tests.chaos.faults.fault import Fault
from tests.chaos.system import DATABASE, System
from tests.support.servers.frozen_server import freeze, thaw

CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class _OnDatabase(Fault):
    @property
    def hits(self) -> frozenset[str]:
        return frozenset({DATABASE})


class DatabaseKilled(_OnDatabase):
    def __str__(self) -> str:
        return "kill -9 Postgres"

    async def strike(self, system: System) -> None:
        await asyncio.to_thread(system.postgres.kill)

    async def heal(self, system: System) -> None:
        await asyncio.to_thread(system.postgres.start)


class DatabaseStopped(DatabaseKilled):
    def __str__(self) -> str:
        return "fast stop of Postgres"

    async def strike(self, system: System) -> None:
        await asyncio.to_thread(system.postgres.stop)


class DatabaseFrozen(_OnDatabase):
    def __str__(self) -> str:
        return "freeze Postgres"

    async def strike(self, system: System) -> None:
        if (pid := system.postgres.pid) is not None:
            await asyncio.to_thread(freeze, pid)

    async def heal(self, system: System) -> None:
        if (pid := system.postgres.pid) is not None:
            await asyncio.to_thread(thaw, pid)


class DatabaseConnectionsCut(_OnDatabase):
    def __str__(self) -> str:
        return "Postgres ends all sessions"

    async def strike(self, system: System) -> None:
        connection = await asyncpg.connect(system.postgres.tcp_dsn)
        try:
            await connection.execute(CUT)
        finally:
            await connection.close()


class DatabaseDiskFull(_OnDatabase):
    """What is written fails; where it is the log of writes itself, Postgres ends."""

    def __str__(self) -> str:
        return "fill the disk of Postgres"

    async def strike(self, system: System) -> None:
        await asyncio.to_thread(system.disk.fill)

    async def heal(self, system: System) -> None:
        system.disk.make_room()
        if system.postgres.pid is None:
            await asyncio.to_thread(system.postgres.start)
