"""Connections: how each one is set up, and whether the database answers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
import orjson

from shared.postgres.errors import DatabaseUnavailable, translated_errors
from shared.postgres.migrate import newest_version
from shared.process.blocks import PostgresSettings

Pool: TypeAlias = asyncpg.Pool
Connection: TypeAlias = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

_JSONB_VERSION = b"\x01"
PROBE = "SELECT coalesce(max(version), 0) FROM schema_migrations"

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
    return orjson.loads(memoryview(data)[1:])


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


class DatabaseWatch:
    """Whether the database answers; `look` is a round for `loops.every`, `missing` a check."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._needed = newest_version()
        self._missing: tuple[str, ...] = ("postgres: not asked yet",)

    async def look(self) -> None:
        try:
            async with acquired(self._pool) as connection:
                version = await connection.fetchval(PROBE)
        except DatabaseUnavailable as error:
            # What this is for: the state is the answer, the error is not the loop's.
            self._missing = (f"postgres: {error}",)
        else:
            self._missing = self._not_migrated(version)

    def _not_migrated(self, version: int) -> tuple[str, ...]:
        """Between its first and its last migration a database answers, but not what is asked."""
        if version >= self._needed:
            return ()
        return (f"postgres: the schema is at version {version}, not yet at {self._needed}",)

    def missing(self) -> Sequence[str]:
        return self._missing
