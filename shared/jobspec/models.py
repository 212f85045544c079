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
        use_attribute_docstrings=True,  # they are the descriptions in the API's schema
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
    """How many times a failed task is tried again."""
    initial_delay: f.Duration | None = None
    """The wait before the first retry. Default: none."""
    scaling_factor: f.ScalingFactor | None = None
    """What each further wait is multiplied by. Default: 2."""
    max_delay: f.PositiveDuration | None = None
    """No wait is longer, nor may it be shorter than `initialDelay`. Default: 1h."""
    jitter: f.Jitter | None = None
    """The largest share of a wait that chance may take off. Default: 0."""

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
    """How many processors. Default: the worker's setting."""
    memory: f.Memory | None = None
    """Bytes, or with a unit, in powers of 1024: `k`, `m`, `g`. Default: the worker's setting."""


class Registry(_Spec):
    """The login for a private image registry."""

    username: f.Template | None = None
    """May hold expressions."""
    password: f.Template | None = None
    """May hold expressions, best `{{ secrets.name }}`; answers never show it."""


class Defaults(_Spec):
    """For every task that doesn't set its own."""

    retry: Retry | None = None
    """Taken as a whole by a task without `retry`."""
    limits: Limits | None = None
    """Taken as a whole by a task without `limits`."""
    timeout: f.PositiveDuration | None = None
    """How long one attempt may run. Default: the worker's setting."""
    queue: f.QueueName | None = None
    """Which workers get the tasks; may hold expressions. Default: `default`."""
    priority: f.Priority | None = None
    """Higher goes first within a queue. Default: 0."""


class TaskEntry(_Spec):
    """One entry of a job's task list."""

    not_yet: ClassVar[frozenset[str]] = frozenset(
        {
            *("parallel", "each", "subjob", "pre", "post", "sidecars"),
            *("mounts", "networks", "gpus"),
        }
    )

    name: f.TaskName
    """For people; may hold expressions."""
    description: f.Description | None = None
    """For people."""
    tags: f.Tags | None = None
    """For people."""
    image: f.Template | None = None
    """The container image, with its tag; may hold expressions. Without it the task runs only on
    workers with the shell runtime."""
    registry: Registry | None = None
    """The login for the image, if it is private."""
    cmd: list[f.Template] | None = None
    """The command's arguments; they may hold expressions. Default: the image's."""
    entrypoint: list[str] | None = None
    """The program and its first arguments. Default: the image's, or `sh -c` with `run`."""
    run: str | None = None
    """A shell script. Not evaluated: pass values in by `env`."""
    env: dict[f.EnvName, f.TemplateValue] | None = None
    """Environment variables by name; values may hold expressions."""
    files: dict[f.FileName, f.Value] | None = None
    """Texts by path, written below the working directory before the task starts."""
    workdir: f.Workdir | None = None
    """The directory the task starts in: an absolute path in a container."""
    queue: f.QueueName | None = None
    """Which workers get the task; may hold expressions. Default: the job's, then `default`."""
    var: f.Variable | None = None
    """Later expressions read the task's result as `tasks.` and this name. May hold expressions."""
    if_: f.Expression | None = None
    """The task is skipped when this gives false. Default: it runs."""
    retry: Retry | None = None
    """Default: the job's `defaults`; without one, no second try."""
    limits: Limits | None = None
    """Default: the job's `defaults`, then the worker's settings."""
    timeout: f.PositiveDuration | None = None
    """How long one attempt may run. Default: the job's, then the worker's setting."""
    priority: f.Priority | None = None
    """Higher goes first within a queue. 0, the default, takes the job's default."""


class Webhook(_Spec):
    """Who is told about the job's changes. `if` sees `job`, and `task` for task events."""

    url: f.Url
    """Where each event is posted, as JSON."""
    headers: dict[f.Key, f.TemplateValue] | None = None
    """Sent with each event; values may hold expressions."""
    event: WebhookEvent | None = None
    """Which events. Default: `job.StateChange`. Those of progress are not sent yet."""
    if_: f.Expression | None = None
    """The event is sent only when this gives true. Default: always."""


class AutoDelete(_Spec):
    """The job is deleted that long after it completed."""

    after: f.PositiveDuration
    """Counts from completion; failed and cancelled jobs stay."""


class Wait(_Spec):
    """The submission is answered when the job is final, with the whole job."""

    timeout: f.PositiveDuration
    """After this long the answer is 408, and the job goes on."""


class JobSpec(_Spec):
    """A job as a client submits it."""

    not_yet: ClassVar[frozenset[str]] = frozenset({"permissions", "schedule"})

    name: f.JobName
    """For people and for the search; expressions read it as `job.name`."""
    description: f.Description | None = None
    """For people and for the search."""
    tags: f.Tags | None = None
    """For the search: `tag:nightly`."""
    tasks: Annotated[list[TaskEntry], Field(min_length=1)]
    """Run one after the other."""
    inputs: f.Inputs | None = None
    """Values for expressions, as `inputs.` and the name. They keep their JSON types."""
    secrets: dict[f.SecretName, f.Value] | None = None
    """Texts for expressions, as `secrets.` and the name; answers and logs never show them. No name
    may start with `conveyor.`."""
    output: f.Expression | None = None
    """Evaluated when the last task is done; its value is the job's `result`."""
    defaults: Defaults | None = None
    """For the tasks that don't set their own."""
    webhooks: list[Webhook] | None = None
    """Who is told about changes. Default: nobody."""
    auto_delete: AutoDelete | None = None
    """Default: the job stays as long as the server keeps jobs."""
    wait: Wait | None = None
    """Default: the submission is answered at once, with the summary."""

    def secret_values(self) -> Mapping[str, str]:
        """Name to value, in clear."""
        return {name: value or "" for name, value in (self.secrets or {}).items()}
