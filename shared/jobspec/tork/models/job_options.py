"""What a job says beside its tasks: who is told, who may see it, when it runs and when it goes."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shared.jobspec import fields as f
from shared.jobspec.cron import check_cron, parse_zone, zone_name
from shared.jobspec.limits import MAX_KEY
from shared.jobspec.tork.models.policies import Spec

WebhookEvent = Literal["job.StateChange", "job.Progress", "task.StateChange", "task.Progress"]


def _zone(text: str) -> str:
    parse_zone(text)
    return text


CronText = Annotated[str, Field(min_length=1, max_length=MAX_KEY), AfterValidator(check_cron)]
TimeZone = Annotated[str, Field(max_length=MAX_KEY), AfterValidator(_zone)]


class _Notice(Spec):
    headers: f.Mapped[f.HeaderName, f.HeaderTemplate] | None = None
    """Sent with each event; values may hold expressions."""
    event: WebhookEvent | None = None
    """Which events. Default: `job.StateChange`."""
    if_: f.Expression | None = None
    """The event is sent only when this gives true. Default: always."""


class Webhook(_Notice):
    """Who is told about the job's changes. `if` sees `job`, and `task` for task events."""

    url: f.Url
    """Where each event is posted, as JSON."""


class SubjobWebhook(_Notice):
    """Who is told about a sub-job's changes. Otherwise as a job's webhook."""

    url: f.UrlTemplate
    """Where each event is posted, as JSON; may hold expressions."""


class AutoDelete(Spec):
    """The job is deleted that long after it completed."""

    after: f.PositiveDuration
    """Counts from completion; failed and cancelled jobs stay."""


class Wait(Spec):
    """The submission is answered when the job is final, with the whole job."""

    timeout: f.PositiveDuration
    """After this long the answer is 408, and the job goes on."""


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


class Schedule(Spec):
    """When a scheduled job is started, again and again."""

    cron: CronText
    """Five fields: `0/5 * * * *` is every five minutes, `0 0 L * *` the last day of each month,
    `0 0 * * fri#2` and `friL` its second and last Friday. Or `@daily` and the like, `@every 1h30m`;
    `CRON_TZ=Europe/Berlin` may precede it."""
    timezone: TimeZone | None = None
    """Whose clock it follows, such as `Europe/Berlin`. Default: UTC."""
    overlap: Literal["allow", "skip"] | None = None
    """`skip`: not started while the last one is not final. Default: `allow`."""
    catch_up: Literal["none", "one", "all"] | None = None
    """What is made up for of the times missed while no scheduler ran: nothing, one job, or a job
    for each, up to 100. Default: `one`."""

    @model_validator(mode="after")
    def _one_time_zone(self) -> "Schedule":
        zone_name(self.cron, self.timezone)
        return self
