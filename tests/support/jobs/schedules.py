"""Schedules as rows, and the scheduler's loop over them."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.schedules import ScheduleLoop
from services.scheduler.settings import ScheduleSettings
from shared.definition import encode
from shared.planning.planner import Planner
from shared.process.metrics import Metrics
from shared.process.sealing import Sealer
from tests.support.jobs.batcher import Rig
from tests.support.jobs.definitions import job_definition
from tests.support.services.scheduler import no_grace

TASKS = [{"name": "build", "run": "true"}]
METRICS = SchedulerMetrics(Metrics(), no_grace())
DAILY = "0 3 * * *"


def loop_of(rig: Rig, sealer: Sealer | None = None, round_seconds: float = 3) -> ScheduleLoop:
    settings = ScheduleSettings().model_copy(update={"round_seconds": round_seconds})
    planner = Planner(sealer or rig.sealer)
    return ScheduleLoop(rig.pool, rig.batcher.outbox, planner, settings, METRICS)


def encoded(**spec: Any) -> dict[str, Any]:
    return encode(job_definition(**{"name": "nightly", "tasks": TASKS, **spec}))


async def add(
    rig: Rig,
    spec: dict[str, Any] | None = None,
    *,
    cron: str = DAILY,
    overdue: timedelta = timedelta(seconds=5),
    **columns: Any,
) -> str:
    """A schedule that should have fired that long ago; its id."""
    schedule_id = uuid.uuid4().hex
    await rig.pool.execute(
        "INSERT INTO schedules (id, state, cron, timezone, overlap, catch_up, spec, sealed, rules,"
        " created_by, readers, created_at, next_at, look_at) VALUES ($1, 'ACTIVE', $2, 'UTC', $3,"
        " $4, $5, $6, $8, 'ann', '{user:ann}', date_trunc('second', now() - $7::interval)"
        " - interval '10 s', date_trunc('second', now() - $7::interval),"
        " date_trunc('second', now() - $7::interval))",
        schedule_id,
        cron,
        columns.get("overlap", "allow"),
        columns.get("catch_up", "one"),
        encoded(**(spec or {})),
        columns.get("sealed"),
        overdue,
        columns.get("rules", {}),
    )
    return schedule_id


async def schedule(rig: Rig, schedule_id: str) -> dict[str, Any]:
    return dict(await rig.pool.fetchrow("SELECT * FROM schedules WHERE id = $1", schedule_id))


async def jobs(rig: Rig, schedule_id: str) -> list[dict[str, Any]]:
    rows = await rig.pool.fetch("SELECT * FROM jobs WHERE schedule_id = $1", schedule_id)
    return [dict(row) for row in rows]


async def fire(loop: ScheduleLoop) -> None:
    """Rounds until nothing is due."""
    while await loop.fire_due_schedules() == 0:
        pass


async def set_back(rig: Rig) -> None:
    """As if another firing had become due."""
    await rig.pool.execute(
        "UPDATE schedules SET next_at = last_at + interval '1 s', look_at = now()"
    )


async def now(rig: Rig) -> datetime:
    value: datetime = await rig.pool.fetchval("SELECT now()")
    return value
