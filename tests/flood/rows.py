"""What Postgres says of the flooded jobs."""

from collections.abc import Mapping

import asyncpg

UNFINISHED = """
SELECT count(*) FROM jobs WHERE state IN ('PENDING', 'SCHEDULED', 'RUNNING')
"""
STATES = "SELECT state, count(*) FROM jobs GROUP BY state"
GRANTED = "SELECT job_id, extract(epoch FROM started_at)::float8 AS at FROM tasks"
LAST_END = "SELECT extract(epoch FROM max(completed_at))::float8 FROM jobs"


async def unfinished(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    count: int = await connection.fetchval(UNFINISHED)
    return count


async def states(connection: "asyncpg.Connection[asyncpg.Record]") -> Mapping[str, int]:
    """How many jobs are in each."""
    return dict(await connection.fetch(STATES))


async def granted_at(connection: "asyncpg.Connection[asyncpg.Record]") -> Mapping[str, float]:
    """When the task of each job was granted to a worker, by the job's id."""
    return dict(await connection.fetch(GRANTED))


async def last_end(connection: "asyncpg.Connection[asyncpg.Record]") -> float:
    at: float = await connection.fetchval(LAST_END)
    return at
