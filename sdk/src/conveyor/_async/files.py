"""Files of jobs, both ways. Every call raises ConveyorError."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from conveyor._async.resources import AsyncResource
from conveyor.contents import Received, Saving, Sent, Source, opened
from conveyor.errors import Damaged, TooManyRequests, Unavailable
from conveyor.http import Progress, new_key
from conveyor.lazy import models as m
from conveyor.threads import in_thread

_PAGE_SIZE = 100
_PIECE_BYTES = 256 * 1024


class AsyncContent:
    """A file as it arrives. Iterate over it once; it raises at the end if it is not as it was
    kept."""

    def __init__(self, received: Received, first: bytes, rest: AsyncIterator[bytes]) -> None:
        self._received = received
        self._first = first
        self._rest = rest

    @property
    def name(self) -> str:
        """That of the file, or of the directory with `.tar`."""
        return self._received.name

    @property
    def is_directory(self) -> bool:
        """Then it is a tar."""
        return self._received.is_directory

    @property
    def size(self) -> int | None:
        """In bytes. None where the server makes it on the way."""
        return self._received.size

    @property
    def sha256(self) -> str:
        """Empty where the server makes it on the way."""
        return self._received.sha256

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._first
        async for chunk in self._rest:
            yield chunk


class AsyncFiles(AsyncResource):
    """What the tasks of a job and of its sub-jobs have kept.

    A `path` is `<task>/<artifact>`, and perhaps a path in it. `<task>` is a `var`, a name or an id.
    After one with children the index of a child may follow, else all of them are meant. After one
    that is a job one of its tasks may follow.
    """

    def list(
        self, job_id: str, *, task: str = "", attempt: int | None = None
    ) -> AsyncIterator[m.KeptArtifact]:
        """In the order of the tasks, each page asked for when it is needed. Of a `task` that is a
        job all of its tasks are meant."""
        query = {"task": task, "attempt": attempt}
        return self._pages("/jobs/{id}/files", m.KeptArtifact, _PAGE_SIZE, query=query, id=job_id)

    def entries(self, job_id: str, path: str) -> AsyncIterator[m.Entry]:
        """What is in a directory."""
        query = {"path": path}
        return self._pages("/jobs/{id}/files", m.Entry, _PAGE_SIZE, query=query, id=job_id)

    @asynccontextmanager
    async def open(self, job_id: str, path: str = "") -> AsyncIterator[AsyncContent]:
        """Its content, a directory as a tar; without `path` all that the job has kept. It goes on
        where a connection broke off."""
        if path:
            opened = self._opened("/jobs/{id}/files/{path}", Received(), id=job_id, path=path)
        else:
            query = {"format": "tar"}
            opened = self._opened("/jobs/{id}/files", Received(), id=job_id, query=query)
        async with opened as content:
            yield content

    async def download(
        self,
        job_id: str,
        path: str,
        target: str | Path = ".",
        *,
        unpack: bool = True,
        progress: Progress | None = None,
    ) -> Path:
        """Save it as `target`, or in that directory; gives where it is. A directory is unpacked, or
        with `unpack=False` a tar.

        Nothing has its name before all of it has arrived and its SHA-256 is right. What was
        interrupted goes on where it was, also the next time. Raises Damaged.
        """
        saving = Saving(Path(target), unpacks=unpack, progress=progress)
        return await self._save("/jobs/{id}/files/{path}", saving, id=job_id, path=path)

    async def tar(self, job_id: str, target: str | Path = ".", *, task: str = "") -> Path:
        """As `download`, all that a job or a task has kept, as a tar."""
        query = {"format": "tar", "task": task}
        return await self._save("/jobs/{id}/files", Saving(Path(target)), id=job_id, query=query)

    @asynccontextmanager
    async def _opened(
        self,
        template: str,
        received: Received,
        **parts: Any,  # noqa: ANN401 - as `request` takes them
    ) -> AsyncIterator[AsyncContent]:
        async with aclosing(self._chunks(received, template, parts)) as chunks:
            first = await anext(chunks, b"")
            yield AsyncContent(received, first, chunks)

    async def _chunks(
        self, received: Received, template: str, parts: dict[str, Any]
    ) -> AsyncGenerator[bytes, None]:
        pauses = self._transport.pauses()
        while True:
            try:
                async with self._transport.stream(
                    template, headers=received.headers(), **parts
                ) as stream:
                    if await in_thread(received.begin, stream.status, stream.headers):
                        async for chunk in stream.chunks():
                            pauses = self._transport.pauses()
                            received.add(chunk)
                            yield chunk
                    elif not received.is_whole:
                        continue
                received.check()
                return
            except (Unavailable, TooManyRequests):
                pause = next(pauses, None)
                if pause is None or not received.can_go_on:
                    raise
                await asyncio.sleep(pause)

    async def _save(
        self,
        template: str,
        saving: Saving,
        **parts: Any,  # noqa: ANN401 - as above
    ) -> Path:
        with saving:
            async with self._opened(template, saving, **parts) as content:
                async for chunk in content:
                    await in_thread(saving.write, chunk)
            return await in_thread(saving.publish)


class AsyncUploads(AsyncResource):
    """Files that you have sent for jobs to use."""

    async def create(
        self,
        source: Source,
        name: str = "",
        *,
        idempotency_key: str | None = None,
        progress: Progress | None = None,
    ) -> m.Upload:
        """Send a file; `uploads` of a job can name its id. `source` is a path, bytes, or a file
        that is open for reading bytes, from where it is. However often it is sent, it is kept once.
        Raises OSError where the file can't be read."""
        with opened(source, name) as sent:
            answer = await self._transport.upload(
                "POST",
                "/uploads",
                lambda: self._pieces(sent, progress),
                query={"name": sent.name},
                headers=sent.headers(),
                key=idempotency_key or new_key(),
            )
            upload = m.Upload.of(answer)
            if upload.sha256 != sent.sha256:
                raise Damaged(f"{sent.name}: it arrived with another SHA-256")
            return upload

    async def _pieces(self, sent: Sent, progress: Progress | None) -> AsyncIterator[bytes]:
        digest = hashlib.sha256()
        await in_thread(sent.file.seek, sent.start)
        while piece := await in_thread(sent.file.read, _PIECE_BYTES):
            digest.update(piece)
            yield piece
            if progress:
                progress(sent.file.tell() - sent.start, sent.size)
        sent.sha256 = digest.hexdigest()

    def list(self) -> AsyncIterator[m.Upload]:
        """Newest first."""
        return self._pages("/uploads", m.Upload)

    async def get(self, upload_id: str) -> m.Upload:
        return m.Upload.of(await self._call("GET", "/uploads/{id}", id=upload_id))

    async def delete(self, upload_id: str) -> None:
        """Raises Conflict where a job or a scheduled job uses it."""
        await self._call("DELETE", "/uploads/{id}", id=upload_id)
