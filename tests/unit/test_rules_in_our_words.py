"""Whatever stands in a field, the rule that it breaks is told in the words of the API."""

from collections.abc import Iterator
from typing import Annotated, Any, get_args

import pytest
from pydantic import BaseModel, Field, ValidationError
from pydantic_core.core_schema import ErrorType

import services.coordinator.api.routes  # noqa: F401 - loads all bodies
from services.coordinator.api.access.schemas import Body
from services.coordinator.api.requests import Query
from shared.jobspec.rule_texts import rule_of
from shared.jobspec.tork.models.tasks import StageTask

_ANYTHING: list[Any] = [
    *(5, -1, 10**15, 1.5, 0.1234567, 10**11 + 0.125, 10**25, True, "", "x" * 20_000, "\n?"),
    *([], [5], ["x"] * 1_200, {}, {"a": 1}, [{}], [{"unknown": 1}], {"a": {"b": [1]}}),
]
_UNKNOWN = "unknown"
_THEIRS = frozenset(get_args(ErrorType))


def _kinds(of: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)


def _submitted() -> list[type[BaseModel]]:
    found = {
        kind
        for kind in _kinds(BaseModel)
        if issubclass(kind, Body) or kind.__module__.startswith("shared.jobspec.")
    }
    # Only its kinds are fields
    return sorted(found - {Body, Query, StageTask}, key=lambda kind: kind.__qualname__)


class _Bounded(BaseModel):
    size: Annotated[int, Field(ge=-(2**60), le=2**50 + 1)] = 0
    share: Annotated[float, Field(gt=0, lt=0.5)] = 0.1


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"size": 2**51}, "must be at most 1125899906842625"),
        ({"size": -(2**61)}, "must be at least -1152921504606846976"),
        ({"share": 0.5}, "must be less than 0.5"),
        ({"share": 0}, "must be more than 0"),
    ],
)
def test_a_bound_is_told_with_all_its_digits(given: dict[str, float], rule: str) -> None:
    with pytest.raises(ValidationError) as broken:
        _Bounded.model_validate(given)
    assert [rule_of(one) for one in broken.value.errors()] == [rule]


@pytest.mark.parametrize("model", _submitted(), ids=lambda model: model.__qualname__)
def test_a_broken_rule_is_told_in_our_own_words(model: type[BaseModel]) -> None:
    names = [field.alias or name for name, field in model.model_fields.items()]
    for name in (*names, _UNKNOWN):
        for value in _ANYTHING:
            try:
                model.model_validate({name: value})
            except ValidationError as error:
                found = error.errors(include_url=False)
                theirs = [one["msg"] for one in found if one["type"] in _THEIRS]
                assert not {rule_of(one) for one in found} & set(theirs), name
