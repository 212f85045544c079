"""The lines of a log by their place: any window of it.

Lines are numbered from 1 in the order of the parts, and each task's own as well. A line belongs to
the part in which it begins; the parts that continue it follow in its task. All is read below the
oldest running transaction, as the feed is: what comes later comes by the feed after `cursor`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from services.coordinator.store.feed import Cursor
from services.coordinator.store.logs import LogSource, Subject, end_of, subject_of
from services.coordinator.store.rows import LogRow, Readers
from shared.messages import PARTS_PER_DISPATCH
from shared.postgres.pool import Connection

MOST_BYTES = 1024 * 1024
"""Of parts that are read for one window, unless its first line is longer."""
_MOST_CONTINUING = 20_000
_CONTINUING_AT_ONCE = 200

HORIZON = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"

# What services of the version before have written is counted here.
_LINES = """coalesce(lines, length(contents) - length(replace(contents, E'\\n', ''))
             + (right(contents, 1) <> E'\\n')::int)"""


IN_ORDER = {"job": ("created_at", "task_id", "number"), "task": ("number",)}


def placed(source: str, *more: str) -> str:
    """Each part with how many lines begin up to its end."""
    order = ", ".join(IN_ORDER[source])
    columns = ", ".join(("task_id", "number", "created_at", f"{_LINES} AS lines", *more))
    return f"""
SELECT {columns},
       (sum({_LINES}) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING))::bigint AS until
FROM task_log_parts WHERE {source}_id = $1 AND txid < {HORIZON}
"""  # noqa: S608 - texts of our own


_BYTES = "octet_length(contents) AS bytes"
_OF_TASK = f"""(sum({_LINES}) OVER (PARTITION BY task_id ORDER BY number
                           ROWS UNBOUNDED PRECEDING))::bigint AS task_until"""


def _window(source: str) -> str:
    """The parts in which $3 lines from $2 on begin; from the end if that is negative."""
    return f"""
WITH placed AS MATERIALIZED ({placed(source, _BYTES, _OF_TASK)}), total AS (
    SELECT count(*) AS parts, coalesce(sum(lines), 0)::bigint AS lines,
           coalesce(sum(bytes), 0)::bigint AS bytes,
           coalesce(bool_or(task_until = lines AND number % {PARTS_PER_DISPATCH} <> 1), false)
               AS is_trimmed
    FROM placed
), wanted AS (
    SELECT greatest(CASE WHEN $2::bigint < 0 THEN lines + $2 + 1 ELSE $2 END, 1) AS first FROM total
)
SELECT {HORIZON} AS horizon, t.parts, t.lines AS total_lines, t.bytes AS total_bytes, t.is_trimmed,
       w.first, p.task_id, p.number, p.bytes, p.until - p.lines AS before,
       p.task_until - p.lines AS task_before
FROM total t CROSS JOIN wanted w LEFT JOIN placed p
     ON p.lines > 0 AND p.until >= w.first AND p.until - p.lines < w.first + $3
ORDER BY p.until
"""  # noqa: S608 - texts of our own


WINDOW_OF_JOB = _window("job")
WINDOW_OF_TASK = _window("task")

PARTS = """
SELECT p.task_id, p.number, p.contents, p.created_at, p.stderr, p.continues
FROM unnest($1::text[], $2::int[]) AS w(task_id, number)
JOIN task_log_parts p ON p.task_id = w.task_id AND p.number = w.number
"""

CONTINUING = """
SELECT task_id, number, contents, created_at, stderr, continues FROM task_log_parts
WHERE task_id = $1 AND number > $2 ORDER BY number LIMIT $3
"""

HAS_WRITTEN = {
    "job": "SELECT EXISTS (SELECT FROM tasks WHERE job_id = $1 AND log_parts > 0)",
    "task": "SELECT EXISTS (SELECT FROM tasks WHERE id = $1 AND log_parts > 0)",
}


@dataclass(frozen=True, slots=True)
class BegunLine:
    """A line as far as its part has it; `rest` are the parts that continue it. `number` is its
    place in the log, `task_number` in that of its task."""

    number: int
    task_number: int
    row: LogRow
    text: str
    is_stderr: bool
    rest: Sequence[LogRow] = ()


@dataclass(frozen=True, slots=True)
class LogWindow:
    """`lines` from the place `first` on. `is_trimmed`: the log's beginning is not kept any more."""

    first: int
    lines: Sequence[BegunLine]
    total_lines: int
    total_parts: int
    total_bytes: int
    cursor: Cursor
    sealed: str | None
    is_complete: bool
    is_trimmed: bool


