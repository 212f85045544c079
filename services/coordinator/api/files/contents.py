"""GET and HEAD of one content whose size and digest are known: whole, in part, or not again."""

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import hdrs, web

from conveyor.extensions.files import FileSource, ObjectInfo, Span
from services.coordinator.api.files.headers import SHA256, selected_headers
from services.coordinator.api.files.ranges import selected
from services.coordinator.api.files.transfers import sent
from services.coordinator.api.replies import reply_error
from shared.files.streams import verified


async def reply_content(
    request: web.Request,
    store: FileSource,
    info: ObjectInfo,
    headers: Mapping[str, str],
    within: Span | None = None,
) -> web.StreamResponse:
    """Of the object, or of what lies `within` it; `info` is of that. Raises FilesError."""
    size, etag = info.size or 0, f'"{info.sha256}"'
    selection = selected(request.headers, etag, size)
    headers = {**headers, **selected_headers(selection, etag), SHA256: info.sha256}
    if selection.status is HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        message = f"Range: {request.headers['Range'][:80]!r} is not in the {size} bytes"
        content_range = {str(hdrs.CONTENT_RANGE): headers[hdrs.CONTENT_RANGE]}
        return reply_error(selection.status, message, content_range)
    if selection.status is HTTPStatus.NOT_MODIFIED:
        return web.Response(status=selection.status, headers={hdrs.ETAG: etag})
    response = web.StreamResponse(status=selection.status, headers=headers)
    response.content_length = selection.length
    if request.method == hdrs.METH_HEAD:
        return response
    start = (within.start if within else 0) + selection.span.start
    is_whole = within is None and selection.span.is_whole
    span = Span() if is_whole else Span(start, selection.length)
    async with store.get(info.name, span, version=info.version) as content:
        # Of what lies within an object the store knows no checksum.
        expected = info.sha256 if within and selection.span.is_whole else ""
        chunks = verified(content.chunks, info.name, selection.length, expected)
        return await sent(request, response, chunks)
