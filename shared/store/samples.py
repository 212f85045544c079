"""Samples of the cluster and of its queues, how several become one, and quantiles of histograms."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

Histogram = Mapping[str, int]
"""Counts by the number of the bucket, as text: so JSON has it."""

BOUNDS_SECONDS = tuple(10 ** (n / 10) for n in range(-30, 61))
"""Bucket n has what is less than bound n and no bucket before has: ten buckets each decade, so a
quantile is at most 26 % off, as a rule far less."""

THINNED = timedelta(minutes=5)
"""What a sample covers once it is thinned."""

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """`at` is the end of the `seconds` that it covers, 0 where nothing could be counted; what is
    counted belongs to them. Of `samples` that were merged the rest are means, unless the name says
    otherwise."""

    at: datetime
    seconds: float
    samples: int = 1
    is_thinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSample(_Sample):
    """`job_latency` is from submission (or restart) to the end of jobs, `queue_time` from
    SCHEDULED to RUNNING of tasks."""

    jobs_submitted: int = 0
    jobs_completed: int = 0
    jobs_failed: int = 0
    jobs_cancelled: int = 0
    tasks_completed: int = 0
    tasks_failed: int = 0
    tasks_running: float = 0
    workers: float = 0
    cpu_percent: float = 0
    job_latency: Histogram
    queue_time: Histogram


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSample(_Sample):
    """`oldest_seconds` is how long the oldest task waits (the longest of several samples), None
    where none waits; `scheduled` counts tasks sent to the queue, `started` those claimed."""

    queue: str
    size: float
    max_size: int
    oldest_seconds: float | None
    subscribers: float
    running: float
    scheduled: int = 0
    started: int = 0


S = TypeVar("S", ClusterSample, QueueSample)


def merged_cluster(samples: Sequence[ClusterSample], at: datetime) -> ClusterSample:
    def total(name: str) -> int:
        return sum(getattr(sample, name) for sample in samples)

    return ClusterSample(
        at=at,
        seconds=sum(sample.seconds for sample in samples),
        samples=total("samples"),
        is_thinned=True,
        jobs_submitted=total("jobs_submitted"),
        jobs_completed=total("jobs_completed"),
        jobs_failed=total("jobs_failed"),
        jobs_cancelled=total("jobs_cancelled"),
        tasks_completed=total("tasks_completed"),
        tasks_failed=total("tasks_failed"),
        tasks_running=_mean(samples, "tasks_running"),
        workers=_mean(samples, "workers"),
        cpu_percent=_mean(samples, "cpu_percent"),
        job_latency=_together(sample.job_latency for sample in samples),
        queue_time=_together(sample.queue_time for sample in samples),
    )


def merged_queue(samples: Sequence[QueueSample], at: datetime) -> QueueSample:
    """All of one queue."""
    oldest = [s.oldest_seconds for s in samples if s.oldest_seconds is not None]
    return QueueSample(
        queue=samples[0].queue,
        at=at,
        seconds=sum(sample.seconds for sample in samples),
        samples=sum(sample.samples for sample in samples),
        is_thinned=True,
        size=_mean(samples, "size"),
        max_size=max(sample.max_size for sample in samples),
        oldest_seconds=max(oldest, default=None),
        subscribers=_mean(samples, "subscribers"),
        running=_mean(samples, "running"),
        scheduled=sum(sample.scheduled for sample in samples),
        started=sum(sample.started for sample in samples),
    )


def by_step(samples: Iterable[S], step: timedelta) -> dict[datetime, list[S]]:
    """By the begin of the step in which each ends; steps are whole multiples since 1970."""
    steps: dict[datetime, list[S]] = {}
    for sample in samples:
        steps.setdefault(begin_of_step(sample.at - _MICROSECOND, step), []).append(sample)
    return steps


def begin_of_step(at: datetime, step: timedelta) -> datetime:
    return at - (at - _EPOCH) % step


def quantile(histogram: Histogram, share: float) -> float | None:
    """In seconds; None of an empty one. Within its bucket it is interpolated."""
    rank = share * sum(histogram.values())
    if not rank:
        return None
    for bucket, count in sorted((int(bucket), count) for bucket, count in histogram.items()):
        if rank <= count:
            low = BOUNDS_SECONDS[bucket - 1] if bucket else 0.0
            high = BOUNDS_SECONDS[min(bucket, len(BOUNDS_SECONDS) - 1)]
            return low + (high - low) * rank / count
        rank -= count
    return BOUNDS_SECONDS[-1]


def _mean(samples: Sequence[_Sample], name: str) -> float:
    total: float = sum(getattr(sample, name) * sample.samples for sample in samples)
    return total / sum(sample.samples for sample in samples)


def _together(histograms: Iterable[Histogram]) -> Histogram:
    counts: Counter[str] = Counter()
    for histogram in histograms:
        counts.update(histogram)
    return dict(counts)
