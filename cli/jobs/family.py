"""The tasks of a job as a tree: the submitted ones in order, each with its children below."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from cli.messages import cut, one_line, took
from cli.references import SHORT
from cli.tables import state_text, style_of
from cli.views import JobView, TaskView

WAITING = "WAITING"
"""Our word for a task that has no row yet: its turn hasn't come."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A task and its children. `task` is None before its turn, which `waits_for` explains;
    `left_out` counts those children by state that aren't among `children`."""

    name: str
    task: TaskView | None
    children: tuple["Branch", ...] = ()
    left_out: Mapping[str, int] | None = None
    waits_for: str | None = None

    @property
    def state(self) -> str:
        return self.task.state if self.task else WAITING


def family(job: JobView, most: int | None) -> Sequence[Branch]:
    """The latest attempt at each task. No more than `most` children of a task are taken (None:
    all), those that need a look first."""
    by_parent: dict[str | None, list[TaskView]] = defaultdict(list)
    for task in job.execution:
        by_parent[task.parent_id].append(task)
    latest = {task.position: task for task in _latest(by_parent[None])}
    return [
        _branch(name, newest, by_parent, most)
        if (newest := latest.get(position))
        else Branch(name, None, waits_for=why)
        for position, (name, why) in enumerate(
            zip(job.task_names, job.waits_for, strict=True), start=1
        )
    ]


def _branch(
    name: str,
    task: TaskView,
    by_parent: Mapping[str | None, list[TaskView]],
    most: int | None,
) -> Branch:
    children = _latest(by_parent.get(task.id, ()))
    taken = _taken(children, most)
    ids = {child.id for child in taken}
    left_out = Counter(child.state for child in children if child.id not in ids)
    if most is not None and task.children_total:  # those that have no row yet wait, too
        left_out[WAITING] += max(0, task.children_total - len(children))
    return Branch(
        task.name or name,
        task,
        tuple(_branch(child.name, child, by_parent, most) for child in taken),
        +left_out or None,
    )


_FIRST = ("FAILED", "RUNNING")
_LAST = ("CANCELLED", "STOPPED")


def _taken(children: Sequence[TaskView], most: int | None) -> Sequence[TaskView]:
    """Up to `most`: those that failed, those that run, the others in order. Cancelled ones say
    nothing that their number doesn't."""
    if most is None:
        return children
    ranked = sorted(children, key=lambda child: _rank(child.state))
    return [child for child in ranked if child.state not in _LAST][:most]


def _rank(state: str) -> int:
    return _FIRST.index(state) if state in _FIRST else len(_FIRST)


def _latest(attempts: Iterable[TaskView]) -> Sequence[TaskView]:
    """One for each child index, in order. Without an index every row stands for itself."""
    found: dict[object, TaskView] = {}
    for task in attempts:
        key = _seat(task)
        before = found.get(key)
        if before is None or _moment(task) >= _moment(before):
            found[key] = task
    return sorted(found.values(), key=lambda task: (task.position, task.child_index or 0))


def _seat(task: TaskView) -> object:
    if task.parent_id is None:
        return task.position
    return task.id if task.child_index is None else task.child_index


def _moment(task: TaskView) -> tuple[int, str]:
    return task.attempt, task.created_at or ""


_MARKS = {
    "COMPLETED": "✓",
    "FAILED": "✗",
    "CANCELLED": "⊘",
    "STOPPED": "⊘",
    "RUNNING": "▸",
    "SKIPPED": "-",
}

_ORDER = {state: place for place, state in enumerate(_MARKS)}
_LONGEST_RESULT = 200
_LONGEST_READ = 2000

Row = tuple[Text, Text, Text, Text, Text]
"""The task in the tree, its state, duration, attempt and outcome."""


