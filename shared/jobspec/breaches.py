"""Rules that span several fields: how a model's check says which field broke which rule."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Place = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Breach:
    """`place` leads from what is checked to the field; `value` is shown unless it is None."""

    place: Place
    rule: str
    value: str | int | None = None


def refuse(breaches: Sequence[Breach]) -> None:
    """Raises, from within a pydantic validator, one finding for each breach; none: nothing."""
    if breaches:
        raise ValidationError.from_exception_data("rules", [_detail(b) for b in breaches])


def _detail(breach: Breach) -> InitErrorDetails:
    error = PydanticCustomError("rule", "{rule}", {"rule": breach.rule})
    return InitErrorDetails(type=error, loc=breach.place, input=breach.value)
