"""What evaluating a task may come to: a few expressions can repeat one text a million times.

Each alone is bounded by the language. Together they must fit in a message to a worker and in a
statement to Postgres, so what they come to is counted before anything is written down.
"""

from collections.abc import Iterable

MOST_OF_A_TASK = 1 << 20
"""Characters of all evaluated fields of one task: in a message they may be six times as many."""

MOST_OF_A_SUBJOB = 1 << 23
"""Characters of all evaluated fields of the job that a task stands for."""

MOST_OF_SCOPES = 1 << 24
"""Characters of the variables of all children of one task."""

_OF_A_NODE = 16  # what a number, a name's marks or a bracket takes, generously


class TooLarge(Exception):
    """It comes to more than is left."""


class SizeBudget:
    """What may still be added. Sizes are in characters, roughly those of the JSON form."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._left = most

    @property
    def taken(self) -> int:
        return self.most - self._left

    def add(self, value: object) -> None:
        """`value` is as JSON has it; it is looked at no further than there is room. Raises
        TooLarge."""
        waiting = [value]
        while waiting:
            match waiting.pop():
                case str() as text:
                    self._take(len(text))
                case dict() as mapping:
                    self._take(sum(map(len, mapping)) + len(mapping) * _OF_A_NODE)
                    waiting.extend(mapping.values())
                case list() | tuple() as items:
                    self._take(len(items) * _OF_A_NODE)
                    waiting.extend(items)

    def add_all(self, values: Iterable[object]) -> None:
        """Raises TooLarge."""
        for value in values:
            self.add(value)

    def _take(self, characters: int) -> None:
        self._left -= characters
        if self._left < 0:
            raise TooLarge
