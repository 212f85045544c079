"""Single objects that are fetched: where each comes from, and what tells it from every other."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from conveyor.extensions.files import WHOLE, FileSource, ObjectInfo, Span
from services.worker.files.cache import Content, key_of
from shared.definition import S3Object
from shared.files.archives.members import FILE_MODE
from shared.files.ipfs import IpfsSource
from shared.files.transfers import whole

_A_LITTLE = Span(0, 1)


@dataclass(frozen=True, slots=True)
class Origin:
    """`key` is that of the cache, None for what may be other content the next time. `size` None:
    nobody knows it yet."""

    key: str | None
    size: int | None
    content: Content
    sha256: str = ""
    mode: int = FILE_MODE


def stored_origin(
    store: FileSource,
    object_name: str,
    size: int,
    sha256: str,
    span: Span = WHOLE,
    mode: int = FILE_MODE,
) -> Origin:
    """In the store of files the same content is the same, whoever kept it: planning has checked
    that the task may have it."""

    def content() -> AsyncGenerator[bytes, None]:
        return whole(store, object_name, span, sha256=sha256)

    return Origin(key_of("store", sha256), size, content, sha256, mode)


async def url_origin(
    source: FileSource, url: str, headers: Mapping[str, str], sha256: str
) -> Origin:
    """It is asked for each time, so nobody has it from the cache who may not have it. By GET: the
    signature of a link may allow nothing else."""
    return await _checked_origin(source, url, ("url", url, *map(str, headers.items())), sha256)


async def s3_origin(source: FileSource, place: S3Object, key: str, sha256: str = "") -> Origin:
    parts = ("s3", place.endpoint, place.bucket, key)
    return await _checked_origin(source, key, parts, sha256, place.version_id)


def listed_origin(source: FileSource, place: S3Object, info: ObjectInfo) -> Origin:
    """Of an object that was found in its bucket. Who may list may perhaps not read: what one login
    has fetched is not given to another, so that nothing needs to be asked."""
    name, version = info.name, info.version
    login = place.credentials, place.access_key
    key = key_of("s3", place.endpoint, place.bucket, *login, name, version)
    return Origin(key, info.size, lambda: whole(source, name, version=version))


async def ipfs_origin(source: IpfsSource, path: str, sha256: str) -> Origin:
    return await _checked_origin(source, path, ("ipfs",), sha256)


async def ipfs_tree_origin(source: IpfsSource, path: str) -> Origin:
    """Of a directory, as a tar."""
    cid = await source.cid_of(path)
    return Origin(key_of("ipfs tree", cid), None, lambda: source.archive(f"/ipfs/{cid}"))


async def _checked_origin(
    source: FileSource, name: str, parts: tuple[str, ...], sha256: str, version: str = ""
) -> Origin:
    """Raises FilesError where the source does not give it to this task."""
    async with source.get(name, _A_LITTLE, version=version) as content:
        info = content.info
    known = version or info.version

    def content_of() -> AsyncGenerator[bytes, None]:
        return whole(source, name, sha256=sha256, version=known)

    identity = sha256.lower() or known
    return Origin(key_of(*parts, identity) if identity else None, info.size, content_of)
