"""What is wrong with a submission: which field, which value, which rule."""

from collections.abc import Sequence
from dataclasses import dataclass

_SHOWN_PROBLEMS = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """`value` is the value as the client may see it again; None when it must not or need not."""

    field: str
    rule: str
    value: str | None = None

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        what = f"{self.value} is not allowed: " if self.value is not None else ""
        return f"{where}{what}{self.rule}"


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