def family_table(
    branches: Sequence[Branch],
    at: datetime,
    width: int,
    nodes: Mapping[str, str] = MappingProxyType({}),
) -> Table:
    """`width` is that of the screen, in characters: a long name leaves room for the outcome.
    `nodes` are the names of nodes by their ids."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, max_width=2 * width // 5)
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for branch in branches:
        for row in _rows(branch, "", "  ", _Shown(at, nodes)):
            table.add_row(*row)
    return table


class _Shown(NamedTuple):
    at: datetime
    nodes: Mapping[str, str]


def _rows(branch: Branch, before: str, below: str, shown: _Shown) -> Iterator[Row]:
    """`before` and `below` are the lines of the tree, before its own name and its children's."""
    yield _row(branch, before, shown)
    for child in branch.children:
        is_last = child is branch.children[-1] and not branch.left_out
        corner, line = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        yield from _rows(child, below + corner, below + line, shown)
    if branch.left_out:
        yield _left_out(branch.left_out, below)


def _row(branch: Branch, before: str, shown: _Shown) -> Row:
    mark = (_MARKS.get(branch.state, "·"), style_of(branch.state))
    name = Text.assemble((before, "dim"), mark, " ", one_line(branch.name))
    task = branch.task
    return (
        name,
        state_text(branch.state),
        Text(_duration(task, shown.at) if task else ""),
        Text(f"attempt {task.attempt + 1}" if task and task.attempt else "", "yellow"),
        _outcome(task, shown.nodes) if task else Text(one_line(branch.waits_for or ""), "yellow"),
    )


def _duration(task: TaskView, at: datetime) -> str:
    """The API returns no end time for a cancelled task."""
    is_known = task.ended_at is not None or task.state == "RUNNING"
    return took(task.started_at, task.ended_at, at) if is_known else ""


def _outcome(task: TaskView, nodes: Mapping[str, str]) -> Text:
    outcome, reuse = _progress(task, nodes), _reuse(task)
    return outcome.append(f"{'  ' if outcome and reuse else ''}{reuse}", "dim")


def _reuse(task: TaskView) -> str:
    if task.reused_from:
        return f"reused from task {task.reused_from[:SHORT]}"
    return f"not reused: {one_line(task.reuse_miss)}" if task.reuse_miss else ""


def _progress(task: TaskView, nodes: Mapping[str, str]) -> Text:
    place = _place(task, nodes)
    if task.error:
        return Text.assemble((one_line(task.error), style_of("FAILED")), place)
    if task.waits_for:
        return Text(one_line(task.waits_for), "yellow")
    if task.last_return_reason and task.state == "SCHEDULED":
        return Text(one_line(f"returned: {task.last_return_reason}"), "yellow")
    if place and not task.result:
        code = f" exit code {task.exit_code}" if task.exit_code else ""
        return Text(f"{place.strip()}{code and ','}{code}", "dim")
    if task.queue and task.state == "SCHEDULED":
        return Text(f"waiting in queue {one_line(task.queue)}", "dim")
    if task.subjob_id:
        return Text(f"job {task.subjob_id}")
    if task.children_kept_running is not None:
        return Text(f"{task.children_kept_running:,} of {task.children_total or 0:,} running")
    if task.children_total:
        return Text(f"{task.children_ended or 0:,} of {task.children_total:,} done")
    if task.state == "RUNNING" and task.progress:
        return Text(f"{task.progress:.0f} %")
    return Text(cut(one_line((task.result or "")[:_LONGEST_READ]), _LONGEST_RESULT))


def _place(task: TaskView, nodes: Mapping[str, str]) -> str:
    if task.node_id is None:
        return ""
    return f" on {one_line(nodes.get(task.node_id) or task.node_id[:SHORT])}"


def _left_out(states: Mapping[str, int], below: str) -> Row:
    more = Text(f"{below}└─ … {sum(states.values()):,} more", "dim")
    counts = Text()
    for state, count in sorted(states.items(), key=lambda item: _ORDER.get(item[0], len(_ORDER))):
        counts.append(", " if counts else "").append(_MARKS.get(state, "·"), style_of(state))
        counts.append(f" {count:,} {state.lower()}", "dim")
    return more, Text(), Text(), Text(), counts
