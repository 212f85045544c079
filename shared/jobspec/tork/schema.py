"""The JSON Schema of a job file, for editors: completion, descriptions, and errors while typing."""

import re
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from shared.jobspec.tork.models import JobSpec, ScheduledJobSpec, Spec, TemplateSpec

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_UNQUOTED = ["string", "number", "boolean"]
"""What an editor takes a text for that stands in YAML without quotes."""


def job_schema() -> dict[str, Any]:
    return _schema_of(JobSpec, "Conveyor job")


def scheduled_job_schema() -> dict[str, Any]:
    return _schema_of(ScheduledJobSpec, "Conveyor scheduled job")


def template_schema() -> dict[str, Any]:
    return _schema_of(TemplateSpec, "Conveyor template")


class _Generator(GenerateJsonSchema):
    """Without titles and defaults, which only repeat the names and the descriptions."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return {k: v for k, v in super().default_schema(schema).items() if k != "default"}


def _schema_of(model: type[Spec], title: str) -> dict[str, Any]:
    schema = _as_yaml(model.model_json_schema(schema_generator=_Generator))
    return {"$schema": _DIALECT, **schema, "title": title}


def _as_yaml(node: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, list):
        return [_as_yaml(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _as_yaml(value) for key, value in node.items()}
    if made.get("type") != "string" or made.keys() & {"enum", "const"}:
        return made
    is_open = re.match(made.get("pattern", ""), "1")
    return made | {"type": _UNQUOTED} if is_open else made
