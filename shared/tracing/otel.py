"""Traces by OpenTelemetry. Imported only when they are switched on."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import Any

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from shared.lifecycle import derived_id
from shared.tracing.protocol import Facts, Finished, Kind, TraceContext

log = structlog.get_logger(__name__)

_GOODBYE_SECONDS = 5.0
_NAME_VARIABLE = "OTEL_SERVICE_NAME"


class OpenTelemetry:
    """Everything beyond a service's name is set by the standard OTEL_… variables: where spans go,
    with which headers, how many of them are kept."""

    is_on = True

    def __init__(self, service: str) -> None:
        self._ids = _Ids()
        own: dict[str, str] = {SERVICE_VERSION: version("conveyor")}
        if _NAME_VARIABLE not in os.environ:
            own[SERVICE_NAME] = f"conveyor-{service}"
        self._provider = TracerProvider(
            resource=Resource.create(own), id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.sampler = _Fair(self._provider.sampler)
        # It sends from a thread of its own, keeps a bounded number, and drops what is too many.
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("conveyor", own[SERVICE_VERSION])

    @contextmanager
    def span(
        self, name: str, parent: TraceContext, kind: Kind = "internal", facts: Facts | None = None
    ) -> Iterator["_Live"]:
        span = self._tracer.start_span(
            name, self._beneath(parent), SpanKind[kind.upper()], dict(facts or {})
        )
        live = _Live(span)
        try:
            yield live
        except BaseException as error:
            live.fail(type(error).__name__)
            raise
        finally:
            span.end()

    def record(self, finished: Finished) -> TraceContext | None:
        """None too when it could not be: what was done is done, with or without its span."""
        try:
            return self._record(finished)
        except Exception:  # a defect: it must be seen, and cost no more than a span
            log.exception("span_dropped", span=finished.name)
            return None
        finally:
            self._ids.next = None

    def _record(self, finished: Finished) -> TraceContext:
        self._ids.next = finished.own
        span = self._tracer.start_span(
            finished.name,
            self._beneath(finished.parent) if finished.parent else Context(),
            SpanKind[finished.kind.upper()],
            dict(finished.facts),
            [Link(self._context(context)) for context in finished.links],
            _nanoseconds(finished.began),
        )
        live = _Live(span)
        if finished.is_failed:
            live.fail()
        span.end(_nanoseconds(max(finished.ended, finished.began)))
        return live.context

    async def close(self) -> None:
        """Send what is left, for some seconds: a collector that is away holds up nobody."""
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def send() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                loop.call_soon_threadsafe(sent.set)

        # Not in the loop's own threads: for those the end of the process waits.
        threading.Thread(target=send, daemon=True).start()
        with suppress(TimeoutError):  # what is not sent by now is lost, and nothing but a trace
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await sent.wait()

    def _beneath(self, parent: TraceContext) -> Context:
        return set_span_in_context(NonRecordingSpan(self._context(parent)), Context())

    def _context(self, context: TraceContext) -> SpanContext:
        flags = TraceFlags(TraceFlags.SAMPLED if self._is_sampled(context) else TraceFlags.DEFAULT)
        return SpanContext(context.trace_id, context.span_id, is_remote=True, trace_flags=flags)

    def _is_sampled(self, context: TraceContext) -> bool:
        """As the sampler decides on the first span of the trace, which most likely is another
        service's: with the same settings all decide alike."""
        if context.is_sampled is not None:
            return context.is_sampled
        result = self._provider.sampler.should_sample(None, context.trace_id, "job")
        return result.decision is Decision.RECORD_AND_SAMPLE


class _Live:
    def __init__(self, span: Span) -> None:
        self._span = span
        context = span.get_span_context()
        self.context = TraceContext(context.trace_id, context.span_id, context.trace_flags.sampled)

    def fail(self, sort: str = "") -> None:
        self._span.set_status(Status(StatusCode.ERROR))
        if sort:
            self._span.set_attribute("error.type", sort)


class _Fair(Sampler):
    """Asks another sampler, which looks at the number that the last half of an id makes.

    In a UUID that is no chance number: its first bits say what variant of a UUID it is.
    """

    def __init__(self, asked: Sampler) -> None:
        self._asked = asked

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        *more: Any,  # noqa: ANN401 - handed on as it comes
        **named: Any,  # noqa: ANN401 - as above
    ) -> SamplingResult:
        number = int(derived_id("sample", trace_id), 16)
        return self._asked.should_sample(parent_context, number, *more, **named)

    def get_description(self) -> str:
        return self._asked.get_description()


class _Ids(RandomIdGenerator):
    """Random, but for the next span when its place is known."""

    next: TraceContext | None = None

    def generate_trace_id(self) -> int:
        return self.next.trace_id if self.next else super().generate_trace_id()

    def generate_span_id(self) -> int:
        return self.next.span_id if self.next else super().generate_span_id()


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
