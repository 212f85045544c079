"""The inputs that a template asks for, with the values that are given: typed, checked, and as the
job language has them."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import JsonValue

from shared.jobspec.json_schema import JsonSchema
from shared.jobspec.plain_scalar import SpelledNumber, as_json
from shared.jobspec.problems import InvalidJob, Problem

_WHOLE = re.compile(r"-?[0-9]{1,19}")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "false": False}
ORDER = "order"
"""Beside the `properties` of a stored schema: their names in the order of the form."""
KIND = "x-type"
"""Of a property: `file` or `secret`, which JSON Schema has no types for."""


def typed(value: object, kind: str) -> Any:  # noqa: ANN401 - JSON
    """What a text reads as, where the type asks for something else; as it is if it doesn't fit."""
    if kind in ("string", "file", "secret"):
        return _as_text(value)
    if not isinstance(value, str):
        return as_json(value)
    text = value.strip()
    match kind:
        case "integer" if _WHOLE.fullmatch(text):
            return int(text)
        case "number" if _NUMBER.fullmatch(text):
            return int(text) if _WHOLE.fullmatch(text) else float(text)
        case "boolean":
            return _BOOLEANS.get(text.lower(), value)
        case "array" | "object" if text.startswith(("[", "{")):
            return _parsed(text)
    return str(value)


def _as_text(value: object) -> object:
    match value:
        case SpelledNumber():
            return value.text
        case bool():
            return json.dumps(value)
        case str() | int() | float():
            return str(value)
    return as_json(value)


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:  # the schema tells what it should be
        return text


@dataclass(frozen=True, slots=True)
class Given:
    """What a run gives, each by name."""

    inputs: Mapping[str, JsonValue]
    secrets: Mapping[str, str]
    uploads: Mapping[str, str]


def declared(schema: Mapping[str, Any]) -> dict[str, dict[str, JsonValue]]:
    """The inputs as a job file has them, from the schema that is stored."""
    required = schema["required"]
    return {name: _declared(schema["properties"][name], name in required) for name in schema[ORDER]}


def _declared(one: Mapping[str, Any], is_required: bool) -> dict[str, JsonValue]:
    made = {**one, "type": one.get(KIND, one["type"])}
    made.pop(KIND, None)
    return made if is_required or "default" in one else made | {"required": False}


def values_of(schema: Mapping[str, Any], given: Given, known: Given) -> dict[str, JsonValue]:
    """The inputs of the job: those given, and the defaults of others. `known` has what the template
    sets itself, and may be replaced. Raises InvalidJob with all that is wrong."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    values = {
        name: typed(given.inputs.get(name, one.get("default")), one["type"])
        for name, one in properties.items()
        if KIND not in one and (name in given.inputs or "default" in one)
    }
    problems = list(_unknown(properties, given, known))
    problems += _missing(schema, given)
    asked = {name: one for name, one in properties.items() if KIND not in one}
    problems += JsonSchema({"properties": asked}).problems(values, ("inputs",))
    if problems:
        raise InvalidJob(problems)
    others = {name: value for name, value in given.inputs.items() if name not in values}
    return {**known.inputs, **others} | {
        name: _in_language(given.inputs.get(name), value) for name, value in values.items()
    }


def _in_language(given: JsonValue, value: Any) -> JsonValue:  # noqa: ANN401 - JSON
    """A single value is the text as it was spelled."""
    if isinstance(value, list | dict | str):
        return value
    spelled = isinstance(given, str) and not isinstance(value, bool)
    return str(given).strip() if spelled else json.dumps(value)


_PLACES = {None: "inputs", "secret": "secrets", "file": "uploads"}


def _missing(schema: Mapping[str, Any], given: Given) -> Iterator[Problem]:
    for name in schema.get("required", ()):
        place = _PLACES[schema["properties"][name].get(KIND)]
        if name not in getattr(given, place):
            yield Problem(f"{place}.{name}", "is required", place=(place, name))


def _unknown(properties: Mapping[str, Any], given: Given, known: Given) -> Iterator[Problem]:
    for place in ("inputs", "secrets", "uploads"):
        asked = {name for name, one in properties.items() if _PLACES[one.get(KIND)] == place}
        names = asked | set(getattr(known, place))
        for name in getattr(given, place):
            if name not in names:
                yield Problem(
                    f"{place}.{name}", _no_such(name, names, properties), place=(place, name)
                )


def _no_such(name: str, names: Collection[str], properties: Mapping[str, Any]) -> str:
    if name in properties:
        return f"the template asks for it in `{_PLACES[properties[name].get(KIND)]}`"
    if near := get_close_matches(name, names, n=1):
        return f"the template has no such input, did you mean {near[0]!r}?"
    there = f": it has {', '.join(sorted(names)[:5])}" if names else ""
    return f"the template has no such input{there}"
