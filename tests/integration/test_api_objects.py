"""/objects: a directory of files over HTTP, for who has a link."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conveyor.extensions.files import LinkMethod
from services.coordinator.settings import ApiSettings
from shared.files.directory.store import DirectoryStore
from shared.files.links import Links
from tests.support.eventually import eventually
from tests.support.files.stores import directory_place
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import PROTECTED
from tests.support.http.raw_client import raw_client

pytestmark = pytest.mark.real

LINKS = Links("http://coordinator/objects", (b"key",))
NAME = "j1/t1/0.1/a b/%é.txt"
TEXT = b"0123456789"
DIGEST = hashlib.sha256(TEXT).hexdigest()


@dataclass
class Rig:
    api: Api
    root: Path

    def link(self, method: LinkMethod, name: str = NAME, seconds: float = 60) -> str:
        url = LINKS.make(name, method, datetime.now(UTC) + timedelta(seconds=seconds))
        parts = urlsplit(url)
        return f"{parts.path}?{parts.query}"

    async def put(self, content: bytes, name: str = NAME) -> None:
        status, body = await self.api.answer("PUT", self.link("PUT", name), data=BytesIO(content))
        assert status == 200, body

    async def until_clean(self) -> None:
        await directory_place(self.root).until_clean()

    @property
    def object_count(self) -> int:
        return len([path for path in self.root.glob("objects/**/*") if path.is_symlink()])


@pytest.fixture
async def rig(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Rig]:
    """Authentication is on: a link needs none."""
    settings = ApiSettings(upload_limit_bytes=10_000_000, body_timeout_seconds=0.5, transfers=4)
    store = DirectoryStore(tmp_path)
    async with api_on(postgres_dsn, files=store, links=LINKS, auth=PROTECTED, api=settings) as api:
        yield Rig(api, tmp_path)


async def test_what_is_written_by_a_link_is_read_by_a_link(rig: Rig) -> None:
    status, stored = await rig.api.answer(
        "PUT", rig.link("PUT"), data=TEXT, headers={"Conveyor-SHA256": DIGEST.upper()}
    )
    assert (status, stored) == (
        200,
        {"name": NAME, "size": 10, "sha256": DIGEST, "version": DIGEST},
    )
    found = await rig.api.raw("HEAD", rig.link("GET"))
    whole = await rig.api.raw("GET", rig.link("GET"))
    part = await rig.api.raw("GET", rig.link("GET"), headers={"Range": "bytes=2-4"})
    behind = await rig.api.raw("GET", rig.link("GET"), headers={"Range": "bytes=10-"})

    assert (found.status, found.headers["Content-Length"]) == (200, "10")
    assert (whole.status, await whole.read()) == (200, TEXT)
    assert (part.status, await part.read()) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"
    assert (behind.status, behind.headers["Content-Range"]) == (416, "bytes */10")
    for answer in (found, whole, part):
        assert answer.headers["ETag"] == f'"{DIGEST}"'
        assert answer.headers["Conveyor-SHA256"] == DIGEST
        assert answer.headers["Accept-Ranges"] == "bytes"
    known = await rig.api.raw("GET", rig.link("GET"), headers={"If-None-Match": f'"{DIGEST}"'})
    assert (known.status, await known.read()) == (304, b"")


@pytest.mark.parametrize("size", [0, 1, 65536, 3_000_001])
async def test_a_content_of_any_size_comes_back_as_it_was(rig: Rig, size: int) -> None:
    content = bytes(size)

    async def chunked() -> AsyncIterator[bytes]:  # of no length that is known before
        for start in range(0, size, 100_000):
            yield content[start : start + 100_000]

    status, stored = await rig.api.answer("PUT", rig.link("PUT"), data=chunked())
    assert (status, stored["size"]) == (200, size)
    assert await (await rig.api.raw("GET", rig.link("GET"))).read() == content


Ask = Callable[[Rig], tuple[str, str]]


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda rig: ("GET", "/objects/x"), "the signature of the link is wrong"),
        (lambda rig: ("PUT", rig.link("GET")), "the signature of the link is wrong"),
        (lambda rig: ("GET", rig.link("PUT")), "the signature of the link is wrong"),
        (lambda rig: ("GET", rig.link("GET").replace("t1", "t2")), "the signature of the link is"),
        (lambda rig: ("GET", rig.link("GET").replace("ends=", "ends=9")), "the signature of the"),
        (lambda rig: ("GET", rig.link("GET", seconds=-1)), "the link has ended"),
        (lambda rig: ("GET", "/objects/..%2f..%2fetc/passwd?ends=1&signature=x"), "the signature"),
        (lambda rig: ("GET", "/objects/%00?ends=x&signature=%ff"), "the signature of the link is"),
    ],
)
async def test_a_link_opens_what_it_was_made_for_and_no_more(
    rig: Rig, ask: Ask, reason: str
) -> None:
    await rig.put(TEXT)
    status, body = await rig.api.answer(*ask(rig), data=None)
    assert (status, body["message"][: len(reason)]) == (403, reason)
    assert rig.object_count == 1


async def test_a_signed_name_outside_the_store_is_refused(rig: Rig) -> None:
    for name in ("../x", "a//b", "a\nb"):
        status, _ = await rig.api.answer("PUT", rig.link("PUT", name), data=TEXT)
        assert status in (400, 403, 404), name
    assert rig.object_count == 0
    assert not (rig.root / "x").exists()


async def test_a_content_with_another_checksum_is_not_kept(rig: Rig) -> None:
    status, body = await rig.api.answer(
        "PUT", rig.link("PUT"), data=TEXT, headers={"Conveyor-SHA256": "0" * 64}
    )
    assert status == 422
    assert "has the SHA-256" in body["message"]
    status, body = await rig.api.answer(
        "PUT", rig.link("PUT"), data=TEXT, headers={"Conveyor-SHA256": "md5"}
    )
    assert status == 400
    await rig.until_clean()
    assert (await rig.api.answer("GET", rig.link("GET")))[0] == 404


async def test_a_content_over_the_limit_is_not_kept(rig: Rig) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield bytes(1_000_000)

    for body in (bytes(10_000_001), endless()):
        async with raw_client(rig.api) as client:
            known = isinstance(body, bytes)
            length = "Content-Length: 10000001" if known else "Transfer-Encoding: chunked"
            await client.send(
                f"PUT {rig.link('PUT')} HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n".encode()
            )
            if not isinstance(body, bytes):
                async for chunk in body:
                    await client.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            answer = await client.answer()
            assert b" 413 " in answer
            assert b"the limit is 10000000 bytes" in answer
    await rig.until_clean()
    assert rig.object_count == 0


async def test_a_body_that_breaks_off_or_comes_too_slowly_leaves_nothing(rig: Rig) -> None:
    head = f"PUT {rig.link('PUT')} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n".encode()
    async with raw_client(rig.api) as client:
        await client.send(head + bytes(2_000_000))
        client.writer.transport.abort()
    await rig.until_clean()
    async with raw_client(rig.api) as client:
        await client.send(head + bytes(2_000_000))
        answer = await client.answer()
        assert b" 408 " in answer
        assert b"the body came too slowly" in answer
    await rig.until_clean()
    assert rig.object_count == 0


async def test_a_body_is_asked_for_only_by_who_takes_it(rig: Rig) -> None:
    for method, first in (("PUT", b"HTTP/1.1 100 "), ("GET", b"HTTP/1.1 403 ")):
        link = rig.link("PUT" if method == "PUT" else "GET")
        async with raw_client(rig.api) as client:
            await client.send(
                f"PUT {link} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n"
                "Expect: 100-continue\r\n\r\n".encode()
            )
            assert (await client.head()).startswith(first)
            if method == "PUT":
                await client.send(TEXT)
                assert b" 200 " in await client.head()


async def test_who_stops_reading_is_disconnected_and_gives_its_place_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.coordinator.api.files.transfers._STALLED_SECONDS", 0.3)
    await rig.put(bytes(9_900_000))
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(_hang(rig))
    assert len(await (await rig.api.raw("GET", rig.link("GET"))).read()) == 9_900_000


async def _hang(rig: Rig) -> None:
    async with raw_client(rig.api) as client:
        await client.send(f"GET {rig.link('GET')} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await client.head()

        async def is_cut() -> bool:
            return "conveyor_api_transfers 0.0" in rig.api.metrics.render()[0].decode()

        await eventually(is_cut)
        assert len(await client.rest()) < 9_900_000


async def test_so_many_transfers_at_once_and_no_more(rig: Rig) -> None:
    await rig.put(bytes(9_900_000))
    clients = [raw_client(rig.api) for _ in range(4)]
    opened = [await one.__aenter__() for one in clients]
    for client in opened:
        await client.send(f"GET {rig.link('GET')} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert b" 200 " in await client.head()
    status, body = await rig.api.answer("GET", rig.link("GET"))
    assert (status, body["message"]) == (
        503,
        "too many files are being transferred, try again later",
    )
    for one in clients:
        await one.__aexit__(None, None, None)

    async def is_free() -> bool:
        return (await rig.api.raw("GET", rig.link("GET"))).status == 200

    await eventually(is_free)


async def test_a_content_that_is_damaged_never_ends_well(rig: Rig) -> None:
    await rig.put(b"x" * 3_000_000)
    content = next((rig.root / "contents").iterdir())
    content.write_bytes(b"y" * 3_000_000)
    async with raw_client(rig.api) as client:
        await client.send(f"GET {rig.link('GET')} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert b"Content-Length: 3000000" in await client.head()
        assert len(await client.rest()) < 3_000_000


async def test_without_a_directory_no_object_is_served(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn) as api:
        status, body = await api.answer("GET", "/objects/x")
        assert status == 404
        assert json.dumps(body).count("its store of files is not a directory") == 1
