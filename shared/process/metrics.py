"""Metrics: one registry per service, so that several services in one process don't collide."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

ENDS = "An accepted job reaches a final state, whatever crashes"
RUNS_ONCE = "No two workers run the same attempt at the same time"
STOPS_IN_TIME = (
    "A worker that is killed, frozen or cut off stops its tasks before its lease expires"
)
COUNTS_ONCE = "A result counts once, and only from the worker that holds the task"
WEBHOOKS_ARRIVE = "Every webhook arrives, with the same id in each repetition"
MADE_ONCE = "A repeated submission creates one job"
PUT_ASIDE = "An unreadable message is kept, with its reason"
RECOVERS = "After an outage of any length, each service recovers by itself"
STAYS_FLAT = "Memory, open files, tasks, connections and tables stay constant at a steady rate"
LEAVES_NOTHING = "A file that no job, schedule or upload refers to is removed from the store"
WORKED_OFF = "A flood of jobs completes in order, while reads are answered"


# A line more for each counter, which Prometheus has no use for.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library's own annotation is missing

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500)

_COUNTS = "_total"

Read = Callable[[], Mapping[tuple[str, ...], float]]
"""The values right now, by the values of the labels. Never waits."""

M = TypeVar("M", Counter, Gauge, Histogram)


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric, described once: its help in /metrics, its line in docs/metrics.md.

    `name` is what follows `conveyor_`; a counter's ends in `_total`. `shows` is the promise it is
    about, `alarm` the value that somebody should look into; empty where there is none. One with
    `buckets` is a histogram.
    """

    name: str
    meaning: str
    shows: str = ""
    alarm: str = ""
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        return f"conveyor_{self.name}"

    @property
    def is_counter(self) -> bool:
        return self.name.endswith(_COUNTS)


class Metrics:
    """Makes metrics and draws them. What is asked for again, by services that share a process, is
    the same metric."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._made: dict[str, Counter | Gauge | Histogram] = {}
        self._readings: dict[str, _Reading] = {}
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def counter(self, spec: MetricSpec) -> Counter:
        return self._once(spec, Counter)

    def gauge(self, spec: MetricSpec) -> Gauge:
        return self._once(spec, Gauge)

    def histogram(self, spec: MetricSpec) -> Histogram:
        return self._once(spec, Histogram)

    def read(self, spec: MetricSpec, read: Read) -> None:
        """A counter or gauge that is kept elsewhere, and read when the page is drawn."""
        if (known := self._readings.get(spec.name)) is not None:
            known.read = read
            return
        reading = self._readings[spec.name] = _Reading(spec, read)
        self._registry.register(reading)

    def read_one(self, spec: MetricSpec, read: Callable[[], float]) -> None:
        """As `read`, of a metric without labels."""
        self.read(spec, lambda: {(): read()})

    def render(self) -> tuple[bytes, str]:
        """The page, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def _once(self, spec: MetricSpec, kind: type[M]) -> M:
        made = self._made.get(spec.name)
        if made is None:
            made = self._made[spec.name] = self._make(spec)
        if not isinstance(made, kind):
            raise TypeError(f"{spec.name} is a {type(made).__name__}, not a {kind.__name__}")
        return made

    def _make(self, spec: MetricSpec) -> Counter | Gauge | Histogram:
        if spec.buckets:
            return Histogram(
                spec.full_name,
                spec.meaning,
                spec.labels,
                registry=self._registry,
                buckets=spec.buckets,
            )
        kind = Counter if spec.is_counter else Gauge
        return kind(spec.full_name, spec.meaning, spec.labels, registry=self._registry)


class _Reading(Collector):
    """One metric whose values are asked for each time."""

    def __init__(self, spec: MetricSpec, read: Read) -> None:
        self._spec = spec
        self.read = read

    def describe(self) -> Iterator[Metric]:
        yield self._empty()

    def collect(self) -> Iterator[Metric]:
        family = self._empty()
        for labels, value in self.read().items():
            family.add_metric(labels, value)
        yield family

    def _empty(self) -> CounterMetricFamily | GaugeMetricFamily:
        kind = CounterMetricFamily if self._spec.is_counter else GaugeMetricFamily
        return kind(self._spec.full_name, self._spec.meaning, labels=self._spec.labels)


_TASKS = MetricSpec(
    "asyncio_tasks",
    "Unfinished asyncio tasks.",
    STAYS_FLAT,
    "growing for hours at a steady load: a defect",
)
_BLOCKS = MetricSpec(
    "memory_blocks",
    "Memory blocks allocated by the Python interpreter.",
    STAYS_FLAT,
    "growing for hours at a steady load: a defect",
)


def show_process(metrics: Metrics) -> None:
    metrics.read_one(_TASKS, _unfinished_tasks)
    metrics.read_one(_BLOCKS, sys.getallocatedblocks)


def _unfinished_tasks() -> int:
    """Of the event loop that draws the page."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # drawn outside of a loop, where there are none
        return 0
