"""What is S3's own: keys, styles, versions, uploads in parts, and signed links."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from conveyor.extensions.files import (
    FilesError,
    ObjectMismatch,
    ObjectMissing,
    ObjectRefused,
    Span,
    StoreUnavailable,
)
from shared.files.s3.access import Anonymous, Bucket, Credentials, Environment, KeyFile, Keys
from shared.files.s3.store import S3Store
from shared.network.guard import Guard
from tests.support.files.cutting_link import cutting_link
from tests.support.files.s3_server import (
    ACCESS_KEY,
    SECRET_KEY,
    S3Server,
    resolve_localhost,
)
from tests.support.files.site import served_site
from tests.support.files.stores import MEGABYTE, chunks_of, in_an_hour, names_in, noise, put, read

NAME = "job/task/1/out.bin"
KEYS = Keys(ACCESS_KEY, SECRET_KEY)
DATA = noise(40 * MEGABYTE)


@pytest.fixture
def bucket(s3: S3Server) -> Bucket:
    return Bucket(s3.new_bucket(), s3.url, credentials=KEYS)


async def link_of(bucket: Bucket) -> str:
    store = S3Store(bucket)
    link = await store.link("a b", "GET", 60)
    await store.close()
    return link


async def test_a_bucket_is_addressed_by_its_style_and_region() -> None:
    aws = Bucket("data", region="eu-central-1", credentials=KEYS)
    other = replace(aws, endpoint="http://s3.example:9000")
    starts = {
        aws: "https://data.s3.eu-central-1.amazonaws.com/a%20b?",
        replace(aws, style="path"): "https://s3.eu-central-1.amazonaws.com/data/a%20b?",
        other: "http://s3.example:9000/data/a%20b?",
        replace(other, style="virtual"): "http://data.s3.example:9000/a%20b?",
    }
    for bucket, start in starts.items():
        link = await link_of(bucket)
        assert link.startswith(start)
        assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in link
        assert "%2Feu-central-1%2Fs3%2F" in link
        assert "X-Amz-Expires=60" in link


async def test_a_bucket_in_the_name_of_the_host_works_as_one_in_the_path(
    s3: S3Server, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_localhost(monkeypatch)
    store = S3Store(replace(bucket, endpoint=f"http://localhost:{s3.port}", style="virtual"))
    data = noise(17 * MEGABYTE)

    version = await put(store, "a b/ü", data)

    assert await read(store, "a b/ü", Span(MEGABYTE), version=version) == data[MEGABYTE:]
    assert await names_in(store, "a b") == ["a b/ü"]
    await store.delete("a b/ü")
    assert await names_in(store) == []
    await store.close()


async def test_keys_come_from_the_environment_a_file_or_the_caller(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "KEYOFENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id=KEYOFDEFAULT\naws_secret_access_key=s\n"
                    "[two]\naws_access_key_id=KEYOFTWO\naws_secret_access_key=s\n")  # fmt: skip
    expected: dict[Credentials, str] = {
        Environment(): "KEYOFENVIRONMENT",
        KeyFile(file, "two"): "KEYOFTWO",
        Keys("KEYOFCALLER", "s"): "KEYOFCALLER",
    }
    for credentials, key in expected.items():
        link = await link_of(Bucket("b", "http://s3.example", credentials=credentials))
        assert f"X-Amz-Credential={key}%2F" in link
    assert "X-Amz" not in await link_of(Bucket("b", credentials=Anonymous()))


async def test_keys_that_are_not_there_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    wrong: list[Credentials] = [Environment(), KeyFile(tmp_path / "no", "two")]
    for credentials in wrong:
        store = S3Store(Bucket("b", "http://127.0.0.1:1", credentials=credentials))
        with pytest.raises(ObjectRefused, match=r"Unable to locate credentials|could not be found"):
            await store.stat(NAME)
        await store.close()


def test_no_secret_is_shown() -> None:
    assert "hush" not in repr(Bucket("b", credentials=Keys("k", "hush", "hush")))


async def test_a_bucket_that_does_not_exist_is_refused(bucket: Bucket) -> None:
    store = S3Store(replace(bucket, name="no-such-bucket"))
    with pytest.raises(ObjectRefused, match="NoSuchBucket"):
        await store.put(NAME, chunks_of(b"x"))
    await store.close()


async def test_an_endpoint_inside_the_network_is_refused_by_the_guard(
    bucket: Bucket, one_try: None
) -> None:
    store = S3Store(replace(bucket, guard=Guard(setting="THE_SETTING")))
    with pytest.raises(ObjectRefused, match="its network is loopback, see THE_SETTING"):
        await store.stat(NAME)
    await store.close()


async def test_an_older_version_stays_readable_in_a_bucket_that_keeps_versions(
    s3: S3Server, bucket: Bucket
) -> None:
    enabled = {"Status": "Enabled"}
    s3.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration=enabled)
    store = S3Store(bucket)
    first = await put(store, NAME, b"first")
    second = await put(store, NAME, noise(9 * MEGABYTE))

    assert (await store.stat(NAME)).version == second
    assert await read(store, NAME, version=first) == b"first"
    assert await read(store, NAME, version=second) == noise(9 * MEGABYTE)
    with pytest.raises((ObjectMissing, ObjectMismatch, ObjectRefused)):
        await read(store, NAME, version="0" * 32)
    await store.close()


async def test_signed_links_read_and_write_without_keys(bucket: Bucket) -> None:
    store = S3Store(bucket)
    async with ClientSession() as session:
        async with session.put(await store.link(NAME, "PUT", 60), data=b"by link") as answer:
            assert answer.status == 200
        assert await read(store, NAME) == b"by link"
        async with session.get(await store.link(NAME, "GET", 60)) as answer:
            assert await answer.read() == b"by link"
    await store.close()


@pytest.fixture
def one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.files.s3.client._TRIES", 1)
    monkeypatch.setattr("shared.files.s3.uploads._PARTS_AT_ONCE", 1)


@pytest.fixture
async def cut_put(s3: S3Server, bucket: Bucket, one_try: None) -> AsyncIterator[S3Store]:
    """A store whose put of DATA was cut after 20 MB; its connection works again."""
    async with cutting_link(s3.port) as link:
        store = S3Store(replace(bucket, endpoint=f"http://127.0.0.1:{link.port}"))
        link.left_up = 20 * MEGABYTE
        with pytest.raises(StoreUnavailable):
            await store.put(NAME, chunks_of(DATA))
        assert s3.unfinished(bucket.name) == 1
        link.left_up = 36 * MEGABYTE  # of 40: not all of it fits through again
        yield store
        await store.close()


async def test_a_put_goes_on_where_one_of_the_same_content_was_cut(
    s3: S3Server, bucket: Bucket, cut_put: S3Store
) -> None:
    await put(cut_put, NAME, DATA)

    assert s3.unfinished(bucket.name) == 0
    store = S3Store(bucket)
    assert await read(store, NAME) == DATA
    await store.close()


async def test_a_put_of_other_content_takes_nothing_of_the_one_that_was_cut(
    cut_put: S3Store,
) -> None:
    other = noise(2 * MEGABYTE, 1) + DATA[: 20 * MEGABYTE]

    await put(cut_put, NAME, other)

    assert await read(cut_put, NAME) == other


async def test_a_sweep_ends_the_upload_that_nobody_goes_on_with(
    s3: S3Server, bucket: Bucket, cut_put: S3Store
) -> None:
    assert await cut_put.sweep(in_an_hour()) == 1

    assert s3.unfinished(bucket.name) == 0
    with pytest.raises(StoreUnavailable):
        await put(cut_put, NAME, DATA[: 10 * MEGABYTE])
    await put(cut_put, NAME, DATA[: 10 * MEGABYTE])
    assert await names_in(cut_put) == [NAME]


@pytest.mark.parametrize("status", [200, 206, 400, 403])
async def test_what_does_not_speak_s3_is_a_store_that_cannot_be_used(status: int) -> None:
    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text="<html>a proxy")

    async with served_site() as site:
        site.serve("/bucket/a", page)
        site.serve("/bucket", page)
        store = S3Store(Bucket("bucket", site.url, credentials=KEYS))
        with pytest.raises(FilesError):
            await read(store, "a")
        with pytest.raises(FilesError):
            await names_in(store)
        with pytest.raises(FilesError):
            await put(store, "a", b"1")
        await store.close()
