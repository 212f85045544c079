"""A connection that one user keeps, so that it never stands in line with others for the pool."""

import asyncpg

from shared.postgres.errors import translated_errors
from shared.postgres.pool import Connection, Pool

_ACQUIRE_SECONDS = 5.0


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
                self._connection = await self._pool.acquire(timeout=_ACQUIRE_SECONDS)
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
