"""What the code says of its metrics, and how values get onto the page."""

import re
from pathlib import Path

import pytest

import shared.process.metrics
from cli.metrics import MODULES, specs_in
from shared.process.metrics import SECONDS, Metrics, MetricSpec

ROOT = Path(__file__).parent.parent.parent
GUARANTEES = {
    value
    for name, value in vars(shared.process.metrics).items()
    if name.isupper() and isinstance(value, str) and value[0].isupper()
}
ALL = {name: told for modules in MODULES.values() for name, told in specs_in(modules).items()}

ROUNDS = MetricSpec("rounds_total", "Rounds done.")
WAITING = MetricSpec("waiting", "What waits.", labels=("queue",))


def page(metrics: Metrics) -> str:
    return metrics.render()[0].decode()


def test_every_promise_that_a_metric_shows_is_one_we_give() -> None:
    guarantees = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    assert all(f"| {promise} |" in guarantees for promise in GUARANTEES)
    assert {told.shows for told in ALL.values()} - {""} == GUARANTEES


def test_the_names_of_metrics_are_as_prometheus_has_it() -> None:
    for name, told in ALL.items():
        assert re.fullmatch(r"conveyor(_[a-z]+)+", name)
        assert told.meaning.endswith(".")
        if told.buckets == SECONDS:
            assert name.endswith("_seconds")


def test_a_value_that_is_read_is_as_it_is_when_the_page_is_drawn() -> None:
    metrics = Metrics()
    waiting: dict[tuple[str, ...], float] = {("a",): 1.0}
    metrics.read(WAITING, lambda: waiting)
    assert 'conveyor_waiting{queue="a"} 1.0' in page(metrics)
    waiting[("b",)] = 2
    assert 'conveyor_waiting{queue="b"} 2.0' in page(metrics)


def test_services_that_share_a_process_count_together() -> None:
    metrics = Metrics()
    for _ in range(2):
        metrics.counter(ROUNDS).inc()
        metrics.read(WAITING, lambda: {("a",): 1.0})
    assert "conveyor_rounds_total 2.0" in page(metrics)


def test_one_name_is_not_two_kinds_of_metric() -> None:
    metrics = Metrics()
    metrics.counter(ROUNDS)
    with pytest.raises(TypeError, match="rounds_total is a Counter, not a Gauge"):
        metrics.gauge(ROUNDS)
