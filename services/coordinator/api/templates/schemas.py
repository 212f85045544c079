"""Templates as answers: secrets taken out, empty fields left out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, cast

from aiohttp import web
from pydantic import Field, JsonValue

from services.coordinator.api.access.principal import principal
from services.coordinator.api.replies import Answer, Fields, PageOf, Warning, set_fields
from services.coordinator.api.requests import ListQuery, Search, ports
from services.coordinator.api.route import Scope
from services.coordinator.api.templates.lookup import may_change
from services.coordinator.api.tork.definitions import shown_job
from services.coordinator.api.tork.schemas.submitted import UserView
from services.coordinator.store.rows import shown_user
from services.coordinator.store.templates import Kind, Registered, TemplateLanguage
from shared.jobspec.bacalhau.templates import job_in
from shared.jobspec.template_values import ORDER, declared
from shared.planning.disclosure import redacting

_KINDS: tuple[Kind, ...] = ("app", "engine", "template", "job")


class TemplatesQuery(ListQuery):
    """Which templates."""

    q: Annotated[Search, Field(description="Only those with this text in name or description.")] = (
        ""
    )
    kind: Annotated[
        Literal["app", "engine", "template", "job", "all"],
        Field(description="`job`: stored jobs. Others are those of ByteNite's API."),
    ] = "job"

    def kinds(self) -> Sequence[Kind]:
        return _KINDS if self.kind == "all" else (self.kind,)


class TemplateSummary(Answer):
    """One version of a template, as lists show it."""

    kind: Literal["app", "engine", "template", "job"]
    """`job`: a stored job."""
    language: TemplateLanguage | None = None
    """Of a stored job in another language: which."""
    name: str
    """As pushed."""
    version: str
    """As pushed: `major.minor`."""
    revision: int
    """How often this version was pushed."""
    status: Literal["active", "inactive"]
    """Of an `inactive` one no job is made."""
    description: str | None = None
    """As pushed."""
    is_public: bool
    """Whether everybody may see and run it."""
    owner: UserView | None = None
    """Who pushed it first."""
    created_at: datetime
    """When it was pushed first."""
    updated_at: datetime
    """When it was pushed last."""
    versions: int | None = None
    """In a list: how many versions there are."""
    access: Literal["operate", "view"] | None = None
    """What the caller may do: with `view` only look, and run it."""


class TemplatePage(PageOf[TemplateSummary]):
    """A page of the list of templates: of each the newest version that is active."""


class TemplateVersion(TemplateSummary):
    """One version of a template, with what a job is made of."""

    input_schema: dict[str, JsonValue]
    """JSON Schema of its inputs, the `properties` in the order of a form. A property with
    `"x-type": "file"` asks for an upload, with `"secret"` for a secret."""
    definition: dict[str, JsonValue]
    """What was pushed, secrets taken out."""
    warnings: list[Warning] | None = None
    """In the answer to a push: what was hardly meant."""


class TemplateVersions(Answer):
    """All versions of a template."""

    kind: Literal["app", "engine", "template", "job"]
    """`job`: a stored job."""
    name: str
    """Its name."""
    latest: str | None = None
    """The version that the name alone stands for; left out where none is active."""
    versions: list[TemplateSummary]
    """The newest first."""


def summary(request: web.Request, row: Registered) -> Fields:
    who = principal(request)
    can_operate = who.may(Scope.OPERATE) and may_change(who, row)
    return set_fields(
        {
            "kind": row.kind,
            "language": row.language,
            "name": row.name,
            "version": row.version,
            "revision": row.revision,
            "status": row.status,
            "description": row.description or None,
            "owner": shown_user(row.owner),
            "createdAt": row.created_at,
            "updatedAt": row.updated_at,
            "access": "operate" if can_operate else "view",
        }
    ) | {"isPublic": row.is_public or not row.readers}


def shown_schema(schema: dict[str, Any]) -> Fields:
    """With its properties in their order."""
    properties, order = schema.get("properties", {}), schema.get(ORDER)
    others = {name: value for name, value in schema.items() if name != ORDER}
    if order is None:
        return others
    return others | {"properties": {name: properties[name] for name in order}}


def whole_version(request: web.Request, row: Registered) -> Fields:
    return summary(request, row) | {
        "inputSchema": shown_schema(row.schema),
        "definition": definition_of(request, row),
    }


def definition_of(request: web.Request, row: Registered) -> Fields:
    redact = redacting(ports(request).sealer, row.sealed)
    if row.kind != "job":
        return cast(Fields, redact.value(row.document))
    head: dict[str, Any] = {"name": row.name, "version": row.version}
    head |= set_fields({"description": row.description, "inputs": declared(row.schema)})
    job = job_in(row.document) if row.language else shown_job(row.document)
    return {"template": head} | redact.value(job)
