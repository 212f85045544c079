"""What streams are made of: lines of bytes, and server-sent events in lines. No I/O."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conveyor.errors import UnexpectedAnswer


@dataclass(frozen=True, slots=True)
class Event:
    """`kind` is `job`, `task`, `progress`, `log` or `end`; `cursor` is where to go on after it."""

    kind: str
    cursor: str
    data: dict[str, Any]


class Lines:
    """Splits at line feeds alone: what else ends a line for Python may stand within JSON."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[str]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace").removesuffix("\r")

    def rest(self) -> Iterator[str]:
        """What came after the last line feed."""
        if self._rest:
            yield self._rest.decode("utf-8", "replace")
        self._rest = b""


class Events:
    """Reads text/event-stream. Raises UnexpectedAnswer."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}

    def feed(self, line: str) -> Iterator[Event]:
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            # A comment has an empty name. Data may come in several lines.
            more = name == "data" and name in self._fields
            self._fields[name] = f"{self._fields[name]}\n{value}" if more else value
        elif self._fields.keys() - {""}:
            fields, self._fields = self._fields, {}
            yield _event(fields)


def _event(fields: Mapping[str, str]) -> Event:
    text = fields.get("data", "")
    try:
        data = json.loads(text) if text else {}
    except ValueError:  # something else than Conveyor sends here
        raise UnexpectedAnswer(f"an event can't be read: {text[:80]!r}") from None
    return Event(fields.get("event", "message"), fields.get("id", ""), data)
