"""What is wrong with a template, and where."""

import re
from bisect import bisect_left
from typing import NamedTuple


class Mark(NamedTuple):
    """From 1."""

    line: int
    column: int


class Marks:
    """Of the places of a text."""

    def __init__(self, text: str) -> None:
        self._ends = [found.start() for found in re.finditer("\n", text)]

    def of(self, at: int) -> Mark:
        line = bisect_left(self._ends, at)
        return Mark(line + 1, at - (self._ends[line - 1] if line else -1))


class TemplateError(Exception):
    """`missing` is the name of the variable that is not given, if that is what is wrong."""

    def __init__(self, reason: str, mark: Mark | None = None, missing: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.mark, self.missing = reason, mark, missing

    def at(self, mark: Mark) -> "TemplateError":
        """The same, with the place where it is not known yet."""
        return TemplateError(self.reason, self.mark or mark, self.missing)
