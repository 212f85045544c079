"""Samples over time: taken by schedulers, thinned, forgotten, and shown as points."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.scheduler.history import Sampler
from services.scheduler.retention import Retention
from services.scheduler.settings import HistorySettings, RetentionSettings
from shared.broker.protocol import BrokerUnavailable, Outgoing, QueueStats
from shared.lifecycle import JobCancelled, TaskClaimed, TaskFailed, TaskState
from shared.postgres.pool import acquired
from shared.store import sample_rows
from shared.store.samples import ClusterSample, QueueSample
from tests.support.http.api import Api, api_on
from tests.support.jobs.batcher import LEASE, Rig, batcher_rig
from tests.support.services.scheduler import TASK

pytestmark = pytest.mark.real


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


def sampler(rig: Rig) -> Sampler:
    return Sampler(rig.pool, rig.broker, HistorySettings())


async def set_age(rig: Rig, seconds: float) -> None:
    """Of the last sample."""
    await rig.pool.execute(
        "UPDATE sampling SET sampled_at = clock_timestamp() - make_interval(secs => $1)", seconds
    )


async def sampled(rig: Rig, *, age_seconds: float = 15.0) -> dict[str, Any]:
    """The sample that is taken when the last one is so old."""
    await set_age(rig, age_seconds)
    await sampler(rig).take_sample()
    row = await rig.pool.fetchrow("SELECT * FROM cluster_samples ORDER BY at DESC LIMIT 1")
    return dict(row)


async def queue_rows(rig: Rig, queue: str = "default") -> list[dict[str, Any]]:
    rows = await rig.pool.fetch("SELECT * FROM queue_samples WHERE queue = $1 ORDER BY at", queue)
    return [dict(row) for row in rows]


async def test_the_first_sample_begins_the_history(rig: Rig) -> None:
    await rig.submit([TASK])
    await sampler(rig).take_sample()
    await sampler(rig).take_sample()  # too early
    [row] = await rig.pool.fetch("SELECT * FROM cluster_samples")
    assert (row["seconds"], row["jobs_submitted"]) == (0, 0)


async def test_each_change_is_counted_once_whoever_samples(rig: Rig) -> None:
    await sampled(rig)
    done, failed, cancelled = [await rig.submit([TASK]) for _ in range(3)]
    await rig.run_current(done)
    [task] = await rig.tasks(failed)
    ref = (failed, task["id"], 1, "n1")
    await rig.happen(TaskClaimed(*ref, LEASE))
    await rig.happen(TaskFailed(*ref, "no"))
    await rig.happen(JobCancelled(cancelled))
    await set_age(rig, 15)

    await asyncio.gather(*(sampler(rig).take_sample() for _ in range(3)))
    again = await sampled(rig)

    first, second, third = await rig.pool.fetch("SELECT * FROM cluster_samples ORDER BY at")
    assert dict(third) == again
    names = ("jobs_submitted", "jobs_completed", "jobs_failed", "jobs_cancelled")
    assert [second[name] for name in names] == [3, 1, 1, 1]
    assert (second["tasks_completed"], second["tasks_failed"]) == (1, 1)
    assert sum(second["job_latency"].values()) == sum(second["queue_time"].values()) == 2
    assert 14 < second["seconds"] < 20
    assert [third[name] for name in names] == [0, 0, 0, 0] == [first[name] for name in names]


async def test_a_queue_is_sampled_with_what_waits_and_what_came_and_went(rig: Rig) -> None:
    await sampled(rig)
    for _ in range(3):
        await rig.submit([TASK])
    await rig.receive("default")
    await rig.pool.execute("UPDATE tasks SET scheduled_at = scheduled_at - interval '1 min'")
    await rig.pool.execute(
        "UPDATE tasks SET state = 'RUNNING', node_id = 'n1', lease_expires_at = now()"
        " WHERE id = (SELECT id FROM tasks LIMIT 1)"
    )

    await sampled(rig)

    [row] = await queue_rows(rig)
    assert (row["size"], row["max_size"], row["running"], row["scheduled"]) == (2, 2, 1, 3)
    assert 60 <= row["oldest_seconds"] < 90
    assert await queue_rows(rig, "completions") == [], "it does not exist yet"


async def test_what_happened_while_no_scheduler_ran_is_a_gap(rig: Rig) -> None:
    await sampled(rig)
    await rig.submit([TASK])

    row = await sampled(rig, age_seconds=600)

    assert (row["jobs_submitted"], row["seconds"]) == (0, 0)
    assert (await sampled(rig))["jobs_submitted"] == 0


async def test_a_clock_that_is_set_back_stops_no_samples(rig: Rig) -> None:
    await sampled(rig)
    row = await sampled(rig, age_seconds=-3600)
    assert row["seconds"] == 0
    await rig.submit([TASK])
    assert (await sampled(rig))["jobs_submitted"] == 1


class AwayBroker:
    async def queue_stats(self, name: str) -> QueueStats | None:
        raise BrokerUnavailable


async def test_jobs_are_counted_while_the_broker_is_away(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sampled(rig)
    await rig.submit([TASK])
    monkeypatch.setattr(rig.broker, "queue_stats", AwayBroker().queue_stats)
    assert (await sampled(rig))["jobs_submitted"] == 1
    assert await queue_rows(rig) == []


NOW = datetime.now(UTC)


def cluster_sample(at: datetime, **fields: Any) -> ClusterSample:
    empty: dict[str, Any] = {"job_latency": {}, "queue_time": {}}
    return ClusterSample(at=at, seconds=15, **{**empty, **fields})


def queue_sample(at: datetime, size: int, **fields: Any) -> QueueSample:
    all_fields: dict[str, Any] = {"queue": "default", "subscribers": 1, "running": 0, **fields}
    seconds = all_fields.pop("seconds", 15)
    oldest = all_fields.pop("oldest_seconds", None)
    return QueueSample(
        at=at, seconds=seconds, size=size, max_size=size, oldest_seconds=oldest, **all_fields
    )


async def test_old_samples_become_one_for_five_minutes(rig: Rig) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    times = [begin + timedelta(seconds=15 * n) for n in range(1, 41)]
    cluster = [cluster_sample(at, jobs_completed=1, job_latency={"7": 1}) for at in times]
    queues = [queue_sample(at, n, oldest_seconds=n, started=2) for n, at in enumerate(times)]
    async with acquired(rig.pool) as connection:
        await sample_rows.add(connection, cluster, queues)
        await sample_rows.add(connection, [cluster_sample(NOW)], [queue_sample(NOW, 5)])

    while await sampler(rig).thin() is not None:
        pass

    rows = await rig.pool.fetch("SELECT * FROM cluster_samples ORDER BY at")
    assert [(row["at"], row["samples"], row["jobs_completed"]) for row in rows] == [
        (begin + timedelta(minutes=5), 20, 20),
        (begin + timedelta(minutes=10), 20, 20),
        (NOW, 1, 0),
    ]
    assert rows[0]["job_latency"] == {"7": 20}
    first, second, last = await queue_rows(rig)
    assert (first["size"], first["max_size"], first["started"], first["seconds"]) == (
        *(9.5, 19, 40, 300),
    )
    assert second["oldest_seconds"] == 39
    assert last["size"] == 5


async def test_samples_are_forgotten_after_their_time(rig: Rig) -> None:
    times = [NOW - timedelta(days=days) for days in (1, 13, 15)]
    async with acquired(rig.pool) as connection:
        await sample_rows.add(
            connection,
            [cluster_sample(at) for at in times],
            [queue_sample(at, 1) for at in times],
        )
    await Retention(rig.pool, RetentionSettings(), HistorySettings()).delete_old()
    for table in ("cluster_samples", "queue_samples"):
        assert await rig.pool.fetchval(f"SELECT count(*) FROM {table}") == 2


async def add(api: Api, *samples: ClusterSample | QueueSample) -> None:
    async with acquired(api.pool) as connection:
        await sample_rows.add(
            connection,
            [sample for sample in samples if isinstance(sample, ClusterSample)],
            [sample for sample in samples if isinstance(sample, QueueSample)],
        )


async def test_a_queue_is_shown_over_time_with_its_gaps(api: Api) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    taken = [begin + timedelta(seconds=15 * n) for n in (1, 2, 3, 4, 17)]
    await add(api, *(queue_sample(at, 2, scheduled=3, started=1) for at in taken))

    params = {"since": "2026-01-01T00:00:00Z", "before": "2026-01-01T00:05:00Z", "points": "6"}
    history = await api.get("/queues/default/history", params=params)

    assert history["stepSeconds"] == 60
    first, *gaps, last = history["points"]
    assert first == {
        "at": "2026-01-01T00:00:00Z",
        "seconds": 60.0,
        "size": 2.0,
        "maxSize": 2,
        "subscribers": 1.0,
        "running": 0.0,
        "scheduled": 12,
        "started": 4,
    }
    assert [list(gap) for gap in gaps] == [["at"]] * 3
    assert last["scheduled"] == 3


async def test_the_points_are_no_more_than_asked_for(api: Api) -> None:
    for since, points in (("14d", 500), ("1h", 1), ("6h", 7), ("400d", 100)):
        params = {"since": since, "points": str(points)}
        found = (await api.get("/metrics/history", params=params))["points"]
        assert 1 <= len(found) <= points + 1
    assert (await api.answer("GET", "/metrics/history?points=501"))[0] == 400
    assert (await api.answer("GET", "/metrics/history?since=1h&before=2h"))[0] == 400
    assert (await api.answer("GET", "/metrics/history?since=soon"))[0] == 400
    for since in ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00%2B14:00"):
        assert (await api.answer("GET", f"/metrics/history?since={since}"))[0] == 400
    assert (await api.answer("GET", "/metrics/history?before=9999-12-31T23:59:59Z"))[0] == 400
    assert (await api.answer("GET", "/queues/nobody/history"))[0] == 404
    assert (await api.answer("GET", "/queues/%00/history"))[0] == 404


async def test_quantiles_are_those_of_all_times_in_a_step(api: Api) -> None:
    now = datetime.now(UTC)
    fast, slow = {"1": 98}, {"40": 2}
    before = cluster_sample(now - timedelta(minutes=10), queue_time=fast)
    await add(api, before, cluster_sample(now, queue_time=slow))
    whole = (await api.get("/metrics/history", params={"since": "20m"}))["whole"]
    assert whole["queueTime"]["count"] == 100
    assert whole["queueTime"]["p95"] < 0.0013
    assert 7 < whole["queueTime"]["p99"] < 11
    assert "jobLatency" not in whole


async def test_the_list_of_queues_has_rates_slots_and_the_oldest_task(api: Api) -> None:
    job = await api.submit("name: x\ntasks: [{name: a}]")
    since = datetime(2026, 1, 1, tzinfo=UTC)
    task = {"name": "a", "queue": "slow"}
    await api.add_task(job["id"], task, state=TaskState.SCHEDULED, scheduled_at=since)
    await api.broker.publish([Outgoing("slow", b"{}", "1")])
    now = datetime.now(UTC)
    old = now - timedelta(minutes=2)
    await add(
        api,
        queue_sample(now, 1, queue="slow", scheduled=5, started=2),
        queue_sample(old, 1, queue="slow", scheduled=500),
    )
    [queue] = [q for q in await api.get("/queues") if q["name"] == "slow"]
    assert (queue["scheduledPerMinute"], queue["startedPerMinute"]) == (20, 8)
    assert queue["slots"] == 0
    assert queue["oldestAt"] == "2026-01-01T00:00:00Z"
