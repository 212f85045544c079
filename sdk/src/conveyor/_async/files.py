"""Files of jobs, both ways. Every call raises ConveyorError."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from conveyor._async.resources import AsyncResource
from conveyor.contents import Received, Sent, Source, begun, opened
from conveyor.errors import TooManyRequests, Unavailable, UnexpectedAnswer
from conveyor.http import new_key
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
    """What the tasks of a job have kept.

    A `path` is `<task>/<artifact>`, and perhaps a path in it. `<task>` is a `var`, a name or an id.
    After one with children the index of a child may follow, else all of them are meant.
    """

    def list(
        self, job_id: str, *, task: str = "", attempt: int | None = None
    ) -> AsyncIterator[m.KeptArtifact]:
        """In the order of the tasks, each page asked for when it is needed."""
        query = {"task": task, "attempt": attempt}
        return self._pages("/jobs/{id}/files", m.KeptArtifact, _PAGE_SIZE, query=query, id=job_id)

    def entries(self, job_id: str, path: str) -> AsyncIterator[m.Entry]:
        """What is in a directory."""
        query = {"path": path}
        return self._pages("/jobs/{id}/files", m.Entry, _PAGE_SIZE, query=query, id=job_id)

    @asynccontextmanager
    async def open(self, job_id: str, path: str) -> AsyncIterator[AsyncContent]:
        """Its content, a directory as a tar. It goes on where a connection broke off."""
        async with self._opened("/jobs/{id}/files/{path}", id=job_id, path=path) as content:
            yield content

    async def download(self, job_id: str, path: str, target: str | Path = ".") -> Path:
        """Save it, a directory as a tar, under `target` or in that directory; gives where it is.
        Nothing is there before all of it has arrived and its SHA-256 is right."""
        async with self.open(job_id, path) as content:
            return await self._save(content, Path(target))

    async def tar(self, job_id: str, target: str | Path = ".", *, task: str = "") -> Path:
        """As `download`, all that a job or a task has kept."""
        query = {"format": "tar", "task": task}
        async with self._opened("/jobs/{id}/files", id=job_id, query=query) as content:
            return await self._save(content, Path(target))

    @asynccontextmanager
    async def _opened(
        self,
        template: str,
        **parts: Any,  # noqa: ANN401 - as `request` takes them
    ) -> AsyncIterator[AsyncContent]:
        received = Received()
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
                    received.begin(stream.status, stream.headers)
                    async for chunk in stream.chunks():
                        pauses = self._transport.pauses()
                        received.add(chunk)
                        yield chunk
                received.check()
                return
            except (Unavailable, TooManyRequests):
                pause = next(pauses, None)
                if pause is None or not received.can_go_on:
                    raise
                await asyncio.sleep(pause)

    async def _save(self, content: AsyncContent, target: Path) -> Path:
        partial = await in_thread(begun, target, content.name)
        try:
            with partial.file as file:
                async for chunk in content:
                    await in_thread(file.write, chunk)
            return await in_thread(partial.complete)
        finally:
            partial.discard()


class AsyncUploads(AsyncResource):
    """Files that you have sent for jobs to use."""

    async def create(
        self, source: Source, name: str = "", *, idempotency_key: str | None = None
    ) -> m.Upload:
        """Send a file; `uploads` of a job can name its id. `source` is a path, bytes, or a file
        that is open for reading bytes, from where it is. However often it is sent, it is kept once.
        Raises OSError where the file can't be read."""
        with opened(source, name) as sent:
            answer = await self._transport.upload(
                "POST",
                "/uploads",
                lambda: self._pieces(sent),
                query={"name": sent.name},
                headers=sent.headers(),
                key=idempotency_key or new_key(),
            )
            upload = m.Upload.of(answer)
            if upload.sha256 != sent.sha256:
                raise UnexpectedAnswer(f"{sent.name}: it arrived with another SHA-256")
            return upload

    async def _pieces(self, sent: Sent) -> AsyncIterator[bytes]:
        digest = hashlib.sha256()
        await in_thread(sent.file.seek, sent.start)
        while piece := await in_thread(sent.file.read, _PIECE_BYTES):
            digest.update(piece)
            yield piece
        sent.sha256 = digest.hexdigest()

    def list(self) -> AsyncIterator[m.Upload]:
        """Newest first."""
        return self._pages("/uploads", m.Upload)

    async def get(self, upload_id: str) -> m.Upload:
        return m.Upload.of(await self._call("GET", "/uploads/{id}", id=upload_id))

    async def delete(self, upload_id: str) -> None:
        """Raises Conflict where a job or a scheduled job uses it."""
        await self._call("DELETE", "/uploads/{id}", id=upload_id)
