"""JSON Schemas that clients bring, and values checked by them, in bounded time: no schema is
fetched or leads back into itself, and patterns take linear time."""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, NoReturn

import jsonschema_rs as js

from shared.jobspec.problems import Place, Problem, field_path

MISSING = "is required"
"""The rule of what is not there."""
MAX_SCHEMA_BYTES = 65_536
_MOST_PARTS = 2_000
_MOST_CHECKS = 20_000_000
"""Parts of a schema times parts of a value."""
_MOST_PROBLEMS = 100
_LONGEST_SHOWN = 60
_ELSEWHERE = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$vocabulary")
_OF_DATA = ("default", "enum", "const", "examples")
"""Keywords whose values are no schemas."""

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}


class BadSchema(ValueError):
    """The text is the rule that the schema breaks; `place` leads to where."""

    def __init__(self, rule: str, place: Place = ()) -> None:
        super().__init__(rule)
        self.place = place


class JsonSchema:
    """A schema that was checked, in the dialect 2020-12."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Raises BadSchema."""
        self._parts = _parts_of(schema)
        own = {name: value for name, value in schema.items() if name != "$schema"}
        try:
            self._validator = js.Draft202012Validator(
                own,
                pattern_options=js.RegexOptions(),
                validate_formats=True,
                retriever=_retrieve,
            )
        except js.ValidationError as error:  # by the schema of schemas
            raise BadSchema(_rule(error), tuple(error.instance_path)) from None
        except ValueError as error:  # a pattern, or a reference to nothing
            raise BadSchema(str(error).partition("\n")[0]) from None

    def problems(self, value: Any, place: Place = ()) -> list[Problem]:  # noqa: ANN401 - JSON
        """All rules that `value` breaks, a hundred at most; `place` is its own."""
        if self._parts * _count(value) > _MOST_CHECKS:
            return [_problem(place, "has too many values to be checked by this schema")]
        errors = islice(self._validator.iter_errors(value), _MOST_PROBLEMS)
        found = [problem for error in errors for problem in _problems(error, place)]
        return list({str(problem): problem for problem in found}.values())


def _retrieve(uri: str) -> NoReturn:
    raise ValueError(f"no schema is fetched: {uri}")


def _parts_of(schema: Mapping[str, Any]) -> int:
    """How many schemas are in it, those that references repeat included."""
    if len(json.dumps(schema)) > MAX_SCHEMA_BYTES:
        raise BadSchema(f"the schema is longer than {MAX_SCHEMA_BYTES} bytes")
    count = 0
    waiting: list[tuple[Any, Place, tuple[str, ...]]] = [(schema, (), ())]
    while waiting:
        node, place, within = waiting.pop()
        count += 1
        if count > _MOST_PARTS:
            raise BadSchema(f"the schema has more than {_MOST_PARTS} parts")
        if isinstance(node, list):
            waiting.extend((part, (*place, n), within) for n, part in enumerate(node))
        elif isinstance(node, dict):
            waiting.extend(_below(node, place, within))
            if isinstance(reference := node.get("$ref"), str):
                waiting.append(_referred(schema, reference, place, within))
    return count


def _below(
    node: Mapping[str, Any], place: Place, within: tuple[str, ...]
) -> Iterator[tuple[Any, Place, tuple[str, ...]]]:
    for name, part in node.items():
        if name in _ELSEWHERE and isinstance(part, str):
            raise BadSchema(f"{name} is not supported", place)
        if isinstance(part, dict | list) and name not in (*_OF_DATA, "$defs", "definitions"):
            yield part, (*place, name), within


def _referred(
    schema: Mapping[str, Any], reference: str, place: Place, within: tuple[str, ...]
) -> tuple[Any, Place, tuple[str, ...]]:
    at = (*place, "$ref")
    if not reference.startswith("#/"):
        raise BadSchema("must be a reference within the schema, such as #/$defs/size", at)
    if reference in within:
        raise BadSchema(f"{reference} leads back to itself", at)
    found: Any = schema
    for step in reference[2:].split("/"):
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if _is_map(found) else None
    if not isinstance(found, dict | bool):
        raise BadSchema(f"{reference} does not exist in the schema", at)
    return found, place, (*within, reference)


def _is_map(value: object) -> bool:
    return isinstance(value, dict)


def _count(value: Any) -> int:  # noqa: ANN401 - JSON
    count, waiting = 0, [value]
    while waiting:
        count += 1
        match waiting.pop():
            case dict() as mapping:
                waiting.extend(mapping.values())
            case list() as items:
                waiting.extend(items)
    return count


def _problems(error: js.ValidationError, place: Place) -> Iterator[Problem]:
    at = (*place, *error.instance_path)
    kind: Any = error.kind
    match kind.name:
        case "required":
            yield _problem((*at, kind.property), MISSING)
        case "additionalProperties" | "unevaluatedProperties":
            for name in kind.unexpected:
                yield _problem((*at, name), "unknown field")
        case _:
            yield _problem(at, _rule(error), _shown(error.instance))


_RULES: dict[str, Callable[[Any], str]] = {
    "type": lambda kind: f"must be {' or '.join(_TYPES.get(t, t) for t in kind.types)}",
    "minimum": lambda kind: f"must be at least {kind.value}",
    "maximum": lambda kind: f"must be at most {kind.value}",
    "exclusiveMinimum": lambda kind: f"must be more than {kind.value}",
    "exclusiveMaximum": lambda kind: f"must be less than {kind.value}",
    "multipleOf": lambda kind: f"must be a multiple of {kind.value}",
    "minLength": lambda kind: f"must have at least {kind.value} characters",
    "maxLength": lambda kind: f"must have at most {kind.value} characters",
    "minItems": lambda kind: f"must have at least {kind.value} entries",
    "maxItems": lambda kind: f"must have at most {kind.value} entries",
    "minProperties": lambda kind: f"must have at least {kind.value} fields",
    "maxProperties": lambda kind: f"must have at most {kind.value} fields",
    "uniqueItems": lambda kind: "must not have an entry twice",
    "pattern": lambda kind: f"must match {kind.pattern}",
    "format": lambda kind: f"must be a valid {kind.value}",
    "enum": lambda kind: f"must be one of {', '.join(map(_plain, kind.options))}",
    "const": lambda kind: f"must be {_plain(kind.value)}",
}


def _rule(error: js.ValidationError) -> str:
    kind: Any = error.kind
    rule = _RULES.get(kind.name)
    return rule(kind) if rule else error.message.partition("\n")[0]


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _problem(place: Place, rule: str, value: str | None = None) -> Problem:
    return Problem(field_path(place), rule, value, place)
