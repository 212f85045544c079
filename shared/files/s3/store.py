"""Objects in a bucket of S3."""

import hashlib
import re
from asyncio import timeout
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict

import structlog

from conveyor.extensions.files import (
    WHOLE,
    Content,
    FilesError,
    LinkMethod,
    ObjectInfo,
    Span,
    Stored,
    StoreUnavailable,
    check_name,
    check_prefix,
)
from shared.files.cleanup import to_its_end
from shared.files.s3.access import Bucket
from shared.files.s3.client import LazyClient
from shared.files.s3.translation import translated
from shared.files.s3.uploads import Upload, part_size, send_parts
from shared.files.streams import (
    check_digest,
    check_version,
    in_pieces,
    length_of,
    of_bytes,
    verified,
)

if TYPE_CHECKING:
    from aiobotocore.response import StreamingBody
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import GetObjectOutputTypeDef, MultipartUploadTypeDef

_CHUNK_BYTES = 256 * 1024
_ABORT_SECONDS = 5.0
_SHA256 = "conveyor-sha256"
"""The metadata of an object with its SHA-256; one that is sent in parts may have none."""
_PAGE_SIZE = 1000
_MOST_UNFINISHED = 100
_log = structlog.get_logger()


class _Target(TypedDict):
    Bucket: str
    Key: str


