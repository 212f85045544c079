"""Apps, engines and templates of ByteNite's API, as bodies and as answers."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from services.coordinator.api.bytenite.schemas import Anything
from services.coordinator.api.replies import Answer
from shared.jobspec.bytenite.building_blocks import App, Engine, Template
from shared.jobspec.bytenite.form import Tree


class PushedApp(App):
    """An app; `paramsSchema` is a JSON Schema of `params.app` of its jobs."""

    params_schema: Tree = Field(default_factory=dict)


class PushedEngine(Engine):
    """An engine; `paramsSchema` is a JSON Schema of its part of the `params` of jobs."""

    params_schema: Tree = Field(default_factory=dict)


class PushedTemplate(Template):
    """A template; without `version` it is 1.0."""

    version: str = "1.0"


class _Registered(Answer):
    tag: str
    """`name@major.minor`."""
    version: str
    """As pushed."""
    description: str | None = None
    """As pushed."""
    status: Literal["active", "inactive"]
    """Jobs are made of what is active."""
    revision: int
    """How often this version was pushed."""
    hash: str
    """The SHA-256 of what was pushed."""
    owner: str | None = None
    """Who pushed it first."""
    is_public: bool
    """Whether everybody may see and use it."""
    created_at: datetime
    """When it was pushed first."""
    updated_at: datetime
    """When it was pushed last."""


class AppView(_Registered):
    """One version of an app."""

    name: str
    """As pushed."""
    platform: str
    """`docker`, or `shell`."""
    entrypoint: list[str]
    """What is run."""
    platform_config: Anything
    """The image; its token is not shown."""
    device_requirements: Anything
    """What a worker must have."""
    params_schema: Anything
    """The JSON Schema of its parameters."""


class EngineView(AppView):
    """One version of an engine."""

    type: Literal["partitioner", "assembler"]
    """What it does."""


class DevTemplateView(_Registered):
    """One version of a template."""

    id: str
    """Its name."""
    app: str
    """The tag of its app."""
    partitioner: str
    """The tag of an engine, or the name of one that is built in."""
    assembler: str
    """The same."""
    data_source: Anything | None = None
    """What its jobs have that don't say it themselves, as the next."""
    data_destination: Anything | None = None
    """Where results go."""
    params: Anything | None = None
    """Parameters."""
    config: Anything | None = None
    """Time-outs and the like."""


class AppAnswer(Answer):
    app: AppView
    """One version."""


class EngineAnswer(Answer):
    engine: EngineView
    """One version."""


class TemplateAnswer(Answer):
    template: DevTemplateView
    """One version."""


class DevPagination(Answer):
    """Which part of a list it is."""

    total: int
    """How many there are in all."""
    offset: int
    """How many come before."""
    has_previous: bool
    """Whether there are any before."""
    has_next: bool
    """Whether there are more."""


class AppList(Answer):
    pagination: DevPagination
    """Which part."""
    data: list[AppView]
    """Those pushed last first, each in its newest version."""


class EngineList(Answer):
    pagination: DevPagination
    """Which part."""
    data: list[EngineView]
    """As the list of apps."""


class TemplateList(Answer):
    pagination: DevPagination
    """Which part."""
    data: list[DevTemplateView]
    """As the list of apps."""


class StatusAnswer(Answer):
    """Whether jobs can be made of it."""

    tag: str
    """`name@major.minor`: what the asked tag stands for."""
    status: Literal["active", "inactive"]
    """Of that version."""
    revision: int
    """How often it was pushed."""
    is_public: bool
    """Whether everybody may use it."""


def model_fields(model: type[App | Template], document: dict[str, Any]) -> dict[str, Any]:
    """The fields of a pushed document with what it leaves out, as on the wire."""
    whole = model.model_validate(document).model_dump(mode="json", by_alias=True)
    return {name: value for name, value in whole.items() if value is not None}
