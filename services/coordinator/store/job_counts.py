"""How many jobs a search finds, by state; up to a limit, so that a million take no longer."""

from typing import Any

from services.coordinator.store.job_list import CAP, FOUND, PLAN_EACH, parameters_of
from services.coordinator.store.rows import Readers
from services.coordinator.store.search_text import EVERYTHING, JobSearch
from shared.lifecycle import JobState
from shared.postgres.pool import Connection

MOST = CAP

COUNT_STATE = "SELECT count(*) FROM (SELECT FROM jobs WHERE state = $1 LIMIT $2) AS found"

COUNT_FOUND = f"""
SELECT count(*) FROM (SELECT FROM jobs {FOUND} LIMIT $12) AS found
"""  # noqa: S608 - a condition of our own

# For what is known to be few.
COUNT_EACH = f"""
SELECT state, count(*) FROM jobs {FOUND} GROUP BY state
"""  # noqa: S608 - a condition of our own

_STATES = 5
"""The place of the states in the parameters of `FOUND`."""


async def by_state(connection: Connection, search: JobSearch, readers: Readers) -> dict[str, int]:
    """Of those that `readers` may see, each count at most `MOST`."""
    if readers is None and search == EVERYTHING:
        return {
            state.value: await connection.fetchval(COUNT_STATE, state.value, MOST)
            for state in JobState
        }
    asked = parameters_of(search, readers)
    async with connection.transaction():
        await connection.execute(PLAN_EACH)
        if await connection.fetchval(COUNT_FOUND, *asked, MOST) < MOST:
            counted = dict(await connection.fetch(COUNT_EACH, *asked))
            return {state.value: counted.get(state.value, 0) for state in JobState}
        return {state.value: await _of_state(connection, state, asked) for state in JobState}


async def _of_state(connection: Connection, state: JobState, asked: tuple[Any, ...]) -> int:
    if asked[_STATES] and state.value not in asked[_STATES]:
        return 0
    of_state = (*asked[:_STATES], [state.value], *asked[_STATES + 1 :])
    counted: int = await connection.fetchval(COUNT_FOUND, *of_state, MOST)
    return counted
