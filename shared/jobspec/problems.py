"""What is wrong with a submission: which field, which value, which rule.

`Breach` and `refuse` are for rules that span several fields, from within a model's own check.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

_SHOWN_PROBLEMS = 10


Place = tuple[int | str, ...]

KEY = "[key]"
"""At the end of a place: the key that leads there, not its value."""


def field_path(loc: Sequence[int | str]) -> str:
    """A finding's location as errors spell it: `tasks[0].name`."""
    text = ""
    for part in loc:
        if part == KEY:
            continue
        name = part or '""'  # a key that is empty
        text += f"[{part}]" if isinstance(part, int) else f".{name}" if text else str(name)
    return text


@dataclass(frozen=True, slots=True)
class Problem:
    """`value` is the value as the client may see it again; None when it must not or need not.

    `place` leads from the whole submission to the field; `line` and `column` count from 1.
    """

    field: str
    rule: str
    value: str | None = None
    place: Place | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        where = f" (line {self.line}, column {self.column})" if self.line is not None else ""
        return f"{self.without_line}{where}"

    @property
    def without_line(self) -> str:
        what = f"{self.value} is not allowed: " if self.value is not None else ""
        return f"{self.field}: {what}{self.rule}" if self.field else f"{what}{self.rule}"


class InvalidJob(Exception):
    """The submission breaks at least one rule; the text names them all (the first ten)."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(_summary(self.problems))


def _summary(problems: Sequence[Problem]) -> str:
    lines = [str(problem) for problem in problems[:_SHOWN_PROBLEMS]]
    if more := len(problems) - len(lines):
        lines.append(f"and {more} more")
    return "; ".join(lines)


MAX_DEPTH = 200
"""Mappings and lists within one another. A task within a task takes two levels (`each`) or three
(`parallel`, `subjob`), so tasks may stand some 65 deep, whatever makes them. JSON encoders give up
at 254, and an answer wraps a job in a few levels of its own."""

TOO_DEEP = f"nested too deep: at most {MAX_DEPTH} mappings and lists may stand in one another"

MAX_VALUES = 100_000

TOO_MANY = f"more than {MAX_VALUES} values"


@dataclass(frozen=True, slots=True)
class Breach:
    """`place` leads from what is checked to the field; `value` is shown unless it is None."""

    place: Place
    rule: str
    value: str | float | None = None


def refuse(breaches: Sequence[Breach]) -> None:
    """Raises, from within a pydantic validator, one finding for each breach; none: nothing."""
    if breaches:
        raise ValidationError.from_exception_data("rules", [_detail(b) for b in breaches])


def _detail(breach: Breach) -> InitErrorDetails:
    error = PydanticCustomError("rule", "{rule}", {"rule": breach.rule})
    return InitErrorDetails(type=error, loc=breach.place, input=breach.value)
