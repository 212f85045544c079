"""What is received and sent of a file: where to go on after a break, and whether it is whole. No
I/O but on files of this machine."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Self
from urllib.parse import unquote

from conveyor.errors import Conflict, Damaged, Unavailable
from conveyor.http import Progress
from conveyor.parts import PartFile, place_of, unpack

SHA256 = "Conveyor-SHA256"
_FILE_NAME = re.compile(r"filename\*=UTF-8''([^;]+)")
_TAR = "application/x-tar"

Source = str | Path | bytes | BinaryIO
"""What can be sent: a path, bytes, or an open file, from where it is."""


class Received:
    """A file on its way. `size` is None where the server doesn't know it before."""

    def __init__(self) -> None:
        self.name = ""
        self.size: int | None = None
        self.sha256 = ""
        self.is_directory = False
        self._etag = ""
        self._position = 0
        self._digest = hashlib.sha256()

    @property
    def can_go_on(self) -> bool:
        return not self._position or bool(self._etag)

    @property
    def is_whole(self) -> bool:
        """False also where only the end tells."""
        return self._position == self.size

    def headers(self) -> dict[str, str]:
        """Of the request for what is missing."""
        plain = {"Accept-Encoding": "identity"}
        if not self._position:
            return plain
        return {**plain, "Range": f"bytes={self._position}-", "If-Range": self._etag}

    def begin(self, status: int, headers: Mapping[str, str]) -> bool:
        """An answer; whether it has what is missing, or that must be asked for. Raises Conflict."""
        if not self._position:
            self._note(headers)
        elif status != HTTPStatus.PARTIAL_CONTENT or headers.get("ETag") != self._etag:
            raise Conflict(f"{self.name}: it changed while it was downloaded", 412)
        return True

    def add(self, chunk: bytes) -> None:
        self._position += len(chunk)
        self._digest.update(chunk)

    def check(self) -> None:
        """Raises Unavailable for a part, and Damaged for another content."""
        if self.size is not None and self._position != self.size:
            raise Unavailable(f"{self.name}: {self._position} of {self.size} bytes arrived")
        if self.sha256 and self._digest.hexdigest() != self.sha256:
            raise Damaged(f"{self.name}: its SHA-256 is not {self.sha256}")

    def _note(self, headers: Mapping[str, str]) -> None:
        found = _FILE_NAME.search(headers.get("Content-Disposition", ""))
        # A name of one part, whatever the server says.
        self.name = Path(unquote(found[1])).name if found else ""
        length = headers.get("Content-Length", "")
        self.size = int(length) if length.isdigit() else None
        self.sha256, self._etag = headers.get(SHA256, ""), headers.get("ETag", "")
        self.is_directory = headers.get("Content-Type", "") == _TAR


class Saving(Received):
    """A file on its way to this machine. Use as a context manager: what has arrived is kept for the
    next time unless all is done, or it is damaged."""

    def __init__(
        self, target: Path, *, unpacks: bool = False, progress: Progress | None = None
    ) -> None:
        super().__init__()
        self._target = target
        self._unpacks = unpacks
        self._progress = progress
        self._part: PartFile | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self._part:
            self._part.close(is_kept=error is not None and not isinstance(error, Damaged))

    def begin(self, status: int, headers: Mapping[str, str]) -> bool:
        super().begin(status, headers)
        if self._part is None:
            name = self.name.removesuffix(".tar") if self._is_unpacked else self.name
            self._part = PartFile(place_of(self._target, name), self.sha256, self.size)
            self._position, self._digest = self._part.size, self._part.digest
        return self._position == 0 or status == HTTPStatus.PARTIAL_CONTENT

    @property
    def _is_unpacked(self) -> bool:
        return self._unpacks and self.is_directory

    def write(self, chunk: bytes) -> None:
        if self._part and chunk:
            self._part.file.write(chunk)
        if self._progress:
            self._progress(self._position, self.size)

    def publish(self) -> Path:
        """Under its final name; a directory that is unpacked is one. Raises Damaged."""
        assert self._part is not None  # noqa: S101 - for the type checker: it has begun
        self._part.complete()
        if self._is_unpacked:
            unpack(self._part.path, self._part.target)
        else:
            self._part.path.replace(self._part.target)
        return self._part.target


@dataclass
class Sent:
    """A file that is sent, perhaps several times: each time from its `start`."""

    file: BinaryIO
    name: str
    start: int
    size: int
    sha256: str = ""

    def headers(self) -> dict[str, str]:
        return {"Content-Type": "application/octet-stream", "Content-Length": str(self.size)}


@contextmanager
def opened(source: Source, name: str) -> Iterator[Sent]:
    """Raises OSError, and ValueError where the name is missing."""
    if isinstance(source, str | Path):
        with Path(source).open("rb") as file:
            yield _sent(file, name or Path(source).name)
    elif isinstance(source, bytes):
        yield _sent(BytesIO(source), name)
    else:
        yield _sent(source, name or _name_of(source))


def _sent(file: BinaryIO, name: str) -> Sent:
    if not name:
        raise ValueError("a name is required: what is sent has none")
    start = file.tell()
    size = file.seek(0, os.SEEK_END) - start
    return Sent(file, name, start, size)


def _name_of(file: BinaryIO) -> str:
    name = getattr(file, "name", "")  # a number, where it was opened by one
    return Path(name).name if isinstance(name, str) else ""
