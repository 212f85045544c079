"""Runs one function of this package on a connection of its own."""

from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar

from shared.postgres.pool import Connection, Pool, acquired

P = ParamSpec("P")
R = TypeVar("R")


async def connected(
    pool: Pool,
    query: Callable[Concatenate[Connection, P], Awaitable[R]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """`query(connection, …)`. Raises DatabaseUnavailable."""
    async with acquired(pool) as connection:
        return await query(connection, *args, **kwargs)
