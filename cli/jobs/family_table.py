"""A job's tasks as a table whose first column is a tree."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from cli.api.views import TaskView
from cli.jobs.family import Branch
from cli.tables import state_text, style_of
from cli.wording import one_line, took

_MARKS = {
    "COMPLETED": "✓",
    "FAILED": "✗",
    "CANCELLED": "✗",
    "STOPPED": "✗",
    "RUNNING": "▸",
    "SKIPPED": "-",
}

Row = tuple[Text, Text, Text, Text, Text]
"""The task in the tree, its state, how long, which attempt, what came of it."""


def family_table(branches: Sequence[Branch], at: datetime, width: int) -> Table:
    """`width` is the screen's, in characters: a long name leaves room for what came of the task."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, max_width=2 * width // 5)
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for branch in branches:
        for row in _rows(branch, "", "  ", at):
            table.add_row(*row)
    return table


def _rows(branch: Branch, before: str, below: str, at: datetime) -> Iterator[Row]:
    """`before` and `below` are the lines of the tree, before its own name and its children's."""
    yield _row(branch, before, at)
    for child in branch.children:
        is_last = child is branch.children[-1] and not branch.left_out
        corner, line = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        yield from _rows(child, below + corner, below + line, at)
    if branch.left_out:
        yield _left_out(branch.left_out, below)


def _row(branch: Branch, before: str, at: datetime) -> Row:
    mark = (_MARKS.get(branch.state, "·"), style_of(branch.state))
    name = Text.assemble((before, "dim"), mark, " ", one_line(branch.name))
    task = branch.task
    return (
        name,
        state_text(branch.state),
        Text(_duration(task, at) if task else ""),
        Text(f"attempt {task.attempt + 1}" if task and task.attempt else "", "yellow"),
        _outcome(task) if task else Text(),
    )


def _duration(task: TaskView, at: datetime) -> str:
    """A task that was cancelled tells no time of its end."""
    is_known = task.ended_at is not None or task.state == "RUNNING"
    return took(task.started_at, task.ended_at, at) if is_known else ""


def _outcome(task: TaskView) -> Text:
    if task.error:
        return Text(one_line(task.error), style_of("FAILED"))
    if task.last_return_reason and task.state == "SCHEDULED":
        return Text(one_line(f"handed back: {task.last_return_reason}"), "yellow")
    if task.queue and task.state == "SCHEDULED":
        return Text(f"waits in the queue {one_line(task.queue)}", "dim")
    if task.subjob_id:
        return Text(f"job {task.subjob_id}")
    if task.state == "RUNNING" and task.progress:
        return Text(f"{task.progress:.0f} %")
    return Text(one_line(task.result or ""))


def _left_out(states: Mapping[str, int], below: str) -> Row:
    counts = ", ".join(f"{count:,} {state.lower()}" for state, count in states.items())
    more = Text(f"{below}└─ … {sum(states.values()):,} more", "dim")
    return more, Text(), Text(), Text(), Text(counts, "dim")
