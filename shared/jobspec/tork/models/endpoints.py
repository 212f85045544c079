"""Webhook endpoints: who is told about all jobs, schedules and other endpoints."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from shared.definition.quantities import parse_duration
from shared.expressions import has_expression
from shared.jobspec import fields as f
from shared.jobspec.headers import check_header_value
from shared.jobspec.limits import MAX_HEADERS, MAX_STATUSES
from shared.jobspec.plain_scalar import as_number
from shared.jobspec.tork.models.policies import Spec
from shared.process.redaction import REDACTED
from shared.process.signing import read_secret

EndpointEvent = Literal[
    "job.StateChange",
    "job.Progress",
    "job.PhaseChange",
    "task.StateChange",
    "task.Progress",
    "schedule.Fired",
    "schedule.Skipped",
    "endpoint.Failing",
    "endpoint.Disabled",
]
_GONE = 410
_LONGEST_KEPT_HOURS = 720


def _distinct(events: list[EndpointEvent]) -> list[EndpointEvent]:
    return list(dict.fromkeys(events))


def _not_from_an_answer(text: str) -> str:
    if REDACTED in text:
        raise ValueError(f"must not hold {REDACTED}, which answers show in place of a secret")
    return text


def _header_value(text: str) -> str:
    if has_expression(text):
        raise ValueError("must not hold expressions: headers of an endpoint are sent as they are")
    return check_header_value(_not_from_an_answer(text).strip())


def _secret(text: str) -> str:
    read_secret(text)
    return text


def _not_gone(status: int) -> int:
    if status == _GONE:
        raise ValueError("must not be 410: it disables the endpoint")
    return status


def _kept_for(text: str) -> str:
    if parse_duration(text).total_seconds() > _LONGEST_KEPT_HOURS * 3600:
        raise ValueError(f"must be at most {_LONGEST_KEPT_HOURS}h")
    return text


_Url = Annotated[f.Url, AfterValidator(_not_from_an_answer)]
_Events = Annotated[f.Listed[EndpointEvent], Field(min_length=1), AfterValidator(_distinct)]
_HeaderValue = Annotated[f.Value, AfterValidator(_header_value)]
_Rate = Annotated[float, Field(ge=0.01, le=10_000), BeforeValidator(as_number)]
_Status = Annotated[
    int, Field(ge=300, le=599), BeforeValidator(as_number), AfterValidator(_not_gone)
]
_Secret = Annotated[str, AfterValidator(_secret)]


class _EndpointFields(Spec):
    description: f.Description | None = None
    """What it is for."""
    filter: f.EndpointFilter | None = None
    """An event is sent only when this gives true. It can use `event` (the name), and `job`, `task`,
    `schedule` and `endpoint` as far as `events` are about them; what one event does not have reads
    as empty. Secrets are redacted before. Default: always."""
    tags: f.Tags | None = None
    """Events of jobs and schedules are sent only if they have one of these tags. Default: all."""
    headers: Annotated[f.Headers[_HeaderValue], Field(max_length=MAX_HEADERS)] | None = None
    """Sent with each request as they are. They are stored encrypted and never shown."""
    format: Literal["tork", "standard"] | None = None
    """The body: as that of a job's webhook, or `{type, timestamp, data}`. Default: `standard`."""
    payload: Literal["full", "thin"] | None = None
    """`thin`: ids and states only. Default: `full`."""
    rate_per_second: _Rate | None = None
    """Maximum average number of requests per second. Default: unlimited."""
    retry_on: Annotated[f.Listed[_Status], Field(max_length=MAX_STATUSES)] | None = None
    """Statuses that are repeated, beside those that always are."""
    ordered: f.Flag | None = None
    """One request at a time for each job, in the order of its changes. Default: false."""
    disabled: f.Flag | None = None
    """Whether nothing is sent. Default: false."""


class EndpointSpec(_EndpointFields):
    """A URL that is told of the changes of all jobs that its creator can read."""

    url: _Url
    """Where each event is posted, as JSON. It is stored encrypted; answers show scheme and host."""
    events: _Events
    """Which events."""
    secret: _Secret | None = None
    """Signs the requests: `whsec_` and the base64 of 24 to 64 random bytes. Default: a new one."""


class EndpointChanges(_EndpointFields):
    """A JSON merge patch: fields that are left out stay as they are, null resets a field."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "secret": "POST /webhooks/{id}/rotate-secret replaces the secret",
    }

    url: _Url | None = None
    """As at creation. Requests that are repeated go to the new URL."""
    events: _Events | None = None
    """As at creation."""


class SecretRotation(Spec):
    """How a secret is replaced."""

    keep_for: Annotated[f.Duration, AfterValidator(_kept_for)] | None = None
    """How long requests are signed with the old secret as well, at most `720h`. Default: `24h`."""
    secret: _Secret | None = None
    """The new secret. Default: a generated one."""
