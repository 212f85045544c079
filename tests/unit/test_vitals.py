"""The metrics that show whether a process gathers what it should let go of."""

import asyncio
import re
from typing import Any

import pytest

from shared.process.metrics import Metrics, show_process


@pytest.fixture
def metrics() -> Metrics:
    metrics = Metrics()
    show_process(metrics)
    return metrics


def drawn(metrics: Metrics, name: str) -> float:
    page = metrics.render()[0].decode()
    found = re.search(rf"^{name} (\S+)$", page, re.MULTILINE)
    assert found, page
    return float(found[1])


async def test_a_task_that_nobody_ends_shows_in_the_metrics(metrics: Metrics) -> None:
    before = drawn(metrics, "conveyor_asyncio_tasks")
    leaked = [asyncio.create_task(asyncio.Event().wait()) for _ in range(3)]
    assert drawn(metrics, "conveyor_asyncio_tasks") == before + 3
    for task in leaked:
        task.cancel()
    await asyncio.wait(leaked)
    assert drawn(metrics, "conveyor_asyncio_tasks") == before


def test_what_is_kept_shows_as_memory_blocks(metrics: Metrics) -> None:
    before = drawn(metrics, "conveyor_memory_blocks")
    kept: list[Any] = [object() for _ in range(10_000)]
    assert drawn(metrics, "conveyor_memory_blocks") >= before + len(kept) * 0.9


def test_metrics_are_drawn_outside_of_a_loop_too(metrics: Metrics) -> None:
    assert drawn(metrics, "conveyor_asyncio_tasks") == 0
