"""The time door of history: samples of queues and throughput, taken by one scheduler at a time.

What happened is counted from the feed, each change once, whoever samples. Was nobody there to
sample for long, the sample after it counts nothing: the time between is a gap.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.scheduler.settings import HistorySettings
from services.scheduler.store import activity
from services.scheduler.store.activity import News, Turn
from shared.broker.protocol import Broker, BrokerUnavailable, QueueStats
from shared.messages.queues import SERVICE_QUEUES
from shared.postgres.pool import Connection, Pool, acquired
from shared.store import queues_in_use, sample_rows
from shared.store.samples import (
    THINNED,
    ClusterSample,
    Histogram,
    QueueSample,
    begin_of_step,
    by_step,
    merged_cluster,
    merged_queue,
)

log = structlog.get_logger(__name__)

MOST_QUEUES = 200
"""Of more task queues the first by name are sampled."""
FINE = timedelta(hours=6)
"""So long samples are kept as they were taken."""
_THINNED_AT_ONCE = timedelta(hours=1)
_LONGEST_SPAN = timedelta(minutes=2)
_TOO_EARLY = 0.9
"""Of the interval: a round comes a little earlier or later each time."""
_AT_ONCE = 0.0


class Sampler:
    def __init__(self, pool: Pool, broker: Broker, settings: HistorySettings) -> None:
        self._pool = pool
        self._broker = broker
        self._interval = timedelta(seconds=settings.sample_seconds) * _TOO_EARLY

    async def take_sample(self) -> None:
        async with acquired(self._pool) as connection:
            if not await activity.is_due(connection, self._interval):
                return
            running = await queues_in_use.running_by_queue(connection)
            oldest = await queues_in_use.oldest_by_queue(connection)
            served = await queues_in_use.served(connection)
        names = queues_in_use.task_queues(served, running, oldest)[:MOST_QUEUES]
        queues = _Queues(await self._stats([*names, *SERVICE_QUEUES]), running, oldest)
        async with acquired(self._pool) as connection, connection.transaction():
            turn = await activity.take_turn(connection, self._interval)
            if turn is not None:
                await _add_samples(connection, turn, queues)
                await activity.move(connection, turn)

    async def thin(self) -> float | None:
        """An hour of old samples, if there is one."""
        async with acquired(self._pool) as connection, connection.transaction():
            now = await activity.lock(connection)
            if now is None:
                return None
            until = begin_of_step(now - FINE, THINNED)
            first = await activity.first_to_thin(connection, until)
            if first is None:
                return None
            since = begin_of_step(first - timedelta(microseconds=1), THINNED)
            await _thin(connection, since, min(since + _THINNED_AT_ONCE, until))
        return _AT_ONCE

    async def _stats(self, names: Collection[str]) -> Sequence[QueueStats]:
        """Of those that exist; of none while the broker is away: jobs are counted all the same."""
        try:
            found = await asyncio.gather(*map(self._broker.queue_stats, names))
        except BrokerUnavailable as error:  # the queues have a gap
            log.warning("queues_not_sampled", error=str(error))
            return []
        return [stats for stats in found if stats is not None]


@dataclass(frozen=True, slots=True)
class _Queues:
    """As they are, by name; `stats` are of those that exist."""

    stats: Sequence[QueueStats]
    running: Mapping[str, int]
    oldest: Mapping[str, datetime]


async def _add_samples(connection: Connection, turn: Turn, queues: _Queues) -> None:
    span = turn.now - turn.sampled_at if turn.since <= turn.horizon else timedelta()
    is_gap = not timedelta() < span <= _LONGEST_SPAN
    seconds = 0.0 if is_gap else span.total_seconds()
    news = [] if is_gap else await activity.news(connection, turn)
    cpu = await activity.workers(connection)
    cluster = _cluster_sample(turn.now, seconds, news, cpu, sum(queues.running.values()))
    await sample_rows.add(
        connection, [cluster], list(_queue_samples(turn.now, seconds, news, queues))
    )


def _cluster_sample(
    at: datetime, seconds: float, news: Sequence[News], cpu: tuple[int, float], running: int
) -> ClusterSample:
    workers, cpu_percent = cpu
    return ClusterSample(
        at=at,
        seconds=seconds,
        jobs_submitted=_count(news, "SUBMITTED", is_job=True),
        jobs_completed=_count(news, "COMPLETED", is_job=True),
        jobs_failed=_count(news, "FAILED", is_job=True),
        jobs_cancelled=_count(news, "CANCELLED", is_job=True),
        tasks_completed=_count(news, "COMPLETED", is_job=False),
        tasks_failed=_count(news, "FAILED", is_job=False),
        tasks_running=running,
        workers=workers,
        cpu_percent=cpu_percent,
        job_latency=_histogram(each for each in news if each.is_job),
        queue_time=_histogram(each for each in news if not each.is_job),
    )


def _queue_samples(
    at: datetime, seconds: float, news: Sequence[News], queues: _Queues
) -> Iterator[QueueSample]:
    scheduled, started = (_by_queue(news, state) for state in ("SCHEDULED", "RUNNING"))
    for each in queues.stats:
        yield QueueSample(
            queue=each.name,
            at=at,
            seconds=seconds,
            size=each.size,
            max_size=each.size,
            oldest_seconds=_age_seconds(queues.oldest.get(each.name), at),
            subscribers=each.subscribers,
            running=queues.running.get(each.name, 0),
            scheduled=scheduled[each.name],
            started=started[each.name],
        )


def _count(news: Iterable[News], state: str, *, is_job: bool) -> int:
    return sum(each.changes for each in news if (each.is_job, each.state) == (is_job, state))


def _histogram(news: Iterable[News]) -> Histogram:
    counts: Counter[str] = Counter()
    for each in news:
        if each.bucket is not None:
            counts[each.bucket] += each.changes
    return dict(counts)


def _by_queue(news: Iterable[News], state: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for each in news:
        if not each.is_job and each.state == state:
            counts[each.queue] += each.changes
    return counts


def _age_seconds(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else max((now - since).total_seconds(), 0.0)


async def _thin(connection: Connection, since: datetime, until: datetime) -> None:
    """What ended after `since`, and `until` then."""
    cluster = by_step(await sample_rows.of_cluster(connection, since, until), THINNED)
    queues: dict[str, list[QueueSample]] = {}
    for sample in await sample_rows.of_queues(connection, since, until):
        queues.setdefault(sample.queue, []).append(sample)
    await activity.delete(connection, since, until)
    await sample_rows.add(
        connection,
        [merged_cluster(samples, begin + THINNED) for begin, samples in cluster.items()],
        [
            merged_queue(samples, begin + THINNED)
            for of_queue in queues.values()
            for begin, samples in by_step(of_queue, THINNED).items()
        ],
    )
