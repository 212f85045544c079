"""Artifacts on their way to where they are also wanted: S3, IPFS, a directory of this machine."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from conveyor.extensions.files import WHOLE, ObjectRefused, Span
from conveyor.extensions.runtimes import LogSink
from services.worker.files.bringing import naming
from services.worker.files.local_target import LocalTarget
from services.worker.files.progress import Progress, size_text
from services.worker.files.services import FileServices
from shared.definition import Publication, S3Object
from shared.files.archives import Member, file_member, opened_index, write_tar
from shared.files.archives.members import FILE_MODE, Members
from shared.files.factory import ipfs_store, job_bucket
from shared.files.ipfs import IpfsStore
from shared.files.s3.store import S3Store
from shared.files.streams import gzipped
from shared.files.transfers import whole
from shared.messages import KeptArtifact

_AT_ONCE = 8
_ARCHIVE = ".tar.gz"
_PLACEHOLDER = re.compile(r"\{([a-zA-Z]+)\}")


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """`path` is relative to where the artifact goes, "" for a single file."""

    path: str
    span: Span
    size: int
    sha256: str
    mode: int = FILE_MODE


class Target(Protocol):
    async def put(self, file: PublishedFile, chunks: AsyncIterator[bytes]) -> None: ...

    async def url(self) -> str:
        """Once all files are there."""
        ...


class _S3Target:
    def __init__(self, store: S3Store, bucket: str, key: str) -> None:
        self._store, self._bucket, self._key = store, bucket, key

    async def put(self, file: PublishedFile, chunks: AsyncIterator[bytes]) -> None:
        await self._store.put(_joined(self._key, file.path), chunks, sha256=file.sha256)

    async def url(self) -> str:
        return f"s3://{self._bucket}/{self._key}"


class _IpfsTarget:
    def __init__(self, store: IpfsStore, name: str) -> None:
        self._store, self._name = store, name

    async def put(self, file: PublishedFile, chunks: AsyncIterator[bytes]) -> None:
        await self._store.put(_joined(self._name, file.path), chunks, sha256=file.sha256)

    async def url(self) -> str:
        return f"ipfs://{await self._store.cid_of(self._name)}"


class _LocalTarget:
    def __init__(self, folder: LocalTarget, path: str) -> None:
        self._folder, self._path = folder, path

    async def put(self, file: PublishedFile, chunks: AsyncIterator[bytes]) -> None:
        await self._folder.put(_joined(self._path, file.path), file.mode, chunks)

    async def url(self) -> str:
        return self._folder.url(self._path)


@dataclass(frozen=True, slots=True)
class Publisher:
    """`values` are those of the placeholders in keys; `prefix` names objects of the dispatch."""

    services: FileServices
    log: LogSink
    values: Mapping[str, str]
    prefix: str

    async def published(
        self, publications: Sequence[Publication], kept: Sequence[KeptArtifact]
    ) -> tuple[KeptArtifact, ...]:
        """The same with the URLs. Raises RuntimeRejected."""
        urls: dict[str, list[str]] = {each.name: [] for each in kept}
        for number, publication in enumerate(publications, 1):
            for each in kept:
                if publication.artifact in (None, each.name):
                    async with naming(f"publish {number} (artifact {each.name})"):
                        urls[each.name].append(await self._publish(publication, each))
        return tuple(each.model_copy(update={"published": urls[each.name]}) for each in kept)

    async def _publish(self, publication: Publication, kept: KeptArtifact) -> str:
        if publication.s3 is not None and publication.s3.encoding == "gzip":
            return await self._publish_archive(publication.s3, kept)
        async with self._target(publication, kept) as target:
            progress = Progress(self.log, f"publish {kept.name}", kept.size)
            links = list[str]()
            async with aclosing(self._files_of(kept, links)) as files:
                await _each_at_once(files, partial(self._put, target, kept, progress))
            url = await target.url()
        if links:
            await progress.say(f"left out: symbolic links, of which it has {len(links)}")
        await progress.say(f"{size_text(progress.done)} to {url}")
        return url

    async def _publish_archive(self, place: S3Object, kept: KeptArtifact) -> str:
        """As one object, also of a single file."""
        s3 = S3Store(job_bucket(self.services.settings, place))
        key = _archive_key(self._filled(place.key), kept.name)
        progress = Progress(self.log, f"publish {kept.name}", kept.size)
        try:
            async with aclosing(whole(self.services.store, kept.object)) as stored:
                content = self._counted(stored, progress)
                if kept.files is None:
                    file = file_member(kept.file_name, kept.size, content, kept.mode)
                    content = write_tar(_only(file))
                await s3.put(key, gzipped(content))
        finally:
            await s3.close()
        url = f"s3://{place.bucket}/{key}"
        await progress.say(f"{size_text(progress.done)} to {url}")
        return url

    async def _put(
        self, target: Target, kept: KeptArtifact, progress: Progress, file: PublishedFile
    ) -> None:
        store = self.services.store
        async with aclosing(whole(store, kept.object, file.span, sha256=file.sha256)) as chunks:
            await target.put(file, self._counted(chunks, progress))

    async def _counted(
        self, chunks: AsyncIterator[bytes], progress: Progress
    ) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self.services.metrics.published.inc(len(chunk))
            await progress.add(len(chunk))
            yield chunk

    async def _files_of(
        self, kept: KeptArtifact, links: list[str]
    ) -> AsyncGenerator[PublishedFile, None]:
        """And the paths of symbolic links into `links`: not every place has them."""
        if kept.files is None:
            yield PublishedFile("", WHOLE, kept.size, kept.sha256, kept.mode)
            return
        async with opened_index(self.services.store, kept.object, kept.sha256) as (_, entries):
            async for entry in entries:
                if entry.kind == "symlink":
                    links.append(entry.path)
                elif entry.has_content:
                    span = entry.span
                    yield PublishedFile(entry.path, span, entry.size, entry.sha256, entry.mode)

    @asynccontextmanager
    async def _target(self, publication: Publication, kept: KeptArtifact) -> AsyncIterator[Target]:
        settings = self.services.settings
        if publication.s3 is not None:
            s3 = S3Store(job_bucket(settings, publication.s3))
            key = self._name_of(publication, kept, self._filled(publication.s3.key))
            try:
                yield _S3Target(s3, publication.s3.bucket, key)
            finally:
                await s3.close()
        elif publication.local is not None:
            folder = self.services.local_paths.writable(self._filled(publication.local))
            yield _LocalTarget(LocalTarget(folder), self._name_of(publication, kept, ""))
        else:
            ipfs = ipfs_store(settings)
            try:
                yield _IpfsTarget(ipfs, f"{self.prefix}{kept.name}")
            finally:
                await ipfs.close()

    def _name_of(self, publication: Publication, kept: KeptArtifact, key: str) -> str:
        """A single file goes to the key, or under its own name into a key that ends with a slash;
        what is in a directory goes below the key. Where all artifacts go, each has a name there."""
        is_folder = not key or key.endswith("/") or publication.artifact is None
        folder = key.rstrip("/")
        if kept.files is not None:
            return _joined(folder, kept.name if publication.artifact is None else "")
        return _joined(folder, kept.file_name) if is_folder else key

    def _filled(self, template: str) -> str:
        def value(match: re.Match[str]) -> str:
            if match[1] not in self.values:
                raise ObjectRefused(f"{match[0]} is not one of: {', '.join(self.values)}")
            return self.values[match[1]]

        return _PLACEHOLDER.sub(value, template)


def _archive_key(key: str, name: str) -> str:
    if not key or key.endswith("/"):
        return f"{key}{name}{_ARCHIVE}"
    return key if key.endswith((_ARCHIVE, ".tgz")) else f"{key}{_ARCHIVE}"


async def _only(member: Member) -> Members:
    yield member


def _joined(*parts: str) -> str:
    return "/".join(filter(None, parts))


async def _each_at_once(
    files: AsyncIterator[PublishedFile], do: Callable[[PublishedFile], Awaitable[None]]
) -> None:
    """Some at a time; the first that fails ends the others."""
    running = set[asyncio.Future[None]]()
    try:
        async for file in files:
            if len(running) >= _AT_ONCE:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for each in done:
                    each.result()
            running.add(asyncio.ensure_future(do(file)))
        for each in asyncio.as_completed(running):
            await each
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
