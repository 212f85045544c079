"""How a task is tried, what it may take, and what a job sets for tasks that don't say."""

from typing import Annotated

from pydantic import Field, model_validator

from shared.definition.durations import parse_duration
from shared.jobspec import fields as f
from shared.jobspec.tork import task_fields as t
from shared.jobspec.tork.models.spec import Spec


class Retry(Spec):
    """How often a failed task is tried again, and the wait before: initialDelay * scalingFactor^n,
    at most maxDelay, up to `jitter` of it taken off by chance."""

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
    on: Annotated[list[t.RetryCause], Field(min_length=1)] | None = None
    """Only these failures are tried again: exit codes, `timeout` (it ran too long) and `lost` (its
    workers vanished). Default: every failure."""

    @model_validator(mode="after")
    def _max_is_the_longest(self) -> "Retry":
        if self.max_delay and self.initial_delay:
            longest, first = parse_duration(self.max_delay), parse_duration(self.initial_delay)
            if longest < first:
                raise ValueError("maxDelay must not be shorter than initialDelay")
        return self


class Limits(Spec):
    """The most a task may take."""

    cpus: f.Cpus | None = None
    """How many processors. Default: the worker's setting."""
    memory: f.Memory | None = None
    """Bytes, or with a unit, in powers of 1024: `k`, `m`, `g`. Default: the worker's setting."""


class Registry(Spec):
    """The login for a private image registry."""

    username: f.Template | None = None
    """May hold expressions."""
    password: f.HiddenTemplate | None = None
    """May hold expressions, best `{{ secrets.name }}`; answers never show it."""


class Defaults(Spec):
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
