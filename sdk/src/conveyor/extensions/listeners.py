"""Event listeners: told of every change of every job and task, in order, at least once."""

from collections.abc import Awaitable, Callable
from typing import TypedDict


class Change(TypedDict):
    """A change of a job (`task_id` None) or of a task: a new state, or (`is_progress`) only
    progress.

    (`job_id`, `version`) is unique and the same in every repetition; `version` orders the changes
    of one job. What else there is, is that of the job or task after the change. Times are texts
    with a time zone. Secrets are redacted.
    """

    job_id: str
    version: int
    state: str
    at: str
    position: int
    progress: float
    result: str | None
    error: str | None
    task_id: str | None
    task_name: str | None
    parent_id: str | None
    attempt: int
    node_id: str | None
    is_progress: bool


Listener = Callable[[list[Change]], Awaitable[None]]
"""Takes some changes in the order they were decided.

When it raises, or takes longer than 30 s, it is called with the same changes again later, and with
what has come since. Its name is what its place in the feed is kept by. It must not block the event
loop.
"""