async def window_of(
    connection: Connection, source: LogSource, first: int, size: int, readers: Readers
) -> LogWindow | None:
    """None when `readers` see no such job or task."""
    owner = await subject_of(connection, source, readers)
    if owner is None:
        return None
    window = WINDOW_OF_JOB if source.kind == "job" else WINDOW_OF_TASK
    places = await connection.fetch(window, source.id, first, size)
    lines = await _lines(connection, places, size)
    head, cursor = places[0], Cursor(places[0]["horizon"], 0)
    return LogWindow(
        first=head["first"],
        lines=lines,
        total_lines=head["total_lines"],
        total_parts=head["parts"],
        total_bytes=head["total_bytes"],
        cursor=cursor,
        sealed=owner.sealed,
        is_complete=await _is_complete(connection, owner, cursor),
        is_trimmed=head["is_trimmed"]
        or (not head["parts"] and await _has_written(connection, source)),
    )


async def _is_complete(connection: Connection, owner: Subject, seen: Cursor) -> bool:
    end = await end_of(connection, owner, seen)
    return end.is_final and end.is_complete


async def _has_written(connection: Connection, source: LogSource) -> bool:
    return bool(await connection.fetchval(HAS_WRITTEN[source.kind], source.id))


async def _lines(
    connection: Connection, places: Sequence[Mapping[str, Any]], size: int
) -> list[BegunLine]:
    wanted = _within_bytes([place for place in places if place["number"] is not None])
    keys = [place["task_id"] for place in wanted], [place["number"] for place in wanted]
    rows = {(r["task_id"], r["number"]): LogRow(**r) for r in await connection.fetch(PARTS, *keys)}
    first = places[0]["first"]
    lines: list[BegunLine] = []
    for place in wanted:
        row = rows.get((place["task_id"], place["number"]))
        begun = begun_lines(row, place["before"], place["task_before"]) if row else []
        begun = [line for line in begun if first <= line.number < first + size]
        if begun and row and not row.contents.endswith("\n"):
            begun[-1] = await _with_rest(connection, begun[-1])
        lines += begun
    return lines


def _within_bytes(places: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    size = 0
    chosen: list[Mapping[str, Any]] = []
    for place in places:
        size += place["bytes"]
        if chosen and size > MOST_BYTES:
            break
        chosen.append(place)
    return chosen


def begun_lines(row: LogRow, before: int, task_before: int) -> list[BegunLine]:
    texts = row.contents.removesuffix("\n").split("\n")
    skipped = 1 if row.continues else 0
    ends = row.stderr or ()
    stderr = {n for at in range(0, len(ends), 2) for n in range(ends[at], ends[at + 1] + 1)}
    return [
        BegunLine(
            before + place - skipped, task_before + place - skipped, row, text, place in stderr
        )
        for place, text in enumerate(texts, 1)
        if place > skipped
    ]


async def _with_rest(connection: Connection, line: BegunLine) -> BegunLine:
    """If it is the last of its part, which has no line break: with what follows."""
    if not line.row.contents.endswith(line.text):
        return line
    rest: list[LogRow] = []
    last = line.row.number
    while len(rest) < _MOST_CONTINUING:
        asked = line.row.task_id, last, _CONTINUING_AT_ONCE
        rows = [LogRow(**row) for row in await connection.fetch(CONTINUING, *asked)]
        following = list(takewhile(lambda row: row.continues, rows))
        rest += following
        if not rows or len(following) < len(rows) or any("\n" in row.contents for row in rows):
            break
        last = rows[-1].number
    return BegunLine(line.number, line.task_number, line.row, line.text, line.is_stderr, rest)
