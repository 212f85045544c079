"""The names of all queues and of the one exchange: spelled here and nowhere else."""

import re

COMPLETIONS = "completions"
"""Claims and reports of workers; consumed by the coordinators."""
EVENTS = "events"
"""State changes of jobs and tasks: an exchange of that name, and the dispatcher's queue on it."""
TELEMETRY = "telemetry"
"""Log parts and progress; consumed by the coordinators."""
HEARTBEATS = "heartbeats"
"""Signs of life, consumed by the schedulers. Apart from `telemetry`, so that a flood of log parts
can't delay the renewal of a lease."""
DEAD_LETTERS = "dead-letters"
"""Messages nobody could read, each with its reason."""
DEFAULT_TASK_QUEUE = "default"

SERVICE_QUEUES = (COMPLETIONS, EVENTS, TELEMETRY, HEARTBEATS, DEAD_LETTERS)

_NODE_PREFIX = "node."
_RESERVED_PREFIXES = (_NODE_PREFIX, "x-", "amq.")
_TASK_QUEUE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}")


def node_queue(node_id: str) -> str:
    """The private queue on which the worker `node_id` gets grants and stop orders."""
    return _NODE_PREFIX + node_id


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
