"""The page for people: `/` and `/ui`, as `web/` is built into `PAGE`.

Its files are for everyone; what they show needs a sign-in. Without a build all else works.
"""

import asyncio
import gzip
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path

from aiohttp import hdrs, web

from services.coordinator.api.access.authenticator import authentication
from services.coordinator.api.access.shown import SESSION_COOKIE
from services.coordinator.api.first_requests import head_links, read_table

PAGE = Path(__file__).parents[1] / "page"

_SAFE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_ASKED_EACH_TIME = "no-cache"
_KEPT_FOR_EVER = "public, max-age=31536000, immutable"
"""The name of an asset changes with what is in it."""
_ASSET = re.compile(r"\w[\w.-]*", re.ASCII)
_TEXTS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
_OTHERS = {".png": "image/png", ".woff2": "font/woff2", ".wasm": "application/wasm"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class _File:
    content_type: str
    body: bytes
    zipped: bytes | None
    tag: str


def page_routes(*, has_docs: bool) -> list[web.RouteDef]:
    """`has_docs`: whether `/docs` is served, to name it."""

    async def get_root(request: web.Request) -> web.StreamResponse:
        if "text/html" not in request.headers.get(hdrs.ACCEPT, ""):
            return web.Response(text=_addresses(has_docs))
        return await _index(request) or _no_page(has_docs, HTTPStatus.OK)

    async def get_page(request: web.Request) -> web.StreamResponse:
        """At each address of the page it is the same: its script reads the address."""
        return await _index(request) or _no_page(has_docs, HTTPStatus.NOT_FOUND)

    return [
        web.get("/", get_root),
        web.get("/ui/assets/{name}", _get_asset),
        web.get("/ui", get_page),
        web.get("/ui/{path:.*}", get_page),
    ]


async def _index(request: web.Request) -> web.StreamResponse | None:
    """None where the page is not built."""
    index, first = await asyncio.gather(_file(PAGE / "index.html"), _file(PAGE / "first.json"))
    if index is None:
        return None
    links = head_links(
        read_table(first.body) if first else (),
        request.path_qs,
        may_read=not authentication(request).settings.is_on or SESSION_COOKIE in request.cookies,
    )
    return _answer(request, _with_links(index, links), _ASKED_EACH_TIME)


def _with_links(index: _File, links: str) -> _File:
    body = index.body.replace(b"</head>", f"{links}</head>".encode())
    return _File(index.content_type, body, None, _tag(body))


async def _get_asset(request: web.Request) -> web.StreamResponse:
    name = request.match_info["name"]
    asset = await _file(PAGE / "assets" / name) if _ASSET.fullmatch(name) else None
    if asset is None:
        raise web.HTTPNotFound
    return _answer(request, asset, _KEPT_FOR_EVER)


def _answer(request: web.Request, file: _File, kept: str) -> web.StreamResponse:
    headers = {
        **_SAFE_HEADERS,
        hdrs.CACHE_CONTROL: kept,
        hdrs.ETAG: file.tag,
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
    }
    if file.tag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    body = file.body
    if file.zipped and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        body, headers[hdrs.CONTENT_ENCODING] = file.zipped, "gzip"
    headers[hdrs.CONTENT_TYPE] = file.content_type
    return web.Response(body=body, headers=headers)


async def _file(path: Path) -> _File | None:
    return await asyncio.to_thread(_read, path)


def _read(path: Path) -> _File | None:
    try:
        return _read_once(path, path.stat().st_mtime_ns)
    except (FileNotFoundError, IsADirectoryError):  # not built, or of another build
        return None


@lru_cache(128)  # more than the page has
def _read_once(path: Path, _: int) -> _File:
    """Again after it was built anew."""
    body, text = path.read_bytes(), _TEXTS.get(path.suffix)
    zipped = gzip.compress(body, mtime=0)
    return _File(
        content_type=f"{text}; charset=utf-8" if text else _OTHERS.get(path.suffix, _UNKNOWN),
        body=body,
        zipped=zipped if text and len(zipped) < len(body) else None,
        tag=_tag(body),
    )


def _tag(body: bytes) -> str:
    return f'W/"{sha256(body).hexdigest()[:16]}"'


_UNKNOWN = "application/octet-stream"


def _addresses(has_docs: bool) -> str:
    docs = "  /docs          the API for people\n  /openapi.json  the same for programs\n"
    return (
        f"Conveyor {version('conveyor')}\n\n"
        "  /              the page, in a browser\n"
        f"{docs if has_docs else ''}"
        "  /health        whether it works\n"
    )


def _no_page(has_docs: bool, status: HTTPStatus) -> web.Response:
    docs = '<p>The API has its description at <a href="/docs">/docs</a>.</p>' if has_docs else ""
    body = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>Conveyor</title></head>'
        "<body><h1>Conveyor runs, but its page is not built</h1>"
        "<p>Everything else works. In a copy of the repository, <code>make page</code> builds it, "
        "and <code>make run</code> does so before it starts: then load this again. The wheel and "
        f"the container image have it.</p>{docs}</body></html>"
    )
    headers = {**_SAFE_HEADERS, hdrs.CACHE_CONTROL: "no-store"}
    return web.Response(text=body, content_type="text/html", status=status, headers=headers)
