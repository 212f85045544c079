"""The OpenAPI document, made from the route table and the models that check and answer."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, cast, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from services.coordinator.api.replies import Error
from services.coordinator.api.route import BYTES, JSON, Header, Response, Route, SentEvent, error

_REF = "#/components/schemas/{model}"
_Mode = Literal["validation", "serialization"]
_Json = dict[str, Any]

_REFUSALS = {
    401: error("Authentication is on, and the request has no valid credentials."),
    403: error("The credentials lack the required permission."),
    429: error("Too many requests; `Retry-After` says when to try again."),
}
_TEXT: _Json = {"type": "string"}
_BYTES: _Json = {**_TEXT, "format": "binary"}
_SENT_HEADERS = (
    Header("webhook-id", "The same in every repetition of the delivery.", _TEXT),
    Header("webhook-timestamp", "The time of the request, in seconds since 1970.", _TEXT),
    Header("webhook-signature", "Signatures by Standard Webhooks, separated by blanks.", _TEXT),
    Header("conveyor-event", "The event.", _TEXT),
    Header("conveyor-sequence", "Grows with each change of the job.", _TEXT),
)
_SECURITY_SCHEMES: _Json = {
    "password": {
        "type": "http",
        "scheme": "basic",
        "description": "A user may read, submit and operate; with the role `admin`, everything.",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}


class _Schemas(GenerateJsonSchema):
    """An answer never holds null: what is empty is left out."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        if self.mode == "serialization":
            return self.generate_inner(schema["schema"])
        return super().nullable_schema(schema)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default", "") is None:
            del made["default"]
        return made


def openapi_document(routes: Sequence[Route], events: Sequence[SentEvent] = ()) -> _Json:
    """`events` are what receivers of webhooks are sent."""
    schemas, components = _schemas(routes, events)
    paths: dict[str, _Json] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Conveyor",
            "version": _version(),
            "description": "Jobs made of containerised tasks: submit, watch, stop. "
            "Empty fields are left out of answers; times are RFC 3339 in UTC.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "webhooks": {event.name: {"post": _webhook(event, schemas)} for event in events},
        "components": {"schemas": components, "securitySchemes": _SECURITY_SCHEMES},
    }


_Key = tuple[str, _Mode]


def _schemas(
    routes: Iterable[Route], events: Iterable[SentEvent]
) -> tuple[Mapping[_Key, _Json], _Json]:
    """A schema for each model in use, and the definitions they refer to."""
    inputs: list[tuple[_Key, _Mode, TypeAdapter[Any]]] = []
    for route in routes:
        if route.body:
            inputs.append(_input(route.body, "validation"))
        for answer in _responses(route).values():
            inputs += [_input(model, "serialization") for model in answer.content.values() if model]
    for event in events:
        inputs += [_input(model, "serialization") for model in event.bodies]
    distinct = {key: (key, mode, adapter) for key, mode, adapter in inputs}
    made, extra = TypeAdapter.json_schemas(
        distinct.values(), ref_template=_REF, schema_generator=_Schemas
    )
    return {key: schema for (key, _), schema in made.items()}, cast(_Json, extra["$defs"])


def _input(model: Any, mode: _Mode) -> tuple[_Key, _Mode, TypeAdapter[Any]]:  # noqa: ANN401 - any type pydantic takes
    return (repr(model), mode), mode, TypeAdapter(model)


def _operation(route: Route, schemas: Mapping[_Key, _Json]) -> _Json:
    operation: _Json = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "tags": [route.tag],
        "responses": {
            str(status): _response(answer, schemas) for status, answer in _responses(route).items()
        },
        "security": _security(route),
    }
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if route.body:
        schema = schemas[repr(route.body), "validation"]
        content: dict[str, _Json] = {kind: {"schema": schema} for kind in route.body_types}
        content[JSON]["example"] = route.example
        is_required = all(map(_has_required, get_args(route.body) or (route.body,)))
        operation["requestBody"] = {"required": is_required, "content": content}
    if route.takes_bytes:
        operation["requestBody"] = {"required": True, "content": {BYTES: {"schema": _BYTES}}}
    return operation


def _has_required(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


def _webhook(event: SentEvent, schemas: Mapping[_Key, _Json]) -> _Json:
    bodies = [schemas[repr(model), "serialization"] for model in event.bodies]
    return {
        "operationId": event.name,
        "summary": event.meaning,
        "tags": ["receivers of webhooks"],
        "parameters": [*_header_parameters(_SENT_HEADERS)],
        "requestBody": {"required": True, "content": {JSON: {"schema": {"anyOf": bodies}}}},
        "responses": {
            "2XX": {"description": "Accepts the event. Other responses are failures."},
            "410": {"description": "Disables the endpoint."},
        },
        "security": [],
    }


def _responses(route: Route) -> dict[int, Response]:
    """With those of every route that needs a scope."""
    implied = {} if route.scope is None else _REFUSALS
    found = dict(sorted({**implied, **route.responses}.items()))
    if route.error_form is Error:
        return found
    return {status: _reformed(answer, route.error_form) for status, answer in found.items()}


def _reformed(answer: Response, error_form: type[BaseModel]) -> Response:
    content = {
        kind: error_form if model is Error else model for kind, model in answer.content.items()
    }
    return replace(answer, content=content)


def _security(route: Route) -> list[_Json]:
    """One of them will do; none is needed where the operator has left authentication off."""
    if route.scope is None:
        return []
    return [{scheme: [route.scope.value]} for scheme in _SECURITY_SCHEMES]


def _response(answer: Response, schemas: Mapping[_Key, _Json]) -> _Json:
    content = {
        kind: {"schema": schemas[repr(model), "serialization"]} if model else _unmodelled(kind)
        for kind, model in answer.content.items()
    }
    headers = {
        header.name: {"description": header.meaning, "schema": dict(header.schema)}
        for header in answer.headers
    }
    described: _Json = {"description": answer.meaning, "content": content}
    return described | ({"headers": headers} if headers else {})


def _unmodelled(kind: str) -> _Json:
    """Bytes have no schema in OpenAPI 3.1."""
    return {"schema": {"type": "string"}} if kind.startswith("text/") else {}


def _parameters(route: Route) -> list[_Json]:
    return [
        *_path_parameters(route),
        *_query_parameters(route.query),
        *_header_parameters(route.headers),
    ]


def _path_parameters(route: Route) -> list[_Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": route.path_meanings[name],
            "schema": {"type": "string", "minLength": 1},
        }
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def _query_parameters(model: type[BaseModel] | None) -> list[_Json]:
    if model is None:
        return []
    properties = model.model_json_schema()["properties"]
    return [
        {
            "name": name,
            "in": "query",
            "description": schema.pop("description", ""),
            "schema": _or_empty({k: value for k, value in schema.items() if k != "title"}),
        }
        for name, schema in properties.items()
    ]


def _header_parameters(headers: Iterable[Header]) -> list[_Json]:
    return [
        {
            "name": header.name,
            "in": "header",
            "description": header.meaning,
            "schema": dict(header.schema),
        }
        for header in headers
    ]


def _or_empty(schema: _Json) -> _Json:
    """An empty parameter counts as not given, whatever its type."""
    kind = schema.pop("type")
    if kind == "string":
        return {"type": kind, **schema}
    return {"anyOf": [{"type": kind}, {"const": ""}], **schema}


def _version() -> str:
    try:
        return version("conveyor")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0"
