"""Which lines of a log hold a text, or match a pattern.

A line that parts continue is found by what one of them has of it.
"""

from dataclasses import dataclass

import asyncpg

from services.coordinator.store.log_lines import IN_ORDER, placed
from services.coordinator.store.logs import LogSource, subject_of
from services.coordinator.store.rows import Readers
from shared.postgres.pool import Connection

_MATCHES = {
    "plain": """EXISTS (SELECT FROM unnest($2::text[]) AS spelling
                     WHERE strpos(lower({text} COLLATE "C"), spelling) > 0)""",
    "exact": "strpos({text}, $2) > 0",
    "pattern": "{text} ~ $2",
}


def _matching(source: str, how: str) -> str:
    """At most $3 lines, in their order."""
    of_part = _MATCHES[how].format(text="c.contents")
    order = ", ".join(f"p.{column}" for column in IN_ORDER[source])
    of_line = _MATCHES[how].format(text="l.text")
    return f"""
SELECT (p.until - p.lines + l.n - coalesce(c.continues, false)::int)::bigint
FROM ({placed(source)}) AS p
JOIN task_log_parts c ON c.task_id = p.task_id AND c.number = p.number AND {of_part}
CROSS JOIN LATERAL string_to_table(c.contents, E'\\n') WITH ORDINALITY AS l(text, n)
WHERE {of_line}
ORDER BY {order}, l.n LIMIT $3
"""  # noqa: S608 - texts of our own


PLAIN_IN_JOB = _matching("job", "plain")
PLAIN_IN_TASK = _matching("task", "plain")
EXACT_IN_JOB = _matching("job", "exact")
EXACT_IN_TASK = _matching("task", "exact")
PATTERN_IN_JOB = _matching("job", "pattern")
PATTERN_IN_TASK = _matching("task", "pattern")
_SEARCHES = {
    ("plain", "job"): PLAIN_IN_JOB,
    ("plain", "task"): PLAIN_IN_TASK,
    ("exact", "job"): EXACT_IN_JOB,
    ("exact", "task"): EXACT_IN_TASK,
    ("pattern", "job"): PATTERN_IN_JOB,
    ("pattern", "task"): PATTERN_IN_TASK,
}


_LONGEST_SECONDS = 5.0
"""Of a pattern: one with references back can take any time, and a processor of the database."""


@dataclass(frozen=True, slots=True)
class LineSearch:
    """Lines that hold `text`, or match it as a regular expression of Postgres."""

    text: str
    is_pattern: bool = False
    minds_case: bool = False

    @property
    def how(self) -> str:
        if self.is_pattern:
            return "pattern"
        return "exact" if self.minds_case else "plain"

    @property
    def argument(self) -> str | list[str]:
        """`n`: within a part a line is what ^ and $ and . know."""
        if self.is_pattern:
            return f"(?n{'' if self.minds_case else 'i'}){self.text}"
        return self.text if self.minds_case else sorted(_spellings(self.text))


def _spellings(text: str) -> set[str]:
    """As they are in a text whose ASCII letters are small: what other letters are called small, a
    database may not know."""
    spelled = (text, text.lower(), text.upper(), text.capitalize())
    return {"".join(c.lower() if c.isascii() else c for c in each) for each in spelled}


class BadPattern(ValueError):
    """It is no regular expression; the text says why."""


class SlowPattern(BadPattern):
    """It has taken too long."""


async def matches_of(
    connection: Connection, source: LogSource, search: LineSearch, most: int, readers: Readers
) -> list[int] | None:
    """The places of the first `most`; None when `readers` see no such job or task. Raises
    BadPattern, SlowPattern."""
    if await subject_of(connection, source, readers) is None:
        return None
    if not search.text:
        return []
    sql = _SEARCHES[search.how, source.kind]
    longest = _LONGEST_SECONDS if search.is_pattern else None
    try:
        rows = await connection.fetch(sql, source.id, search.argument, most, timeout=longest)
    except TimeoutError:
        if not search.is_pattern:
            raise
        raise SlowPattern(f"it takes longer than {_LONGEST_SECONDS:g} s") from None
    except asyncpg.InvalidRegularExpressionError as error:  # the client's, in Postgres' words
        raise BadPattern(str(error)) from None
    return [row[0] for row in rows]
