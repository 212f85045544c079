"""What all models share, how a task is tried, what it may take, and a job's defaults for tasks."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from shared.definition.quantities import parse_duration
from shared.jobspec import fields as f
from shared.jobspec.problems import Breach
from shared.jobspec.tork import task_fields as t


def _alias(name: str) -> str:
    return to_camel(name.rstrip("_"))


_MANY_FIELDS = 100
_FEW = 20


class Spec(BaseModel):
    """Strict, Tork's names on the wire, nothing unknown. Values stay as they were submitted (a
    duration is its text); a field that is null or an empty text is one that isn't there."""

    model_config = ConfigDict(
        defer_build=True,
        strict=True,
        frozen=True,
        extra="forbid",
        alias_generator=AliasGenerator(alias=_alias),
        use_attribute_docstrings=True,  # they are the descriptions in the API's schema
        hide_input_in_errors=True,  # an error of ours never shows what it was given
    )

    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Fields the language has, but not here: each with the sentence that says so."""

    @model_validator(mode="before")
    @classmethod
    def _blank_is_unset(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        found = {name: value for name, value in data.items() if value is not None and value != ""}
        return _with_few_unknown(cls, found) if len(found) > _MANY_FIELDS else found

    def as_submitted(self) -> dict[str, Any]:
        """The JSON form on the wire, without what the client left out."""
        return self.model_dump(by_alias=True, exclude_unset=True)


def _with_few_unknown(model: type[BaseModel], data: Mapping[str, object]) -> dict[str, object]:
    """`data` with some of the fields it should not have: enough to be refused."""
    known = {field.alias or name for name, field in model.model_fields.items()}
    few = islice((name for name in data if name not in known), _FEW)
    return {name: data[name] for name in [*few, *(known & data.keys())]}


class Retry(Spec):
    """How often a failed task is tried again, and the wait before: initialDelay * scalingFactor^n,
    at most maxDelay, up to `jitter` of it taken off by chance."""

    limit: f.RetryLimit
    """How many times a failed task is tried again."""
    initial_delay: f.Duration | None = None
    """The wait before the first retry; `0s` is none. Default: 1s."""
    scaling_factor: f.ScalingFactor | None = None
    """What each further wait is multiplied by. Default: 2."""
    max_delay: f.PositiveDuration | None = None
    """No wait is longer, nor may it be shorter than `initialDelay`. Default: 1h."""
    jitter: f.Jitter | None = None
    """The largest share of a wait that chance may take off. Default: 0."""
    on: Annotated[f.Listed[t.RetryCause], Field(min_length=1)] | None = None
    """Only these failures are tried again: exit codes, `timeout` (it ran too long), `memory` (it
    exceeded its memory limit) and `lost` (its workers vanished). Default: every failure."""
    reset_after: f.PositiveDuration | None = None
    """An attempt that ran so long was healthy: after it, retries and waits are counted anew.
    Default: never; of a `service` and a `daemon` without `retry` 10m."""
    memory_factor: f.MemoryFactor | None = None
    """After an attempt that exceeded its memory limit, the limit is multiplied by this. Default: 1.
    Not for placed tasks."""
    max_memory: f.Memory | None = None
    """The limit grows no further. Default: what the worker allows."""

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


class Tolerance(Spec):
    """What of the tasks that one is made of may fail."""

    min_success: t.MinSuccess | None = None
    """How many must complete, or which share: `80%`. Default: all."""
    max_failed: t.MaxFailed | None = None
    """How many may fail, or which share: `5%`, instead of `minSuccess`. Default: none."""
    on_failure: Literal["stop", "finish"] | None = None
    """When too many have failed, the others are cancelled (`stop`), or run to their end before the
    task fails (`finish`). Default: `stop`."""


def tolerance_breaches(spec: Tolerance, among: object) -> Iterator[Breach]:
    if spec.min_success is not None and spec.max_failed is not None:
        yield Breach(
            ("maxFailed",), "can't be combined with minSuccess: both say how many may fail"
        )
    for name, count in (("minSuccess", spec.min_success), ("maxFailed", spec.max_failed)):
        if isinstance(count, int) and isinstance(among, list) and count > len(among):
            yield Breach((name,), f"must be at most the number of tasks, {len(among)}", count)
