"""Uploads in parts: several at once, and a put of the same content continues one that broke off."""

import hashlib
from asyncio import Semaphore, TaskGroup
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conveyor.extensions.files import FilesError
from shared.files.s3.translation import translated

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import CompletedPartTypeDef

FIRST_PART_BYTES = 8 * 1024 * 1024
_PARTS_OF_ONE_SIZE = 2500
"""Of the 10,000 that an upload may have: so an object can have 300 GB."""
_PARTS_AT_ONCE = 4


def part_size(number: int) -> int:
    """From 0. Doubled as the object grows."""
    return FIRST_PART_BYTES << min(number // _PARTS_OF_ONE_SIZE, 8)


@dataclass(frozen=True, slots=True)
class _Part:
    """`digest` is that of the object up to its end: the parts that follow the same beginning are
    the same."""

    etag: str
    digest: bytes


@dataclass(slots=True)
class Upload:
    """`sha256` is what the whole object is expected to have."""

    bucket: str
    key: str
    id: str
    sha256: str = ""
    size: int = 0
    parts: dict[int, _Part] = field(default_factory=dict)
    """By their number, from 1: those that the server has."""

    def completed(self) -> list["CompletedPartTypeDef"]:
        return [{"PartNumber": n, "ETag": part.etag} for n, part in sorted(self.parts.items())]


async def send_parts(client: "S3Client", upload: Upload, parts: AsyncIterator[bytes]) -> str:
    """All that the server does not have yet. The SHA-256 of the whole object."""
    digest, slots = hashlib.sha256(), Semaphore(_PARTS_AT_ONCE)
    upload.size, number = 0, 0
    kept = upload.parts
    upload.parts = {}
    try:
        async with TaskGroup() as group:
            async for part in parts:
                number += 1
                digest.update(part)
                upload.size += len(part)
                if (known := kept.get(number)) and known.digest == digest.digest():
                    upload.parts[number] = known
                    continue
                await slots.acquire()
                sending = _send(client, upload, number, part, digest.digest())
                group.create_task(sending).add_done_callback(lambda _: slots.release())
    except BaseExceptionGroup as group_error:
        raise _first(group_error) from None
    return digest.hexdigest()


async def _send(
    client: "S3Client", upload: Upload, number: int, part: bytes, digest: bytes
) -> None:
    async with translated(upload.key):
        answer = await client.upload_part(
            Bucket=upload.bucket, Key=upload.key, UploadId=upload.id, PartNumber=number, Body=part
        )
    upload.parts[number] = _Part(answer["ETag"], digest)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What the others follow from: an error of the content before one of the connection."""
    errors = [
        _first(error) if isinstance(error, BaseExceptionGroup) else error
        for error in group.exceptions
    ]
    return next((error for error in errors if isinstance(error, FilesError)), errors[0])
