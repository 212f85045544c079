"""The job language as models: Tork's names on the wire, unknown fields refused.

Values stay as they were submitted (a duration is its text), so that what is stored and shown again
is what the client wrote. A field that is null or an empty text is a field that isn't there.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from shared.jobspec import fields as f
from shared.jobspec.durations import parse_duration

WebhookEvent = Literal["job.StateChange", "job.Progress", "task.StateChange", "task.Progress"]


def _alias(name: str) -> str:
    return to_camel(name.rstrip("_"))


class _Spec(BaseModel):
    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        alias_generator=AliasGenerator(alias=_alias),
        hide_input_in_errors=True,  # an error of ours never shows what it was given
    )

    not_yet: ClassVar[frozenset[str]] = frozenset()
    """Fields that Tork has and this version does not."""

    @model_validator(mode="before")
    @classmethod
    def _blank_is_unset(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None and value != ""}

    def as_submitted(self) -> dict[str, object]:
        """The JSON form on the wire, without what the client left out."""
        return self.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)


class Retry(_Spec):
    """How often a failed task is tried again, and the wait before: initialDelay * scalingFactor^n,
    at most maxDelay, up to `jitter` of it taken off by chance."""

    not_yet: ClassVar[frozenset[str]] = frozenset({"on"})

    limit: f.RetryLimit
    initial_delay: f.Duration | None = None
    scaling_factor: f.ScalingFactor | None = None
    max_delay: f.PositiveDuration | None = None
    jitter: f.Jitter | None = None

    @model_validator(mode="after")
    def _max_is_the_longest(self) -> "Retry":
        if self.max_delay and self.initial_delay:
            longest, first = parse_duration(self.max_delay), parse_duration(self.initial_delay)
            if longest < first:
                raise ValueError("maxDelay must not be shorter than initialDelay")
        return self


class Limits(_Spec):
    """The most a task may take."""

    cpus: f.Cpus | None = None
    memory: f.Memory | None = None


class Registry(_Spec):
    """The login for a private image registry."""

    username: f.Template | None = None
    password: f.Template | None = None


class Defaults(_Spec):
    """For every task that doesn't set its own."""

    retry: Retry | None = None
    limits: Limits | None = None
    timeout: f.PositiveDuration | None = None
    queue: f.QueueName | None = None
    priority: f.Priority | None = None


class TaskEntry(_Spec):
    """One entry of a job's task list."""

    not_yet: ClassVar[frozenset[str]] = frozenset(
        {
            *("parallel", "each", "subjob", "pre", "post", "sidecars"),
            *("mounts", "networks", "gpus"),
        }
    )

    name: f.TaskName
    description: f.Description | None = None
    tags: f.Tags | None = None
    image: f.Template | None = None
    registry: Registry | None = None
    cmd: list[f.Template] | None = None
    entrypoint: list[str] | None = None
    run: str | None = None
    env: dict[f.EnvName, f.TemplateValue] | None = None
    files: dict[f.FileName, f.Value] | None = None
    workdir: f.Workdir | None = None
    queue: f.QueueName | None = None
    var: f.Variable | None = None
    if_: f.Expression | None = None
    retry: Retry | None = None
    limits: Limits | None = None
    timeout: f.PositiveDuration | None = None
    priority: f.Priority | None = None


class Webhook(_Spec):
    """Who is told about the job's changes. `if` sees `job`, and `task` for task events."""

    url: f.Url
    headers: dict[f.Key, f.TemplateValue] | None = None
    event: WebhookEvent | None = None
    if_: f.Expression | None = None


class AutoDelete(_Spec):
    """The job is deleted that long after it completed."""

    after: f.PositiveDuration


class Wait(_Spec):
    """The submission is answered when the job is final, with the whole job."""

    timeout: f.PositiveDuration


class JobSpec(_Spec):
    """A job as a client submits it."""

    not_yet: ClassVar[frozenset[str]] = frozenset({"permissions", "schedule"})

    name: f.JobName
    description: f.Description | None = None
    tags: f.Tags | None = None
    tasks: Annotated[list[TaskEntry], Field(min_length=1)]
    inputs: f.Inputs | None = None
    secrets: dict[f.SecretName, f.Value] | None = None
    output: f.Expression | None = None
    defaults: Defaults | None = None
    webhooks: list[Webhook] | None = None
    auto_delete: AutoDelete | None = None
    wait: Wait | None = None

    def secret_values(self) -> Mapping[str, str]:
        """Name to value, in clear."""
        return {name: value or "" for name, value in (self.secrets or {}).items()}
