"""A table's columns as values, from which its statements and the mapping of its rows are made.

Statements are composed when a module is imported, and of nothing but constants.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from operator import attrgetter
from typing import Any

import orjson


class Written(IntEnum):
    """The writes that carry a column; each carries those of the next as well."""

    NEVER = 0
    INSERTED = 1
    BEGUN = 2  # also when a row that waited for its turn begins
    CHANGED = 3  # also whenever a decision changes the row


@dataclass(frozen=True, slots=True)
class Column:
    """`attribute` of the core's value holds it (dotted; the column's name when empty).

    `to_json` and `from_row` convert on the way where the two differ. `expression` is SQL that gives
    the column of an inserted row, or one that is only read.
    """

    name: str
    type: str
    written: Written = Written.INSERTED
    attribute: str = ""
    to_json: Callable[[Any], object] | None = None
    from_row: Callable[[Any], object] | None = None
    expression: str = ""

    @property
    def path(self) -> str:
        return self.attribute or self.name


Columns = tuple[Column, ...]

KEY = "id"


def selected(columns: Columns, instead: Mapping[str, str] | None = None) -> str:
    """The columns for a SELECT; `instead` gives expressions to read in place of some."""
    texts = {c.name: c.expression for c in columns if c.expression} | dict(instead or {})
    return ", ".join(f"{texts[c.name]} AS {c.name}" if c.name in texts else c.name for c in columns)


def absent(columns: Columns) -> str:
    """As many NULLs, for the other side of a UNION."""
    return ", ".join(f"NULL::{c.type}" for c in columns)


def inserted(table: str, columns: Columns) -> str:
    """INSERT of the rows that $1 holds as a JSON array of objects."""
    names = ", ".join(c.name for c in columns)
    values = ", ".join(c.expression or c.name for c in columns)
    return f"INSERT INTO {table} ({names}) SELECT {values} FROM {_recordset(columns)}"  # noqa: S608 - constants


def updated(table: str, columns: Columns) -> str:
    """UPDATE of the rows that the JSON objects of $1 name by their key."""
    values = ", ".join(f"{c.name} = r.{c.name}" for c in columns if c.name != KEY)
    return (
        f"UPDATE {table} AS old SET {values} FROM {_recordset(columns)} "  # noqa: S608 - constants
        f"WHERE old.{KEY} = r.{KEY}"
    )


def _recordset(columns: Columns) -> str:
    typed = ", ".join(f"{c.name} {c.type}" for c in columns if not c.expression)
    return f"json_to_recordset($1::text::json) AS r({typed})"


def row_maker(columns: Columns) -> Callable[[Any], dict[str, object]]:
    """What makes of a value the JSON object of its row."""
    kept = [c for c in columns if not c.expression]
    names = [c.name for c in kept]
    values_of = attrgetter(*(c.path for c in kept))
    conversions = [(c.name, c.to_json) for c in kept if c.to_json]

    def made(value: object) -> dict[str, object]:
        row = dict(zip(names, values_of(value), strict=True))
        for name, convert in conversions:
            row[name] = convert(row[name])
        return row

    return made


def field_maker(columns: Columns) -> Callable[[Sequence[Any]], dict[str, Any]]:
    """What makes of a row, which begins with these columns, the fields of a value."""
    names = [c.path.rpartition(".")[2] for c in columns]
    conversions = [(name, c.from_row) for name, c in zip(names, columns, strict=True) if c.from_row]

    def made(row: Sequence[Any]) -> dict[str, Any]:
        fields = dict(zip(names, row, strict=False))  # what follows belongs to others
        for name, convert in conversions:
            fields[name] = convert(fields[name])
        return fields

    return made


def at_least(columns: Columns, written: Written) -> Columns:
    """The key, and those that a write of this kind carries."""
    return tuple(c for c in columns if c.name == KEY or c.written >= written)


# A NUL as JSON escapes it: an odd number of backslashes before `u0000`.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def json_rows(rows: Iterable[object]) -> list[str]:
    """The rows as the one parameter of `inserted` and `updated`; none without any."""
    listed = list(rows)
    if not listed:
        return []
    text = orjson.dumps(listed, default=_plain).decode()
    # JSON can carry a NUL in a text, Postgres can't keep one.
    return [_NUL.sub(r"\1\\ufffd", text) if "\\u0000" in text else text]


def _plain(value: object) -> str:
    """Spans of time as Postgres reads an interval."""
    if isinstance(value, timedelta):
        return f"{value.total_seconds():f}"
    raise TypeError(f"{type(value).__name__} has no JSON form here")
