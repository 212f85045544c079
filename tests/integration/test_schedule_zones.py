"""Schedules follow the zone database, also when it is updated."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.scheduler.zones import ZoneWatch
from shared.jobspec.tork.models import Schedule
from tests.support.jobs.batcher import Rig, batcher_rig
from tests.support.jobs.schedules import add, schedule
from tests.support.zones import update, zones_in

pytestmark = pytest.mark.real


async def add_zoned(rig: Rig, **rules: Any) -> str:
    schedule_id = await add(rig, overdue=timedelta(days=-1))
    times = Schedule(**rules).times(schedule_id, datetime.now(UTC))
    await rig.pool.execute(
        "UPDATE schedules SET cron = $2, timezone = $3, rules = $4 WHERE id = $1",
        schedule_id,
        times.cron,
        times.timezone,
        times.rules,
    )
    return schedule_id


async def hour_of(rig: Rig, schedule_id: str) -> int:
    row = await schedule(rig, schedule_id)
    assert row["look_at"] == row["next_at"] > datetime.now(UTC)
    at: datetime = row["next_at"]
    return at.hour


async def test_next_firings_are_found_anew_when_the_zone_database_changes(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with batcher_rig(postgres_dsn) as rig:
        with zones_in(tmp_path):
            update(tmp_path, "Europe/Berlin", "Etc/GMT-1")
            ids = [
                await add_zoned(rig, cron="0 9 * * *", timezone="Europe/Berlin"),
                await add_zoned(rig, crons=["TZ=Europe/Berlin 0 9 * * *"]),
            ]
            watch = ZoneWatch(rig.pool)
            await rig.pool.execute("INSERT INTO zone_database (contents) VALUES ('older')")
            await watch.take_up_changes()  # as at the start of another machine
            assert [await hour_of(rig, each) for each in ids] == [8, 8]
            update(tmp_path, "Europe/Berlin", "Etc/GMT-3")
            await watch.take_up_changes()
            assert [await hour_of(rig, each) for each in ids] == [6, 6]
            await rig.pool.execute("UPDATE schedules SET next_at = look_at + interval '1 h'")
            await watch.take_up_changes()  # nothing has changed: nothing is looked at
            rows = [await schedule(rig, each) for each in ids]
            assert all(row["next_at"] != row["look_at"] for row in rows)
