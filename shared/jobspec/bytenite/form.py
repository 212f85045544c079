"""What all models of ByteNite's language share, and how a tree is read into one."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import (
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails

from shared.jobspec.problems import Place, Problem, field_path
from shared.jobspec.rule_texts import rule_of

_ENOUGH = 100
_LONGEST_SHOWN = 60
Tree = dict[str, Any]


class Form(BaseModel):
    """Their names in camelCase or, as in protobuf, with underscores; what is null is not set."""

    model_config = ConfigDict(
        defer_build=True,
        frozen=True,
        strict=True,
        extra="forbid",
        alias_generator=AliasGenerator(alias=to_camel),
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: object) -> object:
        if not isinstance(data, dict):
            return {} if data is None else data
        return {name: value for name, value in data.items() if value is not None}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """In what clients send, each field may be null: it has a title of its own, by which
        generators of clients name what they make."""
        made = handler(schema)
        found = handler.resolve_ref_schema(made)
        if handler.mode == "validation":
            found["title"] = f"{cls.__name__}Request"
            for name, field in found.get("properties", {}).items():
                found["properties"][name] = {"anyOf": [field, {"type": "null"}]}
        return made

    def shown(self) -> Tree:
        """The JSON form on the wire, without what is not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)


def _whole(value: object) -> object:
    """A whole number may come as text, as protobuf writes those of 64 bits."""
    if isinstance(value, str) and value.strip().removeprefix("-").isdecimal():
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[
    int,
    BeforeValidator(_whole),
    WithJsonSchema(
        {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^ *-?[0-9]+ *$"}]},
        mode="validation",
    ),
]

M = TypeVar("M", bound=Form)


def read(model: type[M], tree: object, place: Place = ()) -> tuple[M | None, list[Problem]]:
    """The model that `tree` is, or all that is wrong with its form. `place` leads to the tree."""
    try:
        return model.model_validate(tree), []
    except ValidationError as error:  # the client's mistakes, each in our words
        details = error.errors(include_url=False)[:_ENOUGH]
        return None, [_problem(detail, model, place) for detail in details]


def _problem(detail: ErrorDetails, root: type[Form], place: Place) -> Problem:
    at = (*place, *detail["loc"])
    if detail["type"] != "extra_forbidden":
        return Problem(field_path(at), rule_of(detail), _shown(detail["input"]), place=at)
    known = [
        field.alias or "" for field in _model_at(detail["loc"][:-1], root).model_fields.values()
    ]
    near = get_close_matches(str(detail["loc"][-1]), known, n=1)
    meant = f", did you mean {near[0]!r}?" if near else f": must be one of {', '.join(known)}"
    return Problem(field_path(at), f"unknown field{meant}", place=at)


def _shown(value: object) -> str | None:
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if not isinstance(value, str):
        return None
    return repr(value if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}…")


def _model_at(loc: tuple[int | str, ...], model: type[Form]) -> type[Form]:
    for part in loc:
        model = next((found for name, found in _parts(model) if name == part), model)
    return model


def _parts(model: type[Form]) -> Iterator[tuple[str, type[Form]]]:
    for name, field in model.model_fields.items():
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, Form):
                yield field.alias or name, part


def merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> Tree:
    """`given` over `defaults`, mapping by mapping."""
    found = dict(defaults)
    for name, value in given.items():
        old = found.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        found[name] = merged(old, value) if both else value  # type: ignore[arg-type]  # as asked
    return found
