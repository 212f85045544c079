"""A task that another makes, as its program spells it: in its file and in requests."""

from collections.abc import Mapping
from typing import Any

import orjson

from shared.messages.models import Spawned

MOST_SPAWNED = 10_000
"""By one attempt."""
MOST_SPAWNED_BYTES = 2 * 1024 * 1024
"""Together."""
_FIELDS = ("sequence", "parameters", "name")
_LONGEST_NAME = 256
"""As a submitted one may be: the worker has no job language to ask."""
_GREATEST_SEQUENCE = 2**31 - 1


def read_spawned(given: Mapping[str, Any], own_sequence: int) -> Spawned:
    """`own_sequence` is that of the task that makes it. Raises ValueError."""
    if unknown := given.keys() - set(_FIELDS):
        raise ValueError(f"{min(unknown)!r} is none of {', '.join(_FIELDS)}")
    sequence, name = given.get("sequence", own_sequence + 1), given.get("name")
    if isinstance(sequence, bool) or not isinstance(sequence, int):
        raise ValueError("sequence must be a whole number")
    if not own_sequence <= sequence <= _GREATEST_SEQUENCE:
        raise ValueError(
            f"sequence must be at least {own_sequence}, that of the task itself, "
            f"and at most {_GREATEST_SEQUENCE}"
        )
    if not isinstance(name, str | None) or len(name or "") > _LONGEST_NAME:
        raise ValueError(f"name must be a text of at most {_LONGEST_NAME} characters")
    parameters = orjson.dumps(given.get("parameters", {})).decode()
    return Spawned(sequence=sequence, parameters=parameters, name=name or None)
