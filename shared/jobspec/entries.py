"""The entries of a submission's lists and mappings, however many: how they are validated."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from pydantic import ValidationError, ValidationInfo
from pydantic_core import PydanticOmit

_T = TypeVar("_T")
_PORTION = 500
_ENOUGH = 100


@dataclass(slots=True)
class Findings:
    """The context of a validation: how many entries of lists break rules."""

    count: int = 0


def unless_enough(entry: object, validated: Callable[[object], _T], info: ValidationInfo) -> _T:
    """Beyond some findings the other entries are left out: a hundred thousand mistakes would take
    ten seconds to explain."""
    findings = info.context if isinstance(info.context, Findings) else Findings()
    if findings.count >= _ENOUGH:
        raise PydanticOmit
    try:
        return validated(entry)
    except ValidationError:  # only counted
        findings.count += 1
        raise


def in_portions(
    value: object, validated: Callable[[object], dict[object, object]]
) -> dict[object, object]:
    """A portion of a big mapping after the other: pydantic lets no other thread run meanwhile, and
    the findings of the first portion that has some are enough."""
    if not isinstance(value, dict) or len(value) <= _PORTION:
        return validated(value)
    made: dict[object, object] = {}
    items = iter(value.items())
    while portion := dict(islice(items, _PORTION)):
        made |= validated(portion)
    return made
