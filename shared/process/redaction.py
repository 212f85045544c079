"""Takes secret values out of whatever is shown: answers, errors, logs."""

import re
from collections.abc import Iterable
from typing import TypeVar

REDACTED = "[REDACTED]"

_SHORTEST_INSIDE_TEXT = 4
"""A shorter secret is taken out only where it stands alone: a secret of `1` would garble all."""

T = TypeVar("T")


class Redactor:
    """Replaces the given secret values by [REDACTED]."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        values = {value for value in secrets if value}
        self._whole = frozenset(values)
        # Longest first: a secret that contains another must not leave its rest behind.
        inside = sorted(
            (v for v in values if len(v) >= _SHORTEST_INSIDE_TEXT), key=len, reverse=True
        )
        self._inside = re.compile("|".join(map(re.escape, inside))) if inside else None
        self.longest = max(map(len, inside), default=0)

    def __bool__(self) -> bool:
        return bool(self._whole)

    def text(self, text: str) -> str:
        if text in self._whole:
            return REDACTED
        return self._inside.sub(REDACTED, text) if self._inside is not None else text

    def value(self, value: T) -> T:
        """`value` (as JSON has it) with every string in it redacted; keys stay as they are."""
        if not self._whole:
            return value
        return self._walk(value)  # type: ignore[return-value]  # the same shape comes back

    def _walk(self, value: object) -> object:
        match value:
            case str():
                return self.text(value)
            case dict():
                return {key: self._walk(item) for key, item in value.items()}
            case list() | tuple():
                return [self._walk(item) for item in value]
            case _:
                return value
