"""What all models of Bacalhau's language share, and how a tree is read into one."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_pascal
from pydantic_core import ErrorDetails

from shared.jobspec.plain_scalar import PlainScalar, SpelledNumber, as_boolean, as_number
from shared.jobspec.problems import KEY, Place, Problem, field_path
from shared.jobspec.rule_texts import rule_of

_ABBREVIATIONS = {
    "id": "ID",
    "cpu": "CPU",
    "gpu": "GPU",
    "cid": "CID",
    "url": "URL",
    "version_id": "VersionID",
    "checksum_sha256": "ChecksumSHA256",
    "pre_signed_url": "PreSignedURL",
}
_ENOUGH = 100
_ROUNDS = 10


def _alias(name: str) -> str:
    return _ABBREVIATIONS.get(name) or to_pascal(name)


class Spec(BaseModel):
    """Bacalhau's names on the wire, in any case, as its decoder takes them; nothing unknown. What
    is null is not set. Nothing is required here: that is for the rules to say."""

    model_config = ConfigDict(
        defer_build=True,
        strict=True,
        frozen=True,
        extra="forbid",
        alias_generator=AliasGenerator(alias=_alias),
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    elsewhere: ClassVar[Mapping[str, str]] = {}
    """What is not here but there, by its name in small letters."""

    @model_validator(mode="before")
    @classmethod
    def _by_their_names(cls, data: object) -> object:
        if data is None:
            return {}
        if not isinstance(data, dict):
            return data
        names = names_of(cls)
        found: dict[str, object] = {}
        for key, value in data.items():
            name = names.get(str(key).lower(), key)
            if value is not None:  # a name that is there twice stays wrong the second time
                found[key if name != key and name in data else name] = value
        return found

    def shown(self) -> dict[str, Any]:
        """The JSON form on the wire, without what is not set."""
        return self.model_dump(by_alias=True, exclude_none=True)


@cache
def names_of(model: type[Spec]) -> Mapping[str, str]:
    """The names of its fields on the wire, by the same in small letters."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    return {name.lower(): name for name in names}


def entry(tree: object, name: str) -> Any:  # noqa: ANN401 - JSON
    """What a mapping has under `name`, spelled in any case; None if it has nothing."""
    if not isinstance(tree, dict):
        return None
    key = key_in(tree, name)
    return None if key is None else tree[key]


def key_in(tree: Mapping[str, object], name: str) -> str | None:
    return (
        name
        if name in tree
        else next((key for key in tree if str(key).lower() == name.lower()), None)
    )


def _quantity(value: object) -> object:
    """A number stands for its text."""
    if isinstance(value, SpelledNumber):
        return value.text
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else value


def _flag(value: object) -> object:
    return value == "true" if value in ("true", "false") else as_boolean(value)


def _or_empty(value: object) -> object:
    return "" if value is None else value


def _plain(text: str) -> str:
    return str(text) if isinstance(text, PlainScalar) else text


Text = Annotated[str, BeforeValidator(_or_empty), AfterValidator(_plain)]
Quantity = Annotated[Text, BeforeValidator(_quantity)]
Number = Annotated[int, BeforeValidator(as_number)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Texts = dict[str, Text]

M = TypeVar("M", bound=Spec)


def read(model: type[M], tree: object, place: Place = ()) -> tuple[M | None, list[Problem]]:
    """The model that `tree` is, as far as it is well-formed, and what is not; None if that is too
    much. `place` leads to the tree: problems tell it."""
    problems, told = list[Problem](), set[tuple[int | str, ...]]()
    for _ in range(_ROUNDS):
        try:
            return model.model_validate(tree), problems
        except ValidationError as error:  # all of it is told, and the rest is read without it
            details = error.errors(include_url=False)
        new = [detail for detail in details if detail["loc"] not in told]
        problems += [_problem(detail, model, place) for detail in new[:_ENOUGH]]
        if len(details) > _ENOUGH:
            break
        for loc in (detail["loc"] for detail in details):  # of numbers, nothing is wrong as well
            tree = _emptied(tree, loc[:-1] if loc in told else loc)
        told |= {detail["loc"] for detail in new}
    return None, problems


def _problem(detail: ErrorDetails, root: type[Spec], place: Place) -> Problem:
    """The rule names the field; where that is is told by what is around it."""
    loc = detail["loc"]
    last = max((at for at, part in enumerate(loc) if isinstance(part, str)), default=0)
    around, name = field_path((*place, *loc[:last])), field_path(loc[last:])
    if detail["type"] == "extra_forbidden":
        rule = f"unknown field '{name}'{_meant(loc, root)}"
        return Problem(around, rule, place=(*place, *loc, KEY))
    rule = f"'{name}' {rule_of(detail)}" if name else rule_of(detail)
    return Problem(around, rule, place=(*place, *loc))


def _meant(loc: Sequence[int | str], root: type[Spec]) -> str:
    model, name = _model_at(loc[:-1], root), str(loc[-1])
    known = names_of(model)
    near = get_close_matches(name.lower(), known, n=1)
    if near:
        return f", did you mean '{known[near[0]]}'?"
    elsewhere = model.elsewhere.get(name.lower()) or next(_places_of(name.lower(), root), None)
    return f": it is a field of {elsewhere}" if elsewhere else ""


def _places_of(name: str, root: type[Spec], path: str = "") -> Iterator[str]:
    """The parts of `root` that have a field of this name."""
    for field, model in _parts(root).items():
        below = f"{path}.{field}" if path else field
        if name in names_of(model):
            yield below
        yield from _places_of(name, model, below)


def _model_at(loc: Sequence[int | str], model: type[Spec]) -> type[Spec]:
    for part in loc:
        model = _parts(model).get(str(part), model)
    return model


@cache
def _parts(model: type[Spec]) -> Mapping[str, type[Spec]]:
    """Of its fields those that are made of a model, or of several."""
    found: dict[str, type[Spec]] = {}
    for name, field in model.model_fields.items():
        arguments = [field.annotation, *getattr(field.annotation, "__args__", ())]
        for part in arguments:
            if isinstance(part, type) and issubclass(part, Spec):
                found[field.alias or name] = part
    return found


def _emptied(tree: object, place: Sequence[int | str]) -> object:
    """A copy in which nothing is at this place."""
    if not place:
        return None
    part, rest = place[0], place[1:]
    if isinstance(tree, list) and isinstance(part, int):
        return [_emptied(item, rest) if i == part else item for i, item in enumerate(tree)]
    key = key_in(tree, str(part)) if isinstance(tree, dict) else None
    if not isinstance(tree, dict) or key is None:
        return None
    return {**tree, key: _emptied(tree[key], rest)}
