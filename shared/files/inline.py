"""Data that a job brings in its own text, as a data URL (RFC 2397)."""

import base64
import binascii
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import unquote_to_bytes

from conveyor.extensions.files import WHOLE, Content, ObjectInfo, ObjectRefused, Span
from shared.files.streams import check_digest, check_version, length_of, of_bytes

SHOWN_NAME = "data:"
"""Of all of them: the data may be a secret, and long."""


class InlineSource:
    """The name of an object is its data URL: `data:,text`, `data:;base64,AAEC`."""

    async def stat(self, name: str) -> ObjectInfo:
        return _info(_decoded(name))

    @asynccontextmanager
    async def get(
        self, name: str, span: Span = WHOLE, *, sha256: str = "", version: str = ""
    ) -> AsyncIterator[Content]:
        data = _decoded(name)
        info = _info(data)
        check_version(SHOWN_NAME, info.version, version)
        check_digest(SHOWN_NAME, info.sha256, sha256)
        length = length_of(span, SHOWN_NAME, len(data))
        yield Content(info, of_bytes(data[span.start : span.start + length]))

    async def close(self) -> None:
        pass


def _info(data: bytes) -> ObjectInfo:
    digest = hashlib.sha256(data).hexdigest()
    return ObjectInfo(SHOWN_NAME, len(data), digest, version=digest)


def _decoded(url: str) -> bytes:
    scheme, _, rest = url.partition(":")
    kind, comma, text = rest.partition(",")
    if scheme.lower() != "data" or not comma:
        raise ObjectRefused("inline data must be a data URL such as data:,text")
    try:
        data = unquote_to_bytes(text)
    except UnicodeEncodeError:
        raise ObjectRefused("inline data is not valid Unicode") from None
    if not kind.lower().endswith(";base64"):
        return data
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        raise ObjectRefused("inline data is not valid base64") from None
