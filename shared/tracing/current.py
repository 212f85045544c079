"""The span that is going on right here: whoever does a step of it need not be handed it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import NamedTuple

from shared.tracing.protocol import Facts, Kind, TraceContext, Tracing, to_traceparent


class _Current(NamedTuple):
    tracing: Tracing
    context: TraceContext


_CURRENT: ContextVar[_Current | None] = ContextVar("current span", default=None)
_NOTHING = nullcontext()


def step(name: str) -> AbstractContextManager[None]:
    """A span within the one that is going on, if there is one."""
    current = _CURRENT.get()
    return _NOTHING if current is None else current_span(current.tracing, name, current.context)


@contextmanager
def current_span(
    tracing: Tracing,
    name: str,
    parent: TraceContext,
    kind: Kind = "internal",
    facts: Facts | None = None,
) -> Iterator[None]:
    """A span that `step` in here and in tasks that are begun here is within."""
    with tracing.span(name, parent, kind, facts) as span:
        if span is None:
            yield
            return
        before = _CURRENT.set(_Current(tracing, span.context))
        try:
            yield
        finally:
            _CURRENT.reset(before)


def current_traceparent() -> str | None:
    """For a program that may go on with the trace; None when there is none."""
    current = _CURRENT.get()
    return None if current is None else to_traceparent(current.context)
