"""Crowded tables, and what a query plan does with them."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from shared.postgres.pool import set_up_connection


@asynccontextmanager
async def crowded_connection(dsn: str, fills: Sequence[str]) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database that the statements `fills` have filled, at first use."""
    connection = await asyncpg.connect(dsn)
    try:
        await set_up_connection(connection)
        if not await connection.fetchval("SELECT count(*) FROM jobs"):
            # Without a look-up for each foreign key: the rows fit each other.
            await connection.execute("SET session_replication_role = replica")
            for fill in fills:
                await connection.execute(fill)
            await connection.execute("RESET session_replication_role")
        yield connection
    finally:
        await connection.close()


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The steps of an EXPLAIN in JSON, this one and all below it."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes_of(child)


def read_whole(plan: dict[str, Any]) -> set[str]:
    """The tables that the plan reads from end to end."""
    return {step["Relation Name"] for step in nodes_of(plan) if "Seq Scan" in step["Node Type"]}


async def explained(
    connection: asyncpg.Connection, sql: str, arguments: Sequence[object]
) -> dict[str, Any]:
    """The plan of the statement as it ran; what it did is undone."""
    undone = connection.transaction()
    await undone.start()
    try:
        text = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *arguments
        )
    finally:
        await undone.rollback()
    [found] = json.loads(text)
    plan: dict[str, Any] = found["Plan"]
    return plan


def blocks_touched(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def rows_passed_over(plan: dict[str, Any]) -> int:
    """Counted by loop, in the mean of all."""
    kinds = ("Rows Removed by Filter", "Rows Removed by Join Filter")
    return sum(
        step.get(kind, 0) * step["Actual Loops"] for step in nodes_of(plan) for kind in kinds
    )
