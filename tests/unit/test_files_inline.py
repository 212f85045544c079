"""Data in the text of a job."""

import base64

import pytest

from conveyor.extensions.files import ObjectMismatch, ObjectRefused, Span
from shared.files.inline import InlineSource
from tests.support.files.stores import read, sha256_of

SOURCE = InlineSource()


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:,a%20b,c", b"a b,c"),
        ("data:text/plain;charset=utf-8,ü", "ü".encode()),
        ("data:;base64,AAEC", b"\x00\x01\x02"),
        ("DATA:application/gzip;BASE64,AA%3D%3D", b"\x00"),
        ("data:;base64," + base64.encodebytes(bytes(200)).decode(), bytes(200)),
        ("data:,", b""),
    ],
)
async def test_a_data_url_is_decoded(url: str, data: bytes) -> None:
    info = await SOURCE.stat(url)

    assert (info.name, info.size, info.sha256) == ("data:", len(data), sha256_of(data))
    assert await read(SOURCE, url, sha256=sha256_of(data)) == data
    assert await read(SOURCE, url, Span(1, 2)) == data[1:3] if data else True


@pytest.mark.parametrize(
    "url", ["", "text", "data:", "data:text", "http://x/,", "data:;base64,A", "data:;base64,a-_="]
)
async def test_what_is_no_data_url_is_refused_without_its_text(url: str) -> None:
    with pytest.raises(ObjectRefused, match=r"^inline data (must be a data URL|is not valid)"):
        await SOURCE.stat(url)


async def test_a_wrong_checksum_or_version_is_a_mismatch() -> None:
    with pytest.raises(ObjectMismatch):
        await read(SOURCE, "data:,x", sha256="0" * 64)
    with pytest.raises(ObjectMismatch):
        await read(SOURCE, "data:,x", version="0" * 64)
