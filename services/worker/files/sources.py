"""What a source of a task is: how errors call it, and where it goes."""

import os
import posixpath
from asyncio import to_thread

from yarl import URL

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Place
from services.worker.files import taken
from services.worker.files.services import FileServices
from shared.definition import Source


def label_of(source: Source) -> str:
    if source.chunk is not None:
        return f"chunk {source.chunk}"
    if source.artifact is not None:
        return f"artifact {source.artifact}"
    if source.upload is not None:
        return f"upload {source.upload}"
    if source.url is not None:
        return _shown_url(source.url)
    if source.s3 is not None:
        return f"s3://{source.s3.bucket}/{source.s3.key}"
    if source.ipfs is not None:
        return f"ipfs://{source.ipfs}"
    return source.local if source.local is not None else "inline"


async def place_of(source: Source, services: FileServices) -> Place:
    """Raises FilesError and RuntimeRejected."""
    if source.local is not None and not source.extract:
        return await to_thread(_local_place, source, source.local, services)
    is_directory = await _is_directory(source, services)
    target = source.target.rstrip("/") if is_directory else _file_target(source)
    return Place(target=target, is_directory=is_directory, read_only=source.read_only)


def is_listing(key: str) -> bool:
    """Whether a key of S3 stands for many objects: `directory/`, `prefix*`, or all of a bucket."""
    return not key or key[-1] in "/*"


def _local_place(source: Source, path: str, services: FileServices) -> Place:
    paths = services.local_paths
    is_changed = source.writes or (source.create and not os.path.exists(path))
    resolved = paths.writable(path) if is_changed else paths.readable(path)
    if not os.path.exists(resolved):
        _create(source, resolved, path)
    is_directory = os.path.isdir(resolved)
    return Place(
        target=source.target.rstrip("/") if is_directory else _file_target(source),
        is_directory=is_directory,
        read_only=source.read_only or not services.local_paths.is_writable(resolved),
        bind=resolved,
    )


def _create(source: Source, resolved: str, path: str) -> None:
    if not source.create:
        raise RuntimeRejected(f"{path!r} does not exist")
    is_file = source.create == "file"
    try:
        os.makedirs(os.path.dirname(resolved) if is_file else resolved, exist_ok=True)
        if is_file:
            open(resolved, "ab").close()
    except OSError as error:  # such as a file where a directory would have to be
        raise RuntimeRejected(f"{path!r} can't be created: {error.strerror}") from None


async def _is_directory(source: Source, services: FileServices) -> bool:
    if source.extract or source.children is not None or source.chunk is not None:
        return True
    if source.taken is not None:
        return await taken.is_directory(services.store, source.taken)
    if source.ipfs is None:
        return source.s3 is not None and is_listing(source.s3.key)
    ipfs = services.ipfs_source()
    try:
        return await ipfs.is_directory(source.ipfs)
    finally:
        await ipfs.close()


def _file_target(source: Source) -> str:
    """With a slash at its end, the target is the directory in which the file gets its own name."""
    if not source.target.endswith("/"):
        return source.target
    if name := _own_name(source):
        return source.target + name
    raise RuntimeRejected(f"target {source.target!r} must name the file: it must not end with /")


def _own_name(source: Source) -> str:
    if source.taken is not None:
        return posixpath.basename(source.taken.path) or source.taken.file_name
    if source.url is not None:
        return URL(source.url).name
    path = (source.s3.key if source.s3 else None) or source.ipfs or source.local or ""
    return posixpath.basename(path)


def _shown_url(url: str) -> str:
    """Without what may be secret: user, password and query."""
    try:
        return str(URL(url).with_user(None).with_query(None).with_fragment(None))[:200]
    except ValueError:
        return "url"
