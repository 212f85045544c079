"""Connections: how each one is set up, and how they are taken."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
import orjson

from shared.postgres.errors import translated_errors
from shared.process.settings.blocks import PostgresSettings

Pool: TypeAlias = asyncpg.Pool
Connection: TypeAlias = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

_JSONB_VERSION = b"\x01"

# Every statement of ours has its index. A connection plans a statement once, and what it made when
# the tables were small or never analysed reads them whole when they have grown.
_PLAN_FOR_GROWTH = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}

# A process that is frozen or cut off in the middle of a transaction would keep the rows it has
# locked from everybody, and the feed from going on, for as long as that lasts. None of ours waits
# for anything but the database while it has a transaction open.
_LONGEST_PAUSE = {"idle_in_transaction_session_timeout": "10s"}


async def create_pool(dsn: str, settings: PostgresSettings, *, name: str = "conveyor") -> Pool:
    """A pool whose connections give and take dicts for jsonb and aware times for timestamptz.

    It connects when it is first used, so a service can start before its database. `name` is what
    pg_stat_activity shows.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=settings.pool_max_connections,
        timeout=settings.connect_timeout_seconds,
        command_timeout=settings.command_timeout_seconds,
        init=set_up_connection,
        # Nothing here changes a session, so a connection needs no round trip to be cleaned.
        reset=_nothing,
        server_settings={
            "application_name": name,
            "timezone": "UTC",
            "jit": "off",
            **_PLAN_FOR_GROWTH,
            **_LONGEST_PAUSE,
        },
    )


async def _nothing(_: Connection) -> None: ...


async def set_up_connection(connection: Connection) -> None:
    # Binary, because COPY takes no other; the format is a version byte before the text.
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=_encode_jsonb,
        decoder=_decode_jsonb,
    )


def _encode_jsonb(value: object) -> bytes:
    return _JSONB_VERSION + orjson.dumps(value)


def _decode_jsonb(data: bytes) -> object:
    return orjson.loads(data[1:])


def rows_touched(tag: str) -> int:
    """How many rows a statement has written, from what `execute` says of it ("UPDATE 3")."""
    return int(tag.split()[-1])


@asynccontextmanager
async def acquired(pool: Pool, *, timeout_seconds: float = 5) -> AsyncIterator[Connection]:
    """A connection of the pool, with errors translated (see `errors`) for as long as it is held.

    Raises DatabaseUnavailable also when none is free within `timeout_seconds`.
    """
    with translated_errors():
        async with pool.acquire(timeout=timeout_seconds) as connection:
            yield connection


_ACQUIRE_SECONDS = 5.0

# A statement that takes arrays seems cheaper when it is planned for those at hand, each time anew,
# which takes longer than the statement. All of its user's have one way only, by their indexes.
PLAN_ONCE = "SET plan_cache_mode = force_generic_plan"
PLAN_ONCE_HERE = "SET LOCAL plan_cache_mode = force_generic_plan"
"""Until the end of the transaction."""


class OwnConnection:
    """Taken from the pool at first use and kept; a broken one is replaced at the next use."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._connection: Connection | None = None

    async def get(self) -> Connection:
        """Raises DatabaseUnavailable."""
        if self._connection is not None and _is_lost(self._connection):
            await self.give_back()
        if self._connection is None:
            with translated_errors():
                connection = await self._pool.acquire(timeout=_ACQUIRE_SECONDS)
                self._connection = connection  # first, so that it is given back whatever comes
                await connection.execute(PLAN_ONCE)
        return self._connection

    async def give_back(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with translated_errors():
                await self._pool.release(connection)


def _is_lost(connection: Connection) -> bool:
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        # The pool takes a connection that broke out of our hands, and then even this raises.
        return True
