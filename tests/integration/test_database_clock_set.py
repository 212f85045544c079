"""The database's clock is set, forward or back, while jobs run.

A database's clock that is set forward by an hour, and one's own that is set back by it, look the
same; the latter can be done in a test.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from services.scheduler.due_times import DueTimes
from services.scheduler.heartbeats import Heartbeats
from services.scheduler.liveness import LivenessGuard
from services.scheduler.loops import Performer, TaskLoops
from services.scheduler.lost_workers import LostWorkers
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.settings import ScheduleSettings
from services.scheduler.store import nodes
from services.worker.heartbeats import started_now
from shared.lifecycle import TaskClaimed, TaskFailed
from shared.messages import Heartbeat
from shared.process.clock import monotonic_boottime
from shared.process.metrics import Metrics
from tests.support.jobs.batcher import LEASE, Rig, batcher_rig

HOUR = timedelta(hours=1)
TASK = {"name": "build", "run": "true", "timeout": "10m"}

# An hour later everything is an hour older.
AGE = (
    "UPDATE tasks SET lease_expires_at = lease_expires_at - $1::interval,"
    " deadline_at = deadline_at - $1::interval, scheduled_at = scheduled_at - $1::interval,"
    " due_at = due_at - $1::interval, created_at = created_at - $1::interval",
    "UPDATE jobs SET deadline_at = deadline_at - $1::interval",
    "UPDATE nodes SET last_heartbeat_at = last_heartbeat_at - $1::interval",
    "UPDATE outbox SET claimed_until = claimed_until - $1::interval",
    "UPDATE webhook_deliveries SET next_at = next_at - $1::interval,"
    " created_at = created_at - $1::interval",
    "UPDATE webhook_attempts SET at = at - $1::interval",
)


@dataclass
class World:
    """`own` is how far our own clock has been set."""

    rig: Rig
    liveness: LivenessGuard
    loops: TaskLoops
    workers: LostWorkers
    own: float = 0.0

    async def set_clock(self, by: timedelta) -> None:
        """Set the database's."""
        for statement in AGE:
            await self.rig.pool.execute(statement, by)
        self.own -= by.total_seconds()

    async def all_rounds(self) -> None:
        await self.workers.expire_leases()
        await self.loops.end_timed_out_tasks()
        await self.loops.send_due_retries()

    async def claimed(self, **job: Any) -> tuple[str, str]:
        job_id = await self.rig.submit([TASK], **job)
        [row] = await self.rig.tasks(job_id)
        await self.rig.happen(TaskClaimed(job_id, row["id"], 1, "n1", LEASE))
        return job_id, row["id"]

    async def seconds_until(self, column: str) -> float:
        [table, name] = column.split(".")
        seconds: float = await self.rig.pool.fetchval(
            f"SELECT extract(epoch FROM max({name}) - now())::float8 FROM {table}"
        )
        return seconds


def short_grace() -> LivenessGuard:
    """After an outage the grace never ends: its clock stands still."""
    now = [0.0]
    liveness = LivenessGuard(1, lambda: now[0])
    now[0] = 2.0
    return liveness


def world_of(rig: Rig) -> World:
    liveness = short_grace()
    due_times = DueTimes(rig.pool, liveness, lambda: monotonic_boottime() + of_the_rig.own)
    metrics = SchedulerMetrics(Metrics(), liveness)
    performer = Performer(rig.batcher, rig.broker, metrics)
    loops = TaskLoops(rig.pool, rig.broker, performer, due_times, ScheduleSettings())
    outbox = rig.batcher.outbox
    workers = LostWorkers(rig.pool, outbox, performer, due_times, liveness, metrics)
    of_the_rig = World(rig, liveness, loops, workers)
    return of_the_rig


@pytest.fixture
async def world(postgres_dsn: str) -> AsyncIterator[World]:
    async with batcher_rig(postgres_dsn) as rig:
        world = world_of(rig)
        heartbeat = Heartbeat(
            node_id="n1",
            name="one",
            hostname="host",
            port=8004,
            version="0.1.0",
            started_at=started_now(),
            cpu_percent=1.5,
            queue="default:4",
            lease_seconds=LEASE.total_seconds(),
            leaving=False,
            tasks=[],
        )
        await Heartbeats(rig.batcher.outbox, rig.pool, world.liveness).on_heartbeats([heartbeat])
        await world.all_rounds()  # looks at the clock for the first time
        yield world


async def test_no_task_is_taken_from_a_living_worker_when_the_clock_is_set_forward(
    world: World,
) -> None:
    job_id, _ = await world.claimed()
    assert world.liveness.may_declare_lost()
    await world.set_clock(HOUR)
    await world.all_rounds()
    [task] = await world.rig.tasks(job_id)
    assert (task["state"], task["dispatch"]) == ("RUNNING", 1)
    assert await world.rig.pool.fetchval("SELECT status FROM nodes") == "UP"


