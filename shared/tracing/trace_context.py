"""Where a span belongs: ids that follow from those of jobs and tasks; how W3C writes them."""

import re
from typing import NamedTuple

from shared.lifecycle import derived_id

_ID = re.compile(r"[0-9a-f]{32}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 1


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