class S3Store:
    """A put that ends in StoreUnavailable leaves what it has sent: the next put of that name goes
    on from there, if the content is the same up to there. `close` it."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._client = LazyClient(bucket)
        self._unfinished: dict[str, Upload] = {}

    async def stat(self, name: str) -> ObjectInfo:
        target = self._target(name)
        async with translated(name):
            client = await self._client()
            return _info(name, await client.head_object(**target))

    @asynccontextmanager
    async def get(
        self, name: str, span: Span = WHOLE, *, sha256: str = "", version: str = ""
    ) -> AsyncIterator[Content]:
        request = {**self._target(name), **_version(version), **_range(span)}
        async with translated(name):
            client = await self._client()
            answer = None if span.length == 0 else await _get_object(client, request)
            info = None if answer is None else _info(name, answer)
        if answer is None or info is None:  # S3 has no empty ranges
            info = await self.stat(name)
            length_of(span, name, info.size or 0)
            yield Content(info, of_bytes(b""))
            return
        length = answer["ContentLength"]
        check_version(name, info.version, version)  # not all servers know If-Match
        expected = (sha256 or info.sha256) if span.is_whole else ""
        try:
            chunks = _translated_chunks(name, answer["Body"])
            yield Content(info, verified(chunks, name, length, expected))
        finally:
            answer["Body"].close()

    async def put(self, name: str, content: AsyncIterator[bytes], *, sha256: str = "") -> Stored:
        target, sha256 = self._target(name), sha256.lower()
        parts = in_pieces(content, part_size)
        first = await anext(parts, b"")
        if len(first) < part_size(0):
            return await self._put_whole(name, target, first, sha256)
        return await self._put_in_parts(name, target, _following(first, parts), sha256)

    async def _put_whole(self, name: str, target: _Target, data: bytes, sha256: str) -> Stored:
        digest = hashlib.sha256(data).hexdigest()
        check_digest(name, digest, sha256)
        async with translated(name):
            client = await self._client()
            answer = await client.put_object(**target, Body=data, Metadata={_SHA256: digest})
            return Stored(name, len(data), digest, _version_of(answer))

    async def _put_in_parts(
        self, name: str, target: _Target, parts: AsyncIterator[bytes], sha256: str
    ) -> Stored:
        async with translated(name):
            client = await self._client()
            upload = await self._continued(name, sha256) or await _begin(client, target, sha256)
        had = len(upload.parts)
        try:
            digest = await send_parts(client, upload, parts)
            check_digest(name, digest, sha256)
            async with translated(name):
                answer = await client.complete_multipart_upload(
                    **target, UploadId=upload.id, MultipartUpload={"Parts": upload.completed()}
                )
        except BaseException as error:
            # One that gained nothing may be gone at the server: it must not be tried for ever.
            if isinstance(error, StoreUnavailable) and len(upload.parts) > had:
                await self._remember(name, upload)
            else:
                await to_its_end(self._abort(upload))
            raise
        return Stored(name, upload.size, digest, _version_of(answer))

    async def list_objects(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        start = len(self._bucket.prefix)
        async with translated(check_prefix(prefix)):
            pages = (await self._client()).get_paginator("list_objects_v2")
            async for page in pages.paginate(
                Bucket=self._bucket.name,
                Prefix=self._bucket.prefix + prefix,
                PaginationConfig={"PageSize": _PAGE_SIZE},
            ):
                for found in page.get("Contents", []):
                    yield ObjectInfo(
                        found["Key"][start:],
                        found["Size"],
                        version=found["ETag"],
                        modified_at=found["LastModified"],
                    )

    async def delete(self, name: str) -> None:
        target = self._target(name)
        if upload := self._unfinished.pop(name, None):
            await self._abort(upload)
        async with translated(name):
            await (await self._client()).delete_object(**target)

    async def link(self, name: str, method: LinkMethod, seconds: int) -> str:
        call = {"GET": "get_object", "PUT": "put_object"}[method]
        target = self._target(name)
        async with translated(name):
            client = await self._client()
            return await client.generate_presigned_url(call, Params=target, ExpiresIn=seconds)

    async def sweep(self, before: datetime) -> int:
        """Servers that list no unfinished uploads, such as MinIO, remove them by themselves."""
        removed = 0
        async with translated(self._bucket.name):
            async for found in self._unfinished_uploads():
                if found["Initiated"] < before:
                    await self._abort(Upload(self._bucket.name, found["Key"], found["UploadId"]))
                    removed += 1
        return removed

    async def _unfinished_uploads(self) -> AsyncIterator["MultipartUploadTypeDef"]:
        from botocore.exceptions import ClientError

        pages = (await self._client()).get_paginator("list_multipart_uploads")
        try:
            async for page in pages.paginate(Bucket=self._bucket.name, Prefix=self._bucket.prefix):
                for found in page.get("Uploads", []):
                    yield found
        except ClientError as error:  # some servers say so of a bucket that has none
            if error.response["Error"].get("Code") != "NoSuchUpload":
                raise

    async def close(self) -> None:
        await self._client.close()

    def _target(self, name: str) -> _Target:
        return {"Bucket": self._bucket.name, "Key": self._bucket.prefix + check_name(name)}

    async def _continued(self, name: str, sha256: str) -> Upload | None:
        upload = self._unfinished.pop(name, None)
        if upload is not None and upload.sha256 != sha256:
            await self._abort(upload)
            return None
        return upload

    async def _remember(self, name: str, upload: Upload) -> None:
        self._unfinished[name] = upload
        if len(self._unfinished) > _MOST_UNFINISHED:
            oldest = next(iter(self._unfinished))
            await self._abort(self._unfinished.pop(oldest))

    async def _abort(self, upload: Upload) -> None:
        try:
            async with timeout(_ABORT_SECONDS), translated(upload.key):
                await (await self._client()).abort_multipart_upload(
                    Bucket=upload.bucket, Key=upload.key, UploadId=upload.id
                )
        except (FilesError, TimeoutError) as error:  # a sweep removes it
            _log.warning("upload_abort_failed", key=upload.key, error=str(error))


async def _begin(client: "S3Client", target: _Target, sha256: str) -> Upload:
    metadata = {_SHA256: sha256} if sha256 else {}
    answer = await client.create_multipart_upload(**target, Metadata=metadata)
    return Upload(target["Bucket"], target["Key"], answer["UploadId"], sha256)


async def _get_object(
    client: "S3Client", request: Mapping[str, Any]
) -> "GetObjectOutputTypeDef | None":
    """None where the range has no bytes."""
    from botocore.exceptions import ClientError

    try:
        return await client.get_object(**request)
    except ClientError as error:
        if error.response["Error"].get("Code") in ("InvalidRange", "416"):
            return None
        raise


async def _translated_chunks(name: str, body: "StreamingBody") -> AsyncIterator[bytes]:
    async with translated(name):
        async for chunk in body.iter_chunks(_CHUNK_BYTES):
            yield chunk


async def _following(first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in parts:
        yield part


def _range(span: Span) -> dict[str, str]:
    if span.is_whole:
        return {}
    last = "" if span.length is None else span.start + span.length - 1
    return {"Range": f"bytes={span.start}-{last}"}


def _version(version: str) -> dict[str, str]:
    """Of a bucket without versions it is the ETag, which stands in quotes."""
    if not version:
        return {}
    return {"IfMatch": version} if version.startswith('"') else {"VersionId": version}


def _version_of(answer: Mapping[str, Any]) -> str:
    version = str(answer.get("VersionId") or "null")
    return str(answer["ETag"]) if version == "null" else version


def _info(name: str, answer: Mapping[str, Any]) -> ObjectInfo:
    ranged = re.fullmatch(r"bytes .*/([0-9]+)", answer.get("ContentRange", ""))
    size = int(ranged[1]) if ranged else answer["ContentLength"]
    sha256 = answer.get("Metadata", {}).get(_SHA256, "")
    return ObjectInfo(name, size, sha256, _version_of(answer), answer["LastModified"])
