"""Lines of logs."""

from datetime import datetime

from services.coordinator.api.replies import Answer


class LogLine(Answer):
    """A line of a log."""

    number: int
    """Its place in the log that was asked for, from 1."""
    task_id: str
    """The attempt that wrote it."""
    task_line: int
    """Its place in the log of its task, from 1."""
    text: str
    """Without its line break."""
    created_at: datetime
    """When its beginning was written."""
    stderr: bool | None = None
    """Set if it came from stderr."""
    truncated: bool | None = None
    """Set if it is longer than what is shown of it."""


class LogLines(Answer):
    """Lines of a log, in the order in which they were written."""

    first: int
    """The place of the first of them, also where there is none."""
    items: list[LogLine]
    """Fewer than were asked for where they are long."""
    total_lines: int
    """Of the log so far."""
    total_bytes: int
    """Of the log so far."""
    total_parts: int
    """Of the log so far."""
    cursor: str
    """Of the job's events: what is before it is counted above. Follow them `after` it."""
    complete: bool
    """The job or the task has ended, and no part of its log is still on its way."""
    trimmed: bool
    """Whether its beginning was deleted for its age."""


class LogMatches(Answer):
    """Lines that hold a text."""

    numbers: list[int]
    """The places of the first of them, as many as were asked for."""
    more: bool
    """Whether there are others."""
