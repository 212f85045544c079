"""What the answers of Arvados' API have in common, and what its clients send."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.coordinator.api.replies import Answer

Tree = dict[str, Any]


class _Snake(Answer):
    model_config = ConfigDict(alias_generator=None)


class ArvadosError(_Snake):
    """What went wrong."""

    errors: list[str]
    """For people; each ends with the id of the request."""
    error_token: str
    """Names this error in questions about it."""


class ArvadosJobAnswer(_Snake):
    """A job; with `select`, only some of its attributes."""

    model_config = ConfigDict(extra="allow")

    uuid: str | None = None
    """Of Arvados' form; or our own id may be given in paths."""
    kind: Literal["arvados#job"] | None = None
    state: Literal["Queued", "Running", "Complete", "Failed", "Cancelled"] | None = None


class _List(_Snake):
    offset: int
    """So many were left out first."""
    limit: int
    """At most so many are on the page."""
    items: list[Tree]
    items_available: int | None = None
    """How many there are on all pages; left out with `count=none`."""


class ArvadosJobList(_List):
    """A page of jobs."""

    kind: Literal["arvados#jobList"] = "arvados#jobList"


class ArvadosJobTask(_Snake):
    """A task; with `select`, only some of its attributes."""

    model_config = ConfigDict(extra="allow")

    uuid: str | None = None
    kind: Literal["arvados#jobTask"] | None = None
    job_uuid: str | None = None


class ArvadosJobTaskList(_List):
    """A page of tasks."""

    kind: Literal["arvados#jobTaskList"] = "arvados#jobTaskList"


class ArvadosNode(_Snake):
    """A worker; with `select`, only some of its attributes."""

    model_config = ConfigDict(extra="allow")

    uuid: str | None = None
    kind: Literal["arvados#node"] | None = None
    hostname: str | None = None
    crunch_worker_state: Literal["idle", "busy", "down"] | None = None


class ArvadosNodeList(_List):
    """A page of workers."""

    kind: Literal["arvados#nodeList"] = "arvados#nodeList"


class ArvadosContainerRequest(_Snake):
    """A request for a container; with `select`, only some of its attributes."""

    model_config = ConfigDict(extra="allow")

    uuid: str | None = None
    kind: Literal["arvados#containerRequest"] | None = None
    state: Literal["Uncommitted", "Committed", "Final"] | None = None


class ArvadosContainerRequestList(_List):
    """A page of requests for containers."""

    kind: Literal["arvados#containerRequestList"] = "arvados#containerRequestList"


ContainerState = Literal["Queued", "Running", "Complete", "Cancelled"]


class ArvadosContainer(_Snake):
    """A container; with `select`, only some of its attributes."""

    model_config = ConfigDict(extra="allow")

    uuid: str | None = None
    kind: Literal["arvados#container"] | None = None
    state: ContainerState | None = None


class ArvadosContainerList(_List):
    """A page of containers."""

    kind: Literal["arvados#containerList"] = "arvados#containerList"


class ArvadosContainerStatus(_Snake):
    """Of a request's container; empty before it has one."""

    uuid: str | None = None
    container_state: ContainerState | None = None
    scheduling_status: str = ""
    """What it waits for."""


class ArvadosQueueSize(_Snake):
    queue_size: int
    """Of all jobs, also those that you may not see; at most 10,000."""


class ArvadosUser(_Snake):
    """Who asks."""

    uuid: str
    kind: Literal["arvados#user"] = "arvados#user"
    username: str
    full_name: str
    email: str
    """Nobody's address is known: always empty."""
    is_active: bool = True
    is_admin: bool


class _Sent(BaseModel):
    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)


class SentJob(_Sent):
    """Attributes of a job, as they are or within `job`; also as a form, with `job` in JSON."""

    job: Annotated[Tree | None, Field(examples=[{"script": "hash"}])] = None
    """The attributes."""


class SentJobTask(_Sent):
    """Attributes of a task, as they are or within `job_task`; also as a form."""

    job_task: Annotated[Tree | None, Field(examples=[{"progress": 0.5}])] = None
    """The attributes."""


class SentContainerRequest(_Sent):
    """Attributes of a request, as they are or within `container_request`; also as a form."""

    container_request: Annotated[Tree | None, Field(examples=[{"state": "Uncommitted"}])] = None
    """The attributes."""


class SentQuery(_Sent):
    """What a query has, where it is too long for one: with `_method` `GET`."""


class SentCancel(_Sent):
    """How to cancel."""

    cascade: bool = False
    """Jobs that the job has started and waits for are cancelled in any case."""
