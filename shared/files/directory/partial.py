"""A file that is being written, before it is an object."""

import hashlib
import os
from io import FileIO
from pathlib import Path
from threading import Lock

from shared.files.directory.translation import translated


class Partial:
    """Of the object `name`. Its calls block, and may come from several threads: a cancelled
    put leaves one at work."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.size = 0
        self._digest = hashlib.sha256()
        self._file: FileIO | None = None
        self._is_over = False
        self._lock = Lock()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def open(self) -> None:
        with self._lock, translated(self.name):
            if not self._is_over:
                self._file = self.path.open("xb", buffering=0)

    def write(self, data: bytes) -> None:
        with self._lock, translated(self.name):
            if self._file is None or self._is_over:
                return
            self._digest.update(data)
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
            self.size += len(data)

    def finish(self) -> None:
        """Everything is on the disk."""
        with self._lock, translated(self.name):
            if self._file is not None and not self._is_over:
                os.fsync(self._file.fileno())
                self._file.close()

    def discard(self) -> None:
        """Remove the file, unless it has become an object. Calls after it do nothing."""
        with self._lock:
            self._is_over = True
            if self._file is not None:
                self._file.close()
                self.path.unlink(missing_ok=True)
