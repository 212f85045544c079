"""Draws docs/states.md from the transition tables: `python -m tests.support.state_diagrams`."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import TypeVar

from shared.lifecycle.states import (
    BULK_MOVES,
    JOB_MOVES,
    REOPENED,
    TASK_MOVES,
    BulkMove,
    JobState,
    TaskState,
)

State = TypeVar("State", bound=StrEnum)

_TASK_STARTS = (
    TaskState.CREATED,
    f"{TaskState.SCHEDULED} : retry",
    f"{TaskState.PENDING} : retry after a delay",
)
_PAGE = """\
# States of jobs and tasks

Drawn from `shared/lifecycle/states.py` by `make docs`. A final state is left only by a
restart.

## Jobs

{jobs}
## Tasks

{tasks}
A task of a job's own list gets its row in the state that follows CREATED. A retry is a new task.
STOPPED is one of Tork's states and is never produced.

## Restarts and bulk moves

{restarts}
`reopened` is decided for each task that has children or a sub-job. The other moves are single
statements for many rows:

| move | from | to | why no decision is needed |
|---|---|---|---|
{bulk_moves}
"""


def _diagram(lines: Iterator[str]) -> str:
    return "```mermaid\nstateDiagram-v2\n" + "".join(f"    {line}\n" for line in lines) + "```\n"


def _moves(starts: Iterable[str], moves: Mapping[State, frozenset[State]]) -> Iterator[str]:
    for start in starts:
        yield f"[*] --> {start}"
    for state, following in moves.items():
        for next_state in type(state):  # in their order of declaration: a set has none
            if next_state in following:
                yield f"{state} --> {next_state}"


def _restarts() -> Iterator[str]:
    for state in TaskState:
        if state in REOPENED:
            yield f"{state} --> {TaskState.RUNNING} : reopened"
        for move in BULK_MOVES:
            if state in move.from_states:
                yield f"{state} --> {move.to_state} : {move.name}"


def _row(move: BulkMove) -> str:
    states = ", ".join(state for state in TaskState if state in move.from_states)
    target = f"{move.to_state}, in a new row" if move.makes_successor else move.to_state
    return f"| `{move.name}` | {states} | {target} | {move.reason} |"


def page() -> str:
    return _PAGE.format(
        jobs=_diagram(_moves([JobState.PENDING], JOB_MOVES)),
        tasks=_diagram(_moves(_TASK_STARTS, TASK_MOVES)),
        restarts=_diagram(_restarts()),
        bulk_moves="\n".join(_row(move) for move in BULK_MOVES),
    )


if __name__ == "__main__":
    sys.stdout.write(page())
