"""The bodies that tell of an event: Tork's or that of Standard Webhooks, full or thin."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import orjson

TORK, STANDARD = "tork", "standard"
FULL, THIN = "full", "thin"

_OF_THIN = ("id", "jobId", "parentId", "state")


@dataclass(frozen=True, slots=True)
class Event:
    """`data` is what is told of it, as JSON has it and without secrets. `sequence` grows with each
    event of the same job; None: it is of none. Each body is built once, for all who get it."""

    name: str
    sequence: int | None
    at: datetime
    data: Mapping[str, object]
    _built: dict[tuple[str, str], bytes] = field(default_factory=dict, compare=False, repr=False)

    def body(self, format_: str, payload: str) -> bytes:
        """As JSON; `format_` is TORK or STANDARD, `payload` FULL or THIN."""
        asked = format_, payload
        if asked not in self._built:
            self._built[asked] = orjson.dumps(self._body(*asked))
        return self._built[asked]

    def _body(self, format_: str, payload: str) -> Mapping[str, object]:
        data = self.data if payload == FULL else _thin(self.data)
        if self.sequence is not None:
            data = {**data, "sequence": self.sequence}
        if format_ == TORK:
            return {**data, "event": self.name}
        return {"type": self.name, "timestamp": time_text(self.at), "data": data}


def _thin(data: Mapping[str, object]) -> Mapping[str, object]:
    return {name: data[name] for name in _OF_THIN if name in data}


def time_text(at: datetime) -> str:
    """`at` is in UTC."""
    return at.isoformat().replace("+00:00", "Z")