async def test_nothing_times_out_before_its_time_when_the_clock_is_set_forward(
    world: World,
) -> None:
    job_id, _ = await world.claimed(timeout=timedelta(minutes=20))
    await world.set_clock(HOUR)
    await world.all_rounds()
    assert (await world.rig.job(job_id))["state"] == "RUNNING"
    assert 500 < await world.seconds_until("tasks.deadline_at") <= 600
    assert 1100 < await world.seconds_until("jobs.deadline_at") <= 1200


async def test_a_dead_workers_task_is_taken_up_in_time_when_the_clock_is_set_back(
    world: World,
) -> None:
    await world.claimed(timeout=timedelta(minutes=20))
    await world.set_clock(-HOUR)
    await world.all_rounds()
    assert await world.seconds_until("tasks.lease_expires_at") <= LEASE.total_seconds()
    assert await world.seconds_until("tasks.deadline_at") <= 600
    assert await world.seconds_until("jobs.deadline_at") <= 1200
    assert await world.seconds_until("nodes.last_heartbeat_at") <= 0


async def test_a_retry_waits_for_its_delay_and_no_longer_when_the_clock_is_set_back(
    world: World,
) -> None:
    retry = {"limit": 1, "initialDelay": "30s"}
    job_id = await world.rig.submit([{**TASK, "retry": retry}])
    [row] = await world.rig.tasks(job_id)
    await world.rig.happen(TaskClaimed(job_id, row["id"], 1, "n1", LEASE))
    await world.rig.happen(TaskFailed(job_id, row["id"], 1, "n1", "boom"))
    await world.set_clock(-HOUR)
    await world.all_rounds()
    assert 0 < await world.seconds_until("tasks.due_at") <= 60


async def test_a_lost_message_is_missed_in_time_when_the_clock_is_set_back(world: World) -> None:
    await world.rig.submit([TASK])
    await world.rig.batcher.outbox.close()
    await world.rig.pool.execute(
        "INSERT INTO outbox (queue, message_id, body, claimed_until)"
        " VALUES ('default', 'm', '', now() + interval '5 s')"
    )
    await world.set_clock(-HOUR)
    await world.all_rounds()
    assert await world.seconds_until("tasks.scheduled_at") <= 0
    assert await world.seconds_until("outbox.claimed_until") <= 0


async def test_a_scheduler_that_starts_after_the_clock_was_set_back_sees_it(world: World) -> None:
    await world.claimed()
    await world.set_clock(-HOUR)
    await world_of(world.rig).workers.expire_leases()
    assert await world.seconds_until("tasks.lease_expires_at") <= LEASE.total_seconds()


async def test_no_worker_that_is_up_is_forgotten_when_the_clock_is_set_forward(
    world: World,
) -> None:
    await world.set_clock(2 * HOUR)
    async with world.rig.pool.acquire() as connection:
        await nodes.forget(connection, HOUR)
    assert await world.rig.pool.fetchval("SELECT count(*) FROM nodes") == 1


async def test_a_webhook_is_called_in_time_when_the_clock_is_set_back(world: World) -> None:
    # Given one that is due, one that failed once, one that fails for a day, and one that is over
    for attempts, age, delay in ((0, 0, 0), (1, 0, 5), (8, 86400, 36000), (9, 86400, None)):
        await world.rig.pool.execute(
            "WITH added AS (INSERT INTO webhook_deliveries VALUES"
            " ($1, 'j', $2, 0, 'http://x', '', $2, now() + make_interval(secs => $4),"
            "  now() - make_interval(secs => $3)))"
            "INSERT INTO webhook_attempts (delivery_id, number, at, duration_ms)"
            " SELECT $1, n, now(), 1 FROM generate_series(1, $2) AS n",
            *(f"d{attempts}", attempts, age, delay or 0),
        )
    await world.rig.pool.execute(
        "UPDATE webhook_deliveries SET next_at = 'infinity', state = 'DELIVERED' WHERE id = 'd9'"
    )
    await world.set_clock(-HOUR)
    await world.all_rounds()
    # Then each is called when its own delay is over, and what is over never
    waits = await world.rig.pool.fetch(
        "SELECT id, extract(epoch FROM next_at - now())::int AS seconds"
        " FROM webhook_deliveries WHERE next_at < 'infinity' ORDER BY id"
    )
    assert [tuple(row) for row in waits] == [
        ("d0", pytest.approx(0, abs=60)),
        ("d1", pytest.approx(5, abs=60)),
        ("d8", pytest.approx(36000, abs=60)),
    ]
