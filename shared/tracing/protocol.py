"""What is said of spans: an implementation sends them, another does nothing.

Neither results nor texts of errors are: what a user's program says may hold a secret, and a
collector is no place for it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from shared.lifecycle import derived_id

_ID = re.compile(r"[0-9a-f]{32}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 1

Kind = Literal["internal", "server", "client", "producer", "consumer"]

Facts = Mapping[str, str | int | float | bool]
"""A span's attributes. Ours begin with `conveyor.`."""


class TraceContext(NamedTuple):
    """A span. `is_sampled` says whether its trace is kept; None: as the sampler has it."""

    trace_id: int
    span_id: int
    is_sampled: bool | None = None


def job_context(job_id: str) -> TraceContext:
    return TraceContext(_trace_id(job_id), _span_id("job", job_id))


def task_context(job_id: str, task_id: str) -> TraceContext:
    return TraceContext(_trace_id(job_id), _span_id("task", task_id))


def to_traceparent(context: TraceContext) -> str:
    """As W3C's `traceparent`."""
    flags = _SAMPLED if context.is_sampled else 0
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{flags:02x}"


def from_traceparent(traceparent: str | None) -> TraceContext | None:
    """None for what is none: it is as good as not given."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    if found is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups()[:3])
    return TraceContext(trace_id, span_id, bool(flags & _SAMPLED)) if trace_id and span_id else None


def _trace_id(job_id: str) -> int:
    return int(job_id if _ID.fullmatch(job_id) else derived_id("trace", job_id), 16)


def _span_id(kind: str, id_: str) -> int:
    return int(derived_id("span", kind, id_)[:16], 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A span that is over. `own` is its context if that follows from something, `parent` None for
    the first of a trace. Times are seconds since 1970."""

    name: str
    parent: TraceContext | None
    began: float
    ended: float
    own: TraceContext | None = None
    kind: Kind = "internal"
    facts: Facts = field(default_factory=dict)
    links: Sequence[TraceContext] = ()
    is_failed: bool = False


class Span(Protocol):
    """A span that goes on."""

    @property
    def context(self) -> TraceContext: ...
    def fail(self, sort: str = "") -> None:
        """`sort` names the kind of error, in words of ours."""
        ...


class Tracing(Protocol):
    @property
    def is_on(self) -> bool:
        """Ask before anything is made up that only a trace needs."""
        ...

    def span(
        self, name: str, parent: TraceContext, kind: Kind = "internal", facts: Facts | None = None
    ) -> AbstractContextManager[Span | None]:
        """A span for as long as the context lasts; None when it is off. What is raised ends it as
        failed."""
        ...

    def record(self, finished: Finished) -> TraceContext | None:
        """Where it is; None when it is off."""
        ...


class Off:
    """No traces."""

    is_on = False

    @contextmanager
    def span(
        self, name: str, parent: TraceContext, kind: Kind = "internal", facts: Facts | None = None
    ) -> Iterator[None]:
        yield None

    def record(self, finished: Finished) -> None:
        return None


OFF = Off()
