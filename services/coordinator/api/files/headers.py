"""Headers of contents: their digests, ranges, and what keeps a browser from running them."""

import re
from urllib.parse import quote

from aiohttp import hdrs, web

from services.coordinator.api.errors import BadRequest
from services.coordinator.api.files.ranges import Selection
from services.coordinator.api.route import BYTES, Header, Response, error

SHA256 = "Conveyor-SHA256"
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")

SENT_SHA256 = Header(
    SHA256,
    "The SHA-256 of the body, in hexadecimal: another body is refused.",
    {"type": "string", "pattern": f"^{_SHA256.pattern}$"},
)
RANGE_HEADERS = (
    Header("Range", "One part, such as `bytes=0-99` or `bytes=100-`.", {"type": "string"}),
    Header("If-Range", "An `ETag`: of another content the whole is sent.", {"type": "string"}),
    Header("If-None-Match", "An `ETag` that the client has: it is not sent.", {"type": "string"}),
)
_TEXT = {"type": "string"}
_CONTENT_HEADERS = (
    Header("ETag", "Of the content.", _TEXT),
    Header("Accept-Ranges", "`bytes`.", _TEXT),
    Header(SHA256, "Of the whole content, in hexadecimal.", _TEXT),
)
CONTENT = Response("The content.", {BYTES: None}, _CONTENT_HEADERS)
PARTS = {
    206: Response(
        "The part of the content that `Range` names.",
        {BYTES: None},
        (*_CONTENT_HEADERS, Header("Content-Range", "Which part it is.", _TEXT)),
    ),
    304: Response("The client has this content."),
    416: error("The content has no such part; `Content-Range` has its size."),
}

_HARMLESS = {
    # Whatever is in it: it neither runs nor is shown in the origin of the API.
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    hdrs.CACHE_CONTROL: "private, no-cache",
    "X-Accel-Buffering": "no",
}


def sent_sha256(request: web.Request) -> str:
    """What the client says of its body; "" where it says nothing. Raises BadRequest."""
    given = request.headers.get(SHA256, "")
    if given and not _SHA256.fullmatch(given):
        raise BadRequest(f"{SHA256}: {given[:80]!r} is not allowed: must be 64 hexadecimal digits")
    return given.lower()


def attachment(file_name: str, content_type: str = BYTES) -> dict[str, str]:
    """The headers of a file that is saved under that name."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", file_name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"
    return {
        **_HARMLESS,
        hdrs.CONTENT_TYPE: content_type,
        hdrs.CONTENT_DISPOSITION: disposition,
    }


def selected_headers(selection: Selection, etag: str) -> dict[str, str]:
    headers: dict[str, str] = {hdrs.ETAG: etag, hdrs.ACCEPT_RANGES: "bytes"}
    if content_range := selection.content_range:
        headers[hdrs.CONTENT_RANGE] = content_range
    return headers
