"""An S3 server that checks what is signed: who may do what, by keys and by links."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession
from yarl import URL

from conveyor.extensions.files import ObjectMismatch, ObjectRefused, Span
from shared.files.s3.access import Anonymous, Bucket, Credentials, Keys
from shared.files.s3.store import S3Store
from tests.support.eventually import eventually
from tests.support.files.s3_server import (
    ACCESS_KEY,
    SECRET_KEY,
    S3Server,
    resolve_localhost,
    signed_s3_server,
)
from tests.support.files.stores import (
    MEGABYTE,
    chunks_of,
    in_an_hour,
    names_in,
    noise,
    put,
    read,
    sha256_of,
)

NAME = "job/task/1/a b+ü&=.bin"
DATA = noise(17 * MEGABYTE)
WRONG: list[tuple[Credentials, str]] = [
    (Keys(ACCESS_KEY, "wrong"), "SignatureDoesNotMatch"),
    (Keys("unknown", SECRET_KEY), "InvalidAccessKeyId"),
    (Anonymous(), "UnsupportedAlgorithm|AccessDenied"),
]


@pytest.fixture
def bucket(signed_s3: S3Server) -> Bucket:
    keys = Keys(ACCESS_KEY, SECRET_KEY)
    return Bucket(signed_s3.new_bucket(), signed_s3.url, credentials=keys, prefix="conveyor/")


@pytest.fixture
async def store(bucket: Bucket) -> AsyncIterator[S3Store]:
    store = S3Store(bucket)
    yield store
    await store.close()


@pytest.mark.parametrize("data", [b"", b"small", DATA], ids=len)
async def test_what_is_signed_goes_both_ways(store: S3Store, data: bytes) -> None:
    await store.put(NAME, chunks_of(data), sha256=sha256_of(data))

    info = await store.stat(NAME)
    assert (info.size, info.sha256) == (len(data), sha256_of(data))
    assert await read(store, NAME, version=info.version) == data
    assert await read(store, NAME, Span(0, 3)) == data[:3]
    assert await names_in(store, "job/") == [NAME]
    await store.delete(NAME)
    assert await names_in(store) == []


async def test_the_name_of_the_host_is_signed_where_it_has_the_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_localhost(monkeypatch)
    (tmp_path / "bucket").mkdir()
    with signed_s3_server(tmp_path, "--force-path-style=false") as server:
        endpoint = f"http://localhost:{server.port}"
        keys = Keys(ACCESS_KEY, SECRET_KEY)
        store = S3Store(Bucket("bucket", endpoint, style="virtual", credentials=keys))
        await put(store, NAME, DATA)
        assert await read(store, NAME) == DATA
        assert await names_in(store, "job/") == [NAME]
        await store.close()


@pytest.mark.parametrize(("keys", "code"), WRONG, ids=["secret", "key", "none"])
async def test_wrong_keys_are_refused_with_the_reason_of_the_server(
    bucket: Bucket, store: S3Store, keys: Credentials, code: str
) -> None:
    await put(store, NAME, b"data")
    other = S3Store(replace(bucket, credentials=keys))
    with pytest.raises(ObjectRefused, match=r"403 Forbidden|400 Bad Request"):
        await other.stat(NAME)
    for call in (read(other, NAME), names_in(other), other.put(NAME, chunks_of(b"x"))):
        with pytest.raises(ObjectRefused, match=code):
            await call
    with pytest.raises(ObjectRefused, match=code):
        await other.put(NAME, chunks_of(DATA))
    await other.close()
    assert await read(store, NAME) == b"data"


async def test_another_version_is_noticed_although_the_server_knows_no_conditions(
    store: S3Store,
) -> None:
    before = await put(store, NAME, b"before")
    await put(store, NAME, b"after")
    with pytest.raises(ObjectMismatch, match="changed"):
        await read(store, NAME, version=before)


async def test_a_sweep_finds_nothing_where_the_server_has_no_uploads(store: S3Store) -> None:
    assert await store.sweep(in_an_hour()) == 0


async def test_a_link_allows_what_it_was_signed_for_and_nothing_else(
    bucket: Bucket, store: S3Store
) -> None:
    await put(store, NAME, b"data")
    other = S3Store(replace(bucket, credentials=Keys(ACCESS_KEY, "wrong")))
    get, write = await store.link(NAME, "GET", 60), await store.link(NAME, "PUT", 60)
    ending = await store.link(NAME, "GET", 1)
    async with ClientSession() as session:

        async def status(method: str, link: str) -> int:
            data = b"by link" if method == "PUT" else None
            async with session.request(method, URL(link, encoded=True), data=data) as answer:
                return answer.status

        assert await status("GET", get) == 200
        assert await status("PUT", write) == 200
        assert await read(store, NAME) == b"by link"
        assert await status("PUT", get) == 403
        assert await status("DELETE", write) == 403
        assert await status("GET", get.replace("job/task", "job/other")) == 403
        assert await status("GET", get.replace("Expires=60", "Expires=61")) == 403
        assert await status("GET", await other.link(NAME, "GET", 60)) == 403

        async def has_ended() -> bool:
            return await status("GET", ending) in (400, 403)

        await eventually(has_ended)
    await other.close()
