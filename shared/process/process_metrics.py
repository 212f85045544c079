"""What a process has in hand, so that it shows when something only ever grows.

Counted when the page is drawn, within some microseconds.
"""

import asyncio
import sys

from shared.process.guarantees import STAYS_FLAT
from shared.process.metrics import Metrics, MetricSpec

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
