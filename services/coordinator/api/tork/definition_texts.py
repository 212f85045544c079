"""GET …/definition: what was submitted, to be edited and submitted again.

Secrets are never given away: those of `secrets` are empty, what is secret by its name elsewhere is
`[REDACTED]`, of which a submission warns.
"""

from collections.abc import Mapping
from typing import Any, Literal

import orjson
from aiohttp import hdrs, web
from pydantic import Field, JsonValue

from services.coordinator.api.access.principal import principal
from services.coordinator.api.errors import NotFound
from services.coordinator.api.replies import Fields, encode
from services.coordinator.api.requests import Query, path_id, ports, query
from services.coordinator.api.route import JSON, Response
from services.coordinator.api.tork import task_views, views
from services.coordinator.api.tork.jobs import JOBS
from services.coordinator.store import one_job
from services.coordinator.store.rows import JsonObject
from shared.jobspec.tork.models import JobSpec, ScheduledJobSpec, Spec, TaskEntry
from shared.jobspec.tork.parsing import YAML_TYPES
from shared.jobspec.yaml_text import yaml_text
from shared.planning.disclosure import opened_task, redacting
from shared.process.garbage import in_thread
from shared.process.redaction import REDACTED

YAML = "application/yaml"
_FIRST = (
    "template",
    "name",
    "description",
    "tags",
    "schedule",
    "inputs",
    "secrets",
    "uploads",
    "defaults",
)
"""The others follow as the model has them."""


def _names(*models: type[Spec]) -> list[str]:
    fields = [field for model in models for field in model.model_fields.items()]
    return [field.alias or name for name, field in fields]


_FIELDS = dict.fromkeys([*_FIRST, *_names(JobSpec, ScheduledJobSpec)])
_ORDER = {name: n for n, name in enumerate(dict.fromkeys([*_FIELDS, *_names(TaskEntry)]))}
"""Of the fields of tasks and sub-jobs, too: the database has its own."""
_OF_USERS = ("inputs", "env", "headers", "files")
"""Mappings whose names are no fields."""
_FILL_IN = "# Fill in the values of `secrets`: they are never shown.\n"
_REPLACE = f"# Replace each {REDACTED}: it stands where a secret is hidden.\n"


class DefinitionQuery(Query):
    """In which form."""

    format: Literal["", "yaml", "json"] = Field(
        "", description="`yaml` or `json`; by default what `Accept` names, or JSON."
    )


DEFINITION = Response(
    "As it can be submitted again. Values of secrets are empty or `[REDACTED]`.",
    {JSON: dict[str, JsonValue], YAML: None},
)


@JOBS.route(
    "GET /jobs/{id}/definition",
    "Show a job as it was submitted, to edit it and submit it again",
    DEFINITION,
    query=DefinitionQuery,
)
async def get_job_definition(request: web.Request) -> web.Response:
    api, job_id = ports(request), path_id(request, "job")
    job = await api.run(one_job.job, job_id, principal(request).readers)
    if job is None:
        raise NotFound("no such job")
    kept = [task async for portion in one_job.many_tasks(api.pool, job_id) for task in portion]
    redact = redacting(api.sealer, job.summary.sealed)

    def shown() -> Fields:
        tasks = [
            task_views.shown_definition(opened_task(api.sealer, task), redact) for task in kept
        ]
        return views.job_without_tasks(job, redact, "view") | {"tasks": tasks}

    return await reply_definition(request, await in_thread(shown))


async def reply_definition(request: web.Request, shown: Fields) -> web.Response:
    """`shown` is the whole job as answers have it."""
    return await reply_document(request, _submitted(shown))


async def reply_document(request: web.Request, definition: Fields) -> web.Response:
    """A job of any language, as it could be submitted."""
    if not _wants_yaml(request):
        return web.Response(body=encode(definition), content_type=JSON)
    text = await in_thread(lambda: _yaml(definition))
    return web.Response(text=text, content_type=YAML, charset="utf-8")


def _wants_yaml(request: web.Request) -> bool:
    asked = query(request, DefinitionQuery).format
    accepted = request.headers.get(hdrs.ACCEPT, "").lower()
    return asked == "yaml" or (not asked and any(kind in accepted for kind in YAML_TYPES))


def _submitted(shown: Fields) -> Fields:
    definition: Fields = {name: shown[name] for name in _FIELDS if name in shown}
    if "permissions" in definition:
        definition["permissions"] = [_permission(one) for one in definition["permissions"]]
    return {name: _with_empty_secrets(value, name) for name, value in definition.items()}


def _permission(shown: Mapping[str, Any]) -> Fields:
    """With the names alone of the user or the role."""
    named = {"user": "username", "role": "slug"}
    return {
        name: value[named[name]] if name in named and isinstance(value, dict) else value
        for name, value in shown.items()
    }


def _with_empty_secrets(value: Any, name: str = "") -> Any:  # noqa: ANN401 - JSON
    """Those of sub-jobs as well, but for expressions. `name` is that of the field."""
    match value:
        case dict() if name == "secrets":
            return {key: "" if secret == REDACTED else secret for key, secret in value.items()}
        case dict() if name not in _OF_USERS:
            ordered = sorted(value.items(), key=lambda item: _ORDER.get(item[0], len(_ORDER)))
            return {key: _with_empty_secrets(field, key) for key, field in ordered}
        case list():
            return [_with_empty_secrets(item) for item in value]
        case _:
            return value


def _yaml(definition: JsonObject) -> str:
    text = yaml_text(orjson.loads(encode(definition)))  # times are texts there
    head = _FILL_IN if "secrets" in definition else ""
    return head + (_REPLACE if REDACTED in text else "") + text
