"""/queues/{name}/history and /metrics/history: samples over time, a point for each step."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import Field

from services.coordinator.api.errors import BadRequest, NotFound
from services.coordinator.api.replies import Answer, reply
from services.coordinator.api.requests import Query, Search, ports, query, time_of
from services.coordinator.api.route import response
from services.coordinator.api.tork.cluster import METRICS, NO_QUEUE, QUEUES, is_shown
from shared.store import sample_rows
from shared.store.samples import (
    THINNED,
    ClusterSample,
    Histogram,
    QueueSample,
    begin_of_step,
    by_step,
    merged_cluster,
    merged_queue,
    quantile,
)

_MOST_POINTS = 500
_STEPS_SECONDS = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200, 86400),
)
_YEARS = 1970, 8999
_ROUGHLY = 0.9
"""Samples are not taken to the second."""


class QueuePoint(Answer):
    """A queue in one step. Only `at` is there in a gap: no scheduler, or no broker."""

    at: datetime
    """The begin of the step."""
    seconds: float | None = None
    """How much of the step was counted; 0 right after a gap."""
    size: float | None = None
    """How many messages waited, on average."""
    max_size: int | None = None
    """The most in a sample."""
    oldest_seconds: float | None = None
    """The longest that a task had waited; left out when none waited."""
    subscribers: float | None = None
    """How many consumers it had, on average."""
    running: float | None = None
    """How many of its tasks ran, on average."""
    scheduled: int | None = None
    """How many tasks were sent to it."""
    started: int | None = None
    """How many of its tasks a worker began."""


class QueueHistory(Answer):
    since: datetime
    """From here on."""
    before: datetime
    """Until here."""
    step_seconds: float
    """The length of a step."""
    points: list[QueuePoint]
    """One for each step, in order."""


class Quantiles(Answer):
    """Of times in seconds, from buckets of which ten make a decade: off by up to a quarter, and as
    a rule by far less."""

    p50: float
    """Half took no longer."""
    p95: float
    """95 % took no longer."""
    p99: float
    """99 % took no longer."""
    count: int
    """Of how many times."""


class MetricsPoint(Answer):
    """The cluster in one step. Only `at` is there in a gap, when no scheduler ran. A job that was
    deleted within seconds of its end may not be counted."""

    at: datetime
    """The begin of the step."""
    seconds: float | None = None
    """How much of the step was counted; 0 right after a gap."""
    jobs_submitted: int | None = None
    """How many jobs were submitted."""
    jobs_completed: int | None = None
    """How many completed."""
    jobs_failed: int | None = None
    """How many failed."""
    jobs_cancelled: int | None = None
    """How many were cancelled."""
    tasks_completed: int | None = None
    """How many attempts at tasks completed."""
    tasks_failed: int | None = None
    """How many attempts at tasks failed."""
    tasks_running: float | None = None
    """How many tasks ran, on average."""
    workers: float | None = None
    """How many workers were up, on average."""
    cpu_percent: float | None = None
    """Their mean processor use, 0 to 100."""
    job_latency: Quantiles | None = None
    """From submission or restart to the end, of jobs that completed or failed."""
    queue_time: Quantiles | None = None
    """From when a task was sent to its queue until a worker began it."""


class MetricsHistory(Answer):
    since: datetime
    """From here on."""
    before: datetime
    """Until here."""
    step_seconds: float
    """The length of a step."""
    whole: MetricsPoint
    """All steps together."""
    points: list[MetricsPoint]
    """One for each step, in order."""


class HistoryQuery(Query):
    """Which part of the past, and how finely."""

    since: Annotated[
        Search, Field(description="From here on: a time, or a span such as `90m` or `7d`.")
    ] = "1h"
    before: Annotated[Search, Field(description="Until here: as `since`. Default: now.")] = ""
    points: Annotated[
        int,
        Field(ge=1, le=_MOST_POINTS, description="At most so many points, 1 to 500."),
    ] = 120

    def span(self) -> tuple[datetime, datetime]:
        """Raises BadRequest."""
        now = datetime.now(UTC)
        since = time_of("since", self.since, now)
        before = time_of("before", self.before, now) if self.before else now
        if since.year < _YEARS[0] or before.year > _YEARS[1]:
            wrong = f'since: "{self.since}", before: "{self.before}"'
            raise BadRequest(f"{wrong}: must be between the years {_YEARS[0]} and {_YEARS[1]}")
        if since >= before:
            raise BadRequest(f'since: "{self.since}" is not allowed: must be before `before`')
        return since, before


S = TypeVar("S", ClusterSample, QueueSample)
P = TypeVar("P", QueuePoint, MetricsPoint)


@QUEUES.route(
    "GET /queues/{name}/history",
    "Show a queue over time",
    response("Its samples, a point for each step.", QueueHistory),
    query=HistoryQuery,
)
async def get_queue_history(request: web.Request) -> web.Response:
    name, api = request.match_info["name"], ports(request)
    asked = query(request, HistoryQuery)
    since, before = asked.span()
    samples = await api.run(sample_rows.of_queue, name, since, before) if is_shown(name) else []
    if not samples and not (is_shown(name) and await api.broker.queue_stats(name)):
        raise NotFound(NO_QUEUE)
    step = step_for(samples, before - since, asked.points)
    points = _points(samples, since, before, step, _queue_point, QueuePoint)
    seconds = step.total_seconds()
    return reply(QueueHistory(since=since, before=before, step_seconds=seconds, points=points))


@METRICS.route(
    "GET /metrics/history",
    "Show throughput and times of jobs and tasks over time",
    response("Samples, a point for each step.", MetricsHistory),
    query=HistoryQuery,
)
async def get_metrics_history(request: web.Request) -> web.Response:
    asked = query(request, HistoryQuery)
    since, before = asked.span()
    samples = await ports(request).run(sample_rows.of_cluster, since, before)
    step = step_for(samples, before - since, asked.points)
    whole = _metrics_point(since, samples) if samples else MetricsPoint(at=since)
    return reply(
        MetricsHistory(
            since=since,
            before=before,
            step_seconds=step.total_seconds(),
            whole=whole,
            points=_points(samples, since, before, step, _metrics_point, MetricsPoint),
        )
    )


def step_for(
    samples: Sequence[ClusterSample] | Sequence[QueueSample], span: timedelta, points: int
) -> timedelta:
    """A round step that makes at most so many points, and in which each has a sample if there is
    no gap."""
    typical = median([sample.seconds for sample in samples] or [0.0]) * _ROUGHLY
    if any(sample.is_thinned for sample in samples):
        typical = THINNED.total_seconds()
    # The first and the last step may be begun only.
    shortest = max(span.total_seconds() / max(points - 1, 1), typical)
    at = bisect_left(_STEPS_SECONDS, shortest)
    if at < len(_STEPS_SECONDS):
        return timedelta(seconds=_STEPS_SECONDS[at])
    return timedelta(days=shortest // 86400 + 1)


def _points(
    samples: Sequence[S],
    since: datetime,
    before: datetime,
    step: timedelta,
    point: Callable[[datetime, Sequence[S]], P],
    gap: type[P],
) -> list[P]:
    found = by_step(samples, step)
    points: list[P] = []
    at = begin_of_step(since, step)
    while at < before:
        points.append(point(at, found[at]) if at in found else gap(at=at))
        at += step
    return points


def _queue_point(at: datetime, samples: Sequence[QueueSample]) -> QueuePoint:
    merged = merged_queue(samples, at)
    return QueuePoint(
        at=at,
        seconds=merged.seconds,
        size=merged.size,
        max_size=merged.max_size,
        oldest_seconds=merged.oldest_seconds,
        subscribers=merged.subscribers,
        running=merged.running,
        scheduled=merged.scheduled,
        started=merged.started,
    )


def _metrics_point(at: datetime, samples: Sequence[ClusterSample]) -> MetricsPoint:
    merged = merged_cluster(samples, at)
    return MetricsPoint(
        at=at,
        seconds=merged.seconds,
        jobs_submitted=merged.jobs_submitted,
        jobs_completed=merged.jobs_completed,
        jobs_failed=merged.jobs_failed,
        jobs_cancelled=merged.jobs_cancelled,
        tasks_completed=merged.tasks_completed,
        tasks_failed=merged.tasks_failed,
        tasks_running=merged.tasks_running,
        workers=merged.workers,
        cpu_percent=merged.cpu_percent,
        job_latency=_quantiles(merged.job_latency),
        queue_time=_quantiles(merged.queue_time),
    )


def _quantiles(histogram: Histogram) -> Quantiles | None:
    p50, p95, p99 = (quantile(histogram, share) for share in (0.5, 0.95, 0.99))
    if p50 is None or p95 is None or p99 is None:
        return None
    return Quantiles(p50=p50, p95=p95, p99=p99, count=sum(histogram.values()))
