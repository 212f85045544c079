"""What is fetched over HTTP."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from conveyor.extensions.files import (
    FilesError,
    ObjectMismatch,
    ObjectMissing,
    ObjectRefused,
    Span,
    StoreUnavailable,
)
from shared.files.http import HttpAccess, HttpLimits, HttpSource
from shared.files.transfers import Patience, whole
from shared.network.guard import Guard, parse_networks
from tests.support.eventually import eventually
from tests.support.files.cutting_link import cutting_link
from tests.support.files.site import Handler, Site, served_site
from tests.support.files.stores import MEGABYTE, noise, read, sha256_of
from tests.support.files.tars import joined
from tests.support.ports import free_port

LOCAL = Guard(parse_networks(("127.0.0.0/8",)))
DATA = noise(5 * MEGABYTE)
LONG = Patience(tries=1000, pause_seconds=0.01)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with served_site() as site:
        yield site


@pytest.fixture
async def source() -> AsyncIterator[HttpSource]:
    source = HttpSource(HttpAccess(LOCAL))
    yield source
    await source.close()


def file(path: Path) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(path)

    return answer


def status(number: int, **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=number, headers=headers)

    return answer


def raw(answer: str) -> Handler:
    async def write(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(answer.encode())
        request.transport.close()
        return web.Response()

    return write


@pytest.fixture
def served(site: Site, tmp_path: Path) -> str:
    """The URL of DATA, at a server that knows ranges and versions."""
    (tmp_path / "data").write_bytes(DATA)
    return site.serve("/data", file(tmp_path / "data"))


async def test_a_file_is_read_whole_and_in_spans(source: HttpSource, served: str) -> None:
    info = await source.stat(served)

    assert (info.name, info.size, info.sha256) == (served, len(DATA), "")
    assert await read(source, served, sha256=sha256_of(DATA), version=info.version) == DATA
    end = len(DATA)
    for start, length in [(0, 3), (7, 5), (end - 1, 9), (end, None), (end, 4), (3, 0)]:
        expected = DATA[start:] if length is None else DATA[start : start + length]
        assert await read(source, served, Span(start, length)) == expected
    with pytest.raises(ObjectRefused, match="so none starts at"):
        await read(source, served, Span(end + 1))
    with pytest.raises(ObjectMismatch, match="expected 0000"):
        await read(source, served, sha256="0" * 64)
    with pytest.raises(ObjectMismatch, match="changed"):
        await read(source, served, version='"another"')


async def test_a_server_without_ranges_sizes_and_head_is_read_all_the_same(
    source: HttpSource, site: Site
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "HEAD":
            return web.Response(status=405)
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for start in range(0, len(DATA), 300_000):
            await response.write(DATA[start : start + 300_000])
        return response

    url = site.serve("/plain", answer)

    assert (await source.stat(url)).size is None
    assert await read(source, url) == DATA
    assert await read(source, url, Span(299_999, 2)) == DATA[299_999:300_001]
    assert await read(source, url, Span(3 * MEGABYTE)) == DATA[3 * MEGABYTE :]


@pytest.mark.parametrize(
    ("number", "error"),
    [
        *[(404, ObjectMissing), (410, ObjectMissing), (204, ObjectRefused), (412, ObjectMismatch)],
        *[(number, ObjectRefused) for number in (400, 401, 403, 407, 418)],
        *[(number, StoreUnavailable) for number in (408, 425, 429, 500, 502, 503, 504)],
    ],
)
async def test_a_status_says_whether_to_try_again(
    source: HttpSource, site: Site, number: int, error: type[FilesError]
) -> None:
    url = site.serve("/x", status(number))
    with pytest.raises(error):
        await source.stat(url)
    with pytest.raises(error):
        await read(source, f"{url}?token=hush")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "/x",
        "ftp://x/y",
        "file:///etc/passwd",
        "http://",
        "http://a:b/",
        "http://[::1",
        "h://",
    ],
)
async def test_what_is_no_url_of_http_is_refused(source: HttpSource, url: str) -> None:
    with pytest.raises(ObjectRefused):
        await read(source, url)


async def test_an_error_shows_neither_password_nor_query(source: HttpSource, site: Site) -> None:
    site.serve("/x", status(403))
    url = f"{site.url}/x?token=hush#hush".replace("//", "//user:hush@")
    with pytest.raises(ObjectRefused) as refused:
        await read(source, url)
    assert str(refused.value) == f"{site.url}/x answered 403"
    with pytest.raises(StoreUnavailable) as away:
        await read(source, f"http://127.0.0.1:{free_port()}/x?token=hush")
    assert "hush" not in str(away.value)
    url = site.serve("/chunks", raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"))
    with pytest.raises(StoreUnavailable) as broken:
        await read(source, f"{url}?token=hush")
    assert "hush" not in str(broken.value)


@pytest.mark.parametrize("number", [206, 416])
async def test_a_size_of_thousands_of_digits_is_none(
    source: HttpSource, site: Site, number: int
) -> None:
    size = "9" * 5000
    shown = f"bytes 0-0/{size}" if number == 206 else f"bytes */{size}"
    url = site.serve("/x", status(number, **{"Content-Range": shown}))
    assert await read(source, url, Span(0, 1)) == b""


async def test_an_address_inside_is_refused_also_where_a_redirect_leads(site: Site) -> None:
    source = HttpSource(HttpAccess(Guard(parse_networks(("127.0.0.1/32",)), setting="THE_SETTING")))
    inner = ["http://127.0.0.2/", "http://169.254.169.254/latest", "http://[::1]/"]
    for url in [*inner, *(site.serve(f"/{n}", status(302, Location=inner[n])) for n in range(3))]:
        with pytest.raises(ObjectRefused, match="is not allowed: its network is"):
            await read(source, url)
    await source.close()


async def test_redirects_are_followed_and_private_headers_stay_with_their_host(
    site: Site, served: str
) -> None:
    seen: list[str | None] = []

    async def note(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return web.Response(body=b"far")

    other = web.Application()
    other.router.add_get("/x", note)
    source = HttpSource(HttpAccess(LOCAL, headers={"Authorization": "Bearer hush"}))
    async with TestServer(other) as server:
        near = site.serve("/near", status(302, Location="/data"))
        far = site.serve("/far", status(307, Location=str(server.make_url("/x"))))
        assert await read(source, near) == DATA
        assert await read(source, far) == b"far"
    await source.close()

    assert [request.headers["Authorization"] for request in site.requests] == ["Bearer hush"] * 3
    assert seen == [None]


async def test_redirects_end(source: HttpSource, site: Site) -> None:
    url = site.serve("/loop", status(302, Location="/loop"))
    with pytest.raises(ObjectRefused, match="redirects more than 5 times"):
        await read(source, url)
    url = site.serve("/long", status(302, Location=f"http://{'a' * 300}.test/"))
    with pytest.raises(FilesError, match="the URL is not valid"):
        await read(source, url)
    for location in ("ftp://x/", "file:///etc/passwd", "javascript:x", "http://["):
        url = site.serve("/away", status(302, Location=location))
        with pytest.raises(ObjectRefused, match="redirects to"):
            await read(source, url)


async def test_an_object_that_is_too_large_is_refused(site: Site, served: str) -> None:
    async def unknown(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(DATA)
        return response

    source = HttpSource(HttpAccess(LOCAL, HttpLimits(most_bytes=MEGABYTE)))
    for url in (served, site.serve("/unknown", unknown)):
        with pytest.raises(ObjectRefused, match="the maximum is 1048576"):
            await read(source, url)
    await source.close()


async def test_an_object_that_takes_too_long_is_refused(site: Site) -> None:
    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await asyncio.sleep(0.01)

    source = HttpSource(HttpAccess(LOCAL, HttpLimits(seconds=0.2)))
    with pytest.raises(ObjectRefused, match=r"took longer than 0\.2 s"):
        await read(source, site.serve("/drip", dripping))
    await source.close()


async def test_a_compressed_file_stays_as_it_is(source: HttpSource, site: Site) -> None:
    packed = gzip.compress(bytes(MEGABYTE))

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    assert await read(source, site.serve("/packed", answer)) == packed


async def test_a_read_goes_on_where_it_was_cut(source: HttpSource, site: Site, served: str) -> None:
    async with cutting_link(site.port) as link:
        link.left_down = 2 * MEGABYTE
        url = served.replace(str(site.port), str(link.port))
        reading = asyncio.create_task(joined(whole(source, url, patience=LONG)))
        await eventually(lambda: link.left_down == 0)
        link.mend()
        assert await reading == DATA

    start = site.requests[-1].headers["Range"].removeprefix("bytes=").removesuffix("-")
    assert MEGABYTE < int(start) <= 2 * MEGABYTE


@pytest.mark.parametrize("etag", ["", 'W/"weak"', '"strong"'])
async def test_a_read_goes_on_only_if_the_rest_is_certainly_of_the_same_content(
    source: HttpSource, site: Site, etag: str
) -> None:
    async def cut_once(request: web.Request) -> web.StreamResponse:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        headers = {"Content-Range": f"bytes {start}-9/10"} | ({"ETag": etag} if etag else {})
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        response.content_length = 10 - start
        await response.prepare(request)
        await response.write(b"0123456789"[start : None if start else 4])
        if not start:
            assert request.transport is not None
            request.transport.close()
        return response

    url = site.serve("/cut", cut_once)
    if etag.startswith('"'):
        assert await joined(whole(source, url, patience=LONG)) == b"0123456789"
    else:
        with pytest.raises(StoreUnavailable):
            await joined(whole(source, url, patience=LONG))
        assert len(site.requests) == 1
    known = whole(source, url, sha256=sha256_of(b"0123456789"), patience=LONG)
    assert await joined(known) == b"0123456789"


async def test_a_server_that_sends_another_range_is_refused(source: HttpSource, site: Site) -> None:
    for given in ("bytes 0-9/10", ""):
        url = site.serve("/wrong", status(206, **{"Content-Range": given}))
        with pytest.raises(ObjectRefused, match="answered another range"):
            await read(source, url, Span(5))


async def test_a_file_that_changed_while_it_was_read_is_a_mismatch(
    source: HttpSource, site: Site, served: str, tmp_path: Path
) -> None:
    async with cutting_link(site.port) as link:
        link.left_down = 2 * MEGABYTE
        url = served.replace(str(site.port), str(link.port))
        reading = asyncio.create_task(joined(whole(source, url, patience=LONG)))
        await eventually(lambda: link.left_down == 0)
        (tmp_path / "data").write_bytes(noise(4 * MEGABYTE, 1))
        link.mend()
        with pytest.raises(ObjectMismatch, match="changed"):
            await reading
