"""The names of all queues and of the one exchange: spelled here and nowhere else."""

import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

COMPLETIONS = "completions"
"""Claims and reports of workers; consumed by the coordinators."""
EVENTS = "events"
"""State changes of jobs and tasks: an exchange of that name, and the dispatcher's queue on it."""
TELEMETRY = "telemetry"
"""Log parts and progress; consumed by the coordinators."""
HEARTBEATS = "heartbeats"
"""Signs of life, consumed by the schedulers. Apart from `telemetry`, so that a flood of log parts
can't delay the renewal of a lease."""
PLACEMENT = "placement"
"""Asks for a round of placement; consumed by the schedulers."""
DEAD_LETTERS = "dead-letters"
"""Messages nobody could read, each with its reason."""
DEFAULT_TASK_QUEUE = "default"

SERVICE_QUEUES = (COMPLETIONS, EVENTS, TELEMETRY, HEARTBEATS, PLACEMENT, DEAD_LETTERS)

_NODE_PREFIX = "node."
_RESERVED_PREFIXES = (_NODE_PREFIX, "x-", "amq.")
_TASK_QUEUE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}")


def node_queue(node_id: str) -> str:
    """The private queue on which the worker `node_id` gets grants and stop orders."""
    return _NODE_PREFIX + node_id


def node_task_queue(node_id: str) -> str:
    """Where the executions are sent to that are placed on the worker `node_id`."""
    return f"{_NODE_PREFIX}{node_id}.tasks"


def is_node_queue(name: str) -> bool:
    return name.startswith(_NODE_PREFIX)


def task_queue_error(name: str) -> str | None:
    """Why `name` can't be a task queue, or None when it can."""
    if name in SERVICE_QUEUES:
        return f"{name!r} is reserved for Conveyor's own messages"
    for prefix in _RESERVED_PREFIXES:
        if name.startswith(prefix):
            return f"names that start with {prefix!r} are reserved"
    if not _TASK_QUEUE_NAME.fullmatch(name):
        return "a queue name is 1 to 128 letters, digits, '_', '-', '.' or ':'"
    return None


def is_task_queue(name: str) -> bool:
    return task_queue_error(name) is None


def parse_queues(text: str) -> dict[str, int]:
    """`default:4,highcpu:2` as {"default": 4, "highcpu": 2}; without a number it is 1."""
    queues: dict[str, int] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, count = entry.partition(":")
        if (error := task_queue_error(name)) is not None:
            raise ValueError(f"{name!r}: {error}")
        if not (count or "1").isdigit() or not 1 <= int(count or 1) <= 1000:
            raise ValueError(f"{entry!r}: the concurrency must be a number from 1 to 1000")
        if name in queues:
            raise ValueError(f"{name!r} is named twice")
        queues[name] = int(count or 1)
    if not queues:
        raise ValueError("must name at least one queue, such as default:4")
    return queues


def slots_by_queue(settings: Iterable[str]) -> dict[str, int]:
    """The slots of several workers together, each setting as `parse_queues` takes it."""
    slots: Counter[str] = Counter()
    for text in settings:
        with suppress(ValueError):  # a worker of another version may spell them otherwise
            slots.update(parse_queues(text))
    return slots
