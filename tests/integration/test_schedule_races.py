"""A request and a firing that meet: one comes before the other, and each order has one outcome.

The scheduler is the real one. Who comes first is decided by the row's lock, which a test holds
until the other waits for it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from services.scheduler import firing_rows
from services.scheduler import schedules as scheduler
from services.scheduler.schedules import ScheduleLoop
from services.scheduler.settings import ScheduleSettings
from shared.apply.batcher import Batcher
from shared.planning.planner import Planner
from tests.support.eventually import eventually
from tests.support.http.api import Api, api_on
from tests.support.jobs.schedules import METRICS, fire

pytestmark = pytest.mark.real

TASK = {"name": "a", "run": "true"}
DUE = """
UPDATE schedules SET next_at = date_trunc('hour', now()), look_at = now(),
    created_at = now() - interval '2 h'
"""
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


@dataclass
class Race:
    api: Api
    loop: ScheduleLoop
    path: str = ""

    async def jobs(self) -> list[str]:
        """The name of each."""
        rows = await self.api.pool.fetch("SELECT name FROM jobs ORDER BY created_at")
        return [row["name"] for row in rows]

    async def is_waited_for(self) -> bool:
        return bool(await self.api.pool.fetchval(WAITING) == 1)

    async def begin_anew(self) -> None:
        """As it was submitted, and due."""
        await self.api.pool.execute("DELETE FROM jobs")
        await self.api.pool.execute("DELETE FROM schedules")
        self.path = await self._submit()

    async def _submit(self) -> str:
        job = {"name": "old", "tasks": [TASK], "schedule": {"cron": "0 * * * *"}}
        status, made = await self.api.answer("POST", "/scheduled-jobs", json=job)
        assert status == 200, made
        await self.api.pool.execute(DUE)
        return f"/scheduled-jobs/{made['id']}"


@asynccontextmanager
async def race(dsn: str) -> AsyncIterator[Race]:
    """A schedule that is due."""
    async with api_on(dsn) as api:
        sealer = api.batcher.sealer
        async with Batcher(api.pool, api.broker, Planner(sealer)) as batcher:
            loop = ScheduleLoop(
                api.pool, batcher.outbox, Planner(sealer), ScheduleSettings(), METRICS
            )
            running = Race(api, loop)
            await running.begin_anew()
            yield running


Request = Callable[[Race], Awaitable[tuple[int, Any]]]


async def pause(race: Race) -> tuple[int, Any]:
    return await race.api.answer("PUT", f"{race.path}/pause")


async def rename(race: Race) -> tuple[int, Any]:
    return await race.api.answer("PATCH", race.path, json={"name": "new"})


async def move(race: Race) -> tuple[int, Any]:
    """To times of which none is due."""
    change = {"name": "new", "schedule": {"cron": "59 23 31 12 *"}}
    return await race.api.answer("PATCH", race.path, json=change)


async def backfill(race: Race) -> tuple[int, Any]:
    """Of the very time that is due."""
    at = (await race.api.pool.fetchval("SELECT date_trunc('hour', now())")).isoformat()
    return await race.api.answer("POST", f"{race.path}/backfill", json={"from": at})


async def delete(race: Race) -> tuple[int, Any]:
    return await race.api.answer("DELETE", race.path)


@pytest.mark.parametrize(
    ("request_", "after_the_firing", "before_it"),
    [
        (pause, ["old"], []),
        (rename, ["old"], ["new"]),
        (move, ["old"], []),
        (backfill, ["old"], ["old"]),
        (delete, ["old"], []),
    ],
)
async def test_a_request_comes_before_a_firing_or_after_it(
    postgres_dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    request_: Request,
    after_the_firing: list[str],
    before_it: list[str],
) -> None:
    async with race(postgres_dsn) as running:
        # The firing has the row's lock when the request comes, which waits for it
        write_down = firing_rows.write_down
        asked: list[asyncio.Task[tuple[int, Any]]] = []

        async def met(*args: Any) -> None:
            asked.append(asyncio.ensure_future(request_(running)))
            await eventually(running.is_waited_for)
            await write_down(*args)

        with monkeypatch.context() as patched:
            patched.setattr(scheduler, "write_down", met)
            assert await running.loop.fire_due_schedules() == 0
        assert (await asked[0])[0] == 200
        await fire(running.loop)
        assert await running.jobs() == after_the_firing
        # The request has it when the firing comes, which passes over the row until it is free
        await running.begin_anew()
        async with running.api.pool.acquire() as holder, holder.transaction():
            await holder.execute("SELECT FROM schedules FOR NO KEY UPDATE")
            request_task = asyncio.ensure_future(request_(running))
            await eventually(running.is_waited_for)
            await fire(running.loop)
            assert await running.jobs() == []
        assert (await request_task)[0] == 200
        await fire(running.loop)
        assert await running.jobs() == before_it


async def test_a_resume_that_waits_for_an_edit_follows_its_rules(postgres_dsn: str) -> None:
    async with race(postgres_dsn) as running:
        await pause(running)
        async with running.api.pool.acquire() as holder, holder.transaction():
            await holder.execute("UPDATE schedules SET cron = '30 5 * * *', version = 2")
            resumed = asyncio.ensure_future(running.api.answer("PUT", f"{running.path}/resume"))
            await eventually(running.is_waited_for)
        assert await resumed == (200, {"status": "OK"})
        assert (await running.api.get(running.path))["nextAt"].endswith("T05:30:00Z")


@pytest.mark.parametrize("request_", [pause, rename, move, backfill])
async def test_no_order_loses_a_firing_or_makes_it_twice(
    postgres_dsn: str, request_: Request
) -> None:
    expected: list[list[str]] = [["old"]]
    if request_ is not backfill:
        expected.append(["new"] if request_ is rename else [])
    async with race(postgres_dsn) as running:
        for number in range(10):
            await running.begin_anew()

            async def later(work: Awaitable[Any], seconds: float) -> Any:
                await asyncio.sleep(seconds)
                return await work

            wait = 0.004 * number  # the request first, the firing first, and in between
            (status, answer), _ = await asyncio.gather(
                request_(running), later(fire(running.loop), wait)
            )
            assert status == 200, answer
            await fire(running.loop)
            assert await running.jobs() in expected
