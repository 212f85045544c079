"""Whether the database answers, has our schema, takes writes and has room for them."""

import time
from collections.abc import Iterator, Sequence

import asyncpg

from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.migrate import newest_version
from shared.postgres.pool import Connection, Pool, acquired

# A server that was told to take no writes, and a standby, answer all reads as before.
PROBE = """
SELECT (SELECT coalesce(max(version), 0) FROM schema_migrations) AS version,
       pg_is_in_recovery() AS is_standby,
       current_setting('transaction_read_only') = 'on' AS is_read_only
"""

# Some hundred kilobytes that don't fit in so little memory are put in a file beside the tables,
# which is gone at once: no row and no log of changes has it, and a standby makes it too.
LITTLE_MEMORY = """
SELECT set_config('work_mem', '64kB', true), set_config('temp_tablespaces', '', true)
"""
FILL_A_FILE = "SELECT count(*) FROM generate_series(1, 20000)"

_ROOM_SECONDS = 30.0
"""How long room that was found is believed in."""


class DatabaseWatch:
    """`look` is a round for `loops.every`, `missing` a check for `/health`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._needed = newest_version()
        self._room_until = 0.0
        self._missing: tuple[str, ...] = ("postgres: not asked yet",)

    async def look(self) -> None:
        try:
            async with acquired(self._pool) as connection:
                answer = await connection.fetchrow(PROBE)
                await self._look_for_room(connection)
        except DatabaseUnavailable as error:
            # What this is for: the state is the answer, the error is not the loop's.
            self._missing = (f"postgres: {error}",)
        else:
            self._missing = tuple(f"postgres: {what}" for what in self._wrong(answer))

    async def _look_for_room(self, connection: Connection) -> None:
        """Now and then, and at each look while there is none. Raises DiskFullError."""
        now = time.monotonic()
        if now < self._room_until:
            return
        async with connection.transaction():
            await connection.execute(LITTLE_MEMORY)
            await connection.execute(FILL_A_FILE)
        self._room_until = now + _ROOM_SECONDS

    def _wrong(self, answer: asyncpg.Record) -> Iterator[str]:
        # Between its first and its last migration a database answers, but not what is asked.
        if (version := answer["version"]) < self._needed:
            yield f"the schema is at version {version}, not yet at {self._needed}"
        if answer["is_standby"]:
            yield "it is a standby, which takes no writes"
        elif answer["is_read_only"]:
            yield "it takes no writes: default_transaction_read_only is on"

    def missing(self) -> Sequence[str]:
        return self._missing
