"""One dispatch as a span: from its message to its report."""

from contextlib import AbstractContextManager, nullcontext

from shared.messages import RunTask
from shared.tracing.current import current_span, current_traceparent
from shared.tracing.protocol import Facts, Tracing, task_context

VARIABLE = "TRACEPARENT"
"""By it a program goes on with the trace that its task is in."""


def dispatch_span(tracing: Tracing, order: RunTask, node_id: str) -> AbstractContextManager[None]:
    if not tracing.is_on:
        return nullcontext()
    facts: Facts = {
        "messaging.destination.name": order.queue,
        "conveyor.job.id": order.job_id,
        "conveyor.task.id": order.task_id,
        "conveyor.task.dispatch": order.dispatch,
        "conveyor.task.attempt": order.attempt,
        "conveyor.node.id": node_id,
    }
    parent = task_context(order.job_id, order.task_id)
    return current_span(tracing, "run_task", parent, "consumer", facts)


def trace_environment() -> dict[str, str]:
    traceparent = current_traceparent()
    return {} if traceparent is None else {VARIABLE: traceparent}
