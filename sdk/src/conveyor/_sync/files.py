"""Files of jobs, both ways. Every call raises ConveyorError."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from conveyor._sync.resources import Resource
from conveyor.contents import Received, Saving, Sent, Source, opened
from conveyor.errors import Damaged, TooManyRequests, Unavailable
from conveyor.http import Progress, new_key
from conveyor.lazy import models as m
from conveyor.threads import directly

_PAGE_SIZE = 100
_PIECE_BYTES = 256 * 1024


class Content:
    """A file as it arrives. Iterate over it once; it raises at the end if it is not as it was
    kept."""

    def __init__(self, received: Received, first: bytes, rest: Iterator[bytes]) -> None:
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

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        for chunk in self._rest:
            yield chunk


class Files(Resource):
    """What the tasks of a job and of its sub-jobs have kept.

    A `path` is `<task>/<artifact>`, and perhaps a path in it. `<task>` is a `var`, a name or an id.
    After one with children the index of a child may follow, else all of them are meant. After one
    that is a job one of its tasks may follow.
    """

    def list(
        self, job_id: str, *, task: str = "", attempt: int | None = None
    ) -> Iterator[m.KeptArtifact]:
        """In the order of the tasks, each page asked for when it is needed. Of a `task` that is a
        job all of its tasks are meant."""
        query = {"task": task, "attempt": attempt}
        return self._pages("/jobs/{id}/files", m.KeptArtifact, _PAGE_SIZE, query=query, id=job_id)

    def entries(self, job_id: str, path: str) -> Iterator[m.Entry]:
        """What is in a directory."""
        query = {"path": path}
        return self._pages("/jobs/{id}/files", m.Entry, _PAGE_SIZE, query=query, id=job_id)

    @contextmanager
    def open(self, job_id: str, path: str = "") -> Iterator[Content]:
        """Its content, a directory as a tar; without `path` all that the job has kept. It goes on
        where a connection broke off."""
        if path:
            opened = self._opened("/jobs/{id}/files/{path}", Received(), id=job_id, path=path)
        else:
            query = {"format": "tar"}
            opened = self._opened("/jobs/{id}/files", Received(), id=job_id, query=query)
        with opened as content:
            yield content

    def download(
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
        return self._save("/jobs/{id}/files/{path}", saving, id=job_id, path=path)

    def tar(self, job_id: str, target: str | Path = ".", *, task: str = "") -> Path:
        """As `download`, all that a job or a task has kept, as a tar."""
        query = {"format": "tar", "task": task}
        return self._save("/jobs/{id}/files", Saving(Path(target)), id=job_id, query=query)

    @contextmanager
    def _opened(
        self,
        template: str,
        received: Received,
        **parts: Any,  # noqa: ANN401 - as `request` takes them
    ) -> Iterator[Content]:
        with closing(self._chunks(received, template, parts)) as chunks:
            first = next(chunks, b"")
            yield Content(received, first, chunks)

    def _chunks(
        self, received: Received, template: str, parts: dict[str, Any]
    ) -> Generator[bytes, None]:
        pauses = self._transport.pauses()
        while True:
            try:
                with self._transport.stream(
                    template, headers=received.headers(), **parts
                ) as stream:
                    if directly(received.begin, stream.status, stream.headers):
                        for chunk in stream.chunks():
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
                time.sleep(pause)

    def _save(
        self,
        template: str,
        saving: Saving,
        **parts: Any,  # noqa: ANN401 - as above
    ) -> Path:
        with saving:
            with self._opened(template, saving, **parts) as content:
                for chunk in content:
                    directly(saving.write, chunk)
            return directly(saving.publish)


class Uploads(Resource):
    """Files that you have sent for jobs to use."""

    def create(
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
            answer = self._transport.upload(
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

    def _pieces(self, sent: Sent, progress: Progress | None) -> Iterator[bytes]:
        digest = hashlib.sha256()
        directly(sent.file.seek, sent.start)
        while piece := directly(sent.file.read, _PIECE_BYTES):
            digest.update(piece)
            yield piece
            if progress:
                progress(sent.file.tell() - sent.start, sent.size)
        sent.sha256 = digest.hexdigest()

    def list(self) -> Iterator[m.Upload]:
        """Newest first."""
        return self._pages("/uploads", m.Upload)

    def get(self, upload_id: str) -> m.Upload:
        return m.Upload.of(self._call("GET", "/uploads/{id}", id=upload_id))

    def delete(self, upload_id: str) -> None:
        """Raises Conflict where a job or a scheduled job uses it."""
        self._call("DELETE", "/uploads/{id}", id=upload_id)
