"""A collector of traces: takes OTLP over HTTP on loopback and keeps the spans."""

import gzip
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.support.eventually import eventually
from tests.support.http.one_path_server import served


@dataclass(frozen=True)
class Span:
    """Ids in hex; `links` are of traces and spans."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    facts: dict[str, str | int | float | bool]
    links: tuple[tuple[str, str], ...]
    is_failed: bool


@dataclass
class Collector:
    url: str = ""
    spans: list[Span] = field(default_factory=list)

    async def on_post(self, request: web.Request) -> web.Response:
        body = await request.read()
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        self.spans += _spans(ExportTraceServiceRequest.FromString(body))
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")

    def of(self, trace: str) -> list[Span]:
        return [span for span in self.spans if span.trace == trace]

    async def wait_for(self, is_there: Callable[[Sequence[Span]], bool]) -> None:
        """Wait until the spans are such."""

        async def look() -> bool:
            return is_there(self.spans)

        await eventually(look)


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    async with served("/v1/traces", collector.on_post) as collector.url:
        yield collector


def _spans(request: ExportTraceServiceRequest) -> list[Span]:
    return [
        _span(str(_facts(resource.resource.attributes)["service.name"]), span)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _span(service: str, sent: Any) -> Span:
    return Span(
        service=service,
        name=sent.name,
        trace=sent.trace_id.hex(),
        id=sent.span_id.hex(),
        parent=sent.parent_span_id.hex(),
        facts=_facts(sent.attributes),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in sent.links),
        is_failed=sent.status.code == sent.status.STATUS_CODE_ERROR,
    )


def _facts(attributes: Any) -> dict[str, str | int | float | bool]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}
