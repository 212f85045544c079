"""Metrics: one registry per service, so that four services in one process don't collide."""

from collections.abc import Sequence

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)


class Metrics:
    """Makes metrics named `conveyor_<name>` and draws them. A name can be made once."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def counter(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Counter:
        """`_total` is added to the name."""
        return Counter(f"conveyor_{name}", meaning, labels, registry=self._registry)

    def gauge(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(f"conveyor_{name}", meaning, labels, registry=self._registry)

    def seconds(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Histogram:
        """A histogram of durations; `name` ends in `_seconds`."""
        return Histogram(
            f"conveyor_{name}", meaning, labels, registry=self._registry, buckets=_SECONDS
        )

    def render(self) -> tuple[bytes, str]:
        """The page, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
