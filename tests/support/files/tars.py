"""Small tars, made and read by the standard library."""

import io
import tarfile
from collections.abc import AsyncIterable, AsyncIterator


def tar_info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mtime, info.uid = kind, link, 1_700_000_000, 1000
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o640
    return info


def file_info(name: str, data: bytes, mode: int = 0o640) -> tuple[tarfile.TarInfo, bytes]:
    info = tar_info(name)
    info.size, info.mode = len(data), mode
    return info, data


def made_tar(
    *entries: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT
) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=format) as tar:
        for entry in entries:
            info, data = entry if isinstance(entry, tuple) else (entry, b"")
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


def tar_of_files(files: dict[str, bytes]) -> bytes:
    return made_tar(*(file_info(name, data) for name, data in files.items()))


def files_in(data: bytes) -> dict[str, bytes]:
    """By name, hard links included; of a symbolic link its target with an arrow."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {info.name: _content(tar, info) for info in tar}


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    if info.issym():
        return f"-> {info.linkname}".encode()
    file = tar.extractfile(info)
    return b"/" if file is None else file.read()


async def in_chunks(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def joined(chunks: AsyncIterable[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])
