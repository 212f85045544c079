"""What is said of spans: an implementation sends them, another does nothing.

Neither results nor texts of errors are: what a user's program says may hold a secret, and a
collector is no place for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from shared.tracing.trace_context import TraceContext

Kind = Literal["internal", "server", "client", "producer", "consumer"]

Facts = Mapping[str, str | int | float | bool]
"""A span's attributes. Ours begin with `conveyor.`."""


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
