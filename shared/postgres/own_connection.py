"""A connection that one user keeps, so that it never stands in line with others for the pool."""

import asyncpg

from shared.postgres.errors import translated_errors
from shared.postgres.pool import Connection, Pool

_ACQUIRE_SECONDS = 5.0

# A statement that takes arrays seems cheaper when it is planned for those at hand, each time anew,
# which takes longer than the statement. All of its user's have one way only, by their indexes.
PLAN_ONCE = "SET plan_cache_mode = force_generic_plan"


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
