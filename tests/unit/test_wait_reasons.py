"""Why a task waits, from what is known of it and of the workers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.coordinator.store.waiting import LONGEST_LINE, Cluster, WaitingTask
from services.coordinator.wait_reasons import reason_of
from shared.messages.queues import slots_by_queue

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TASK = WaitingTask(
    id="t",
    job_id="j",
    state="SCHEDULED",
    queue="default",
    priority=0,
    attempt=0,
    scheduled_at=NOW,
    due_at=None,
    last_return_reason=None,
    child_index=None,
    siblings=None,
    subjob_id=None,
)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def siblings(begun: int, ended: int, concurrency: int = 0) -> dict[str, int]:
    return {"total": 30, "begun": begun, "ended": ended, "concurrency": concurrency}


@pytest.mark.parametrize(
    ("task", "online", "busy", "line", "reason", "message"),
    [
        ({}, [], 0, [], "no_worker", "no worker is online (queue 'default')"),
        (
            {"queue": "highcpuu"},
            ["highcpu:2,default:4", "default"],
            0,
            [],
            "no_worker",
            "no worker serves queue 'highcpuu' (served: default, highcpu)",
        ),
        ({}, ["default:4"], 4, [(0, NOW)], "busy", "4 of 4 slots busy, 0 ahead"),
        (
            {"child_index": 2},  # its siblings went to the queue at the same time
            ["default:4"],
            4,
            [(0, NOW)] * 5,
            "busy",
            "4 of 4 slots busy, 2 ahead",
        ),
        (
            {"priority": 1},
            ["default:3", "default:1"],
            4,
            [(0, ago(9)), (1, ago(8)), (9, ago(-5)), (1, NOW), (1, ago(-1))],
            "busy",
            "4 of 4 slots busy, 2 ahead",
        ),
        (
            {},
            ["default"],
            1,
            [(0, ago(n)) for n in range(1, LONGEST_LINE + 1)],
            "busy",
            "1 of 1 slots busy, 1,000 or more ahead",
        ),
        (
            {},
            ["default:4"],
            1,
            [(0, NOW)],
            "queue",
            "waits for a worker, 1 of 4 slots busy, 0 ahead",
        ),
        (
            {"last_return_reason": "pull access denied"},
            ["default:4"],
            0,
            [],
            "returned",
            "handed back by a worker: pull access denied",
        ),
        (
            {"state": "PENDING", "attempt": 2, "due_at": ago(-8)},
            [],
            0,
            [],
            "retry",
            "retry 2 in 8 s",
        ),
        (
            {"state": "PENDING", "attempt": 1, "due_at": ago(-3600)},
            [],
            0,
            [],
            "retry",
            "retry 1 in 60 min",
        ),
        (
            {"state": "PENDING", "attempt": 1, "due_at": ago(1)},
            [],
            0,
            [],
            "retry",
            "retry 1 is due",
        ),
        (
            {"state": "CREATED", "child_index": 7, "siblings": siblings(5, 2, concurrency=3)},
            [],
            0,
            [],
            "concurrency",
            "3 of 3 at a time are active, 2 ahead",
        ),
        (
            {"state": "CREATED", "child_index": 25, "siblings": siblings(20, 3)},
            [],
            0,
            [],
            "turn",
            "waits for its turn, 5 ahead",
        ),
    ],
)
def test_a_task_says_why_it_waits(
    task: dict[str, Any],
    online: list[str],
    busy: int,
    line: list[tuple[int, datetime]],
    reason: str,
    message: str,
) -> None:
    waits = TASK._replace(**task)
    cluster = Cluster(now=NOW, online=online, busy={waits.queue: busy})
    lines = {
        waits.queue: sorted((-priority, at, place) for place, (priority, at) in enumerate(line))
    }
    why = reason_of(waits, cluster, slots_by_queue(online), lines)
    assert (why.reason, why.message) == (reason, message)
    assert why.until == waits.due_at


def test_a_worker_whose_queues_cannot_be_read_counts_as_serving_none() -> None:
    assert slots_by_queue(["default:4", "a:b:c", "", "default"]) == {"default": 5}


def test_an_execution_that_has_a_node_waits_for_that_node() -> None:
    task = TASK._replace(queue="", node_id="n1", placement="{}")
    why = reason_of(task, Cluster(now=NOW), {}, {})
    assert (why.reason, why.message) == ("queue", "waits for the node it was sent to (n1)")
