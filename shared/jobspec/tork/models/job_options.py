"""What a job says beside its tasks: who is told, who may see it and when it goes."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, model_validator

from shared.jobspec import fields as f
from shared.jobspec.plain_scalar import as_boolean
from shared.jobspec.tork.models.policies import Defaults, Spec

WebhookEvent = Literal[
    "job.StateChange", "job.Progress", "job.PhaseChange", "task.StateChange", "task.Progress"
]


class Webhook(Spec):
    """Who is told about a job's changes, or a sub-job's. `if` sees `job`, and `task` for task
    events."""

    url: f.UrlTemplate
    """Where each event is posted, as JSON; may hold expressions."""
    headers: f.Headers[f.HeaderTemplate] | None = None
    """Sent with each event; values may hold expressions."""
    event: WebhookEvent | None = None
    """Which events. Default: `job.StateChange`. `job.PhaseChange` are the phases of the jobs of its
    tasks with a `partition`."""
    if_: f.Expression | None = None
    """The event is sent only when this gives true. Default: always."""
    secret: f.SigningSecret | None = None
    """Signs the requests: `whsec_` and the base64 of 24 to 64 random bytes, best as
    `{{ secrets.name }}`. Default: the server's, if it has one."""
    format: Literal["tork", "standard"] | None = None
    """The body: as Tork's, or `{type, timestamp, data}`. Default: `tork`."""
    payload: Literal["full", "thin"] | None = None
    """`thin`: ids and states only. Default: `full`."""


class AutoDelete(Spec):
    """The job is deleted that long after it completed."""

    after: f.PositiveDuration
    """Counts from completion; failed and cancelled jobs stay."""


class JobFields(Spec):
    """What a job and a sub-job have in common."""

    description: f.Description | None = None
    """For people and for the search."""
    tags: f.Tags | None = None
    """For the search: `tag:nightly`."""
    output: f.Expression | None = None
    """Evaluated when the last task is done; its value is the job's `result`."""
    defaults: Defaults | None = None
    """For the tasks that don't set their own."""
    auto_delete: AutoDelete | None = None
    """Default: the job stays as long as the server keeps jobs."""
    timeout: f.PositiveDuration | None = None
    """How long the job may take, from the start of its first task. Default: any time."""


class Wait(Spec):
    """The submission is answered when the job is final, with the whole job."""

    timeout: f.PositiveDuration
    """After this long the answer is 408, and the job goes on."""


def _reuse(given: object) -> object:
    """`true` stands for an empty mapping, `false` for nothing."""
    return {True: {}, False: None}[flag] if isinstance(flag := as_boolean(given), bool) else given


class Reuse(Spec):
    """The submission is answered with a job that does the same work, if there is one: the same
    programs on the same data. See docs/reuse.md."""

    scope: Literal["own", "readable"] | None = None
    """Whose jobs: `own`, or all that you may see, which must have completed. Default: `own`."""
    include_unfinished: f.Flag | None = None
    """Whether a job of yours that has not ended will do. Default: true."""
    max_age: f.PositiveDuration | None = None
    """How long ago it may have completed. Default: any time."""
    on_output_conflict: Literal["new", "oldest"] | None = None
    """Which job it is when several have completed and left different results: a new one, or the
    oldest. Default: `new`."""
    tasks: f.Flag | None = None
    """Whether its tasks have `reuse` as well, unless they say otherwise. Default: false."""
    nondeterministic: f.Flag | None = None
    """No later submission is answered with this job, since it would leave something else each time.
    Default: whether its expressions call `now()` or `randomInt()`."""


class ReuseOfTasks(Spec):
    """What has not changed since an earlier run does not run again. See docs/reuse.md."""

    tasks: f.Flag
    """Whether its tasks have `reuse`, unless they say otherwise."""


ReuseOrFlag = Annotated[
    Reuse | None, BeforeValidator(_reuse, json_schema_input_type=bool | Reuse | None)
]
"""`true`: with all defaults."""


def _named_by(name: str) -> BeforeValidator:
    """What answers show as an object is taken in as one, too."""
    return BeforeValidator(lambda given: given.get(name) if isinstance(given, dict) else given)


_RoleName = Annotated[f.ShortText, _named_by("slug")]
_UserName = Annotated[f.ShortText, _named_by("username")]


class Permission(Spec):
    """A user or a role that may see the job or act on it: one of the two."""

    role: _RoleName | None = None
    """The role's short name; it must exist. Or the role as answers show it."""
    user: _UserName | None = None
    """The user's name; it must exist. Or the user as answers show them."""
    access: Literal["view", "operate"] | None = None
    """`view`: may see the job, its tasks and logs. `operate`: may also cancel, restart, delete and
    run it again, and pause, resume and delete a scheduled job. Default: `operate`."""

    @model_validator(mode="after")
    def _one_of_the_two(self) -> "Permission":
        if bool(self.role) == bool(self.user):
            raise ValueError("must name either a role or a user")
        return self
