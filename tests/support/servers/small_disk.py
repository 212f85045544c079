"""A disk so small that a test can fill it: a file system in memory. It takes root."""

import atexit
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PIECES = (b"\0" * 65536, b"\0" * 4096, b"\0")


def can_mount() -> bool:
    return os.geteuid() == 0


class SmallDisk:
    """`path` is where it is mounted."""

    def __init__(self, path: Path, megabytes: int) -> None:
        self.path = path
        self._filler = path / "filler"
        path.mkdir(parents=True, exist_ok=True)
        options = f"size={megabytes}m,mode=0755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=True)
        atexit.register(self.close)

    def fill(self) -> None:
        """To the last byte."""
        with self._filler.open("wb", buffering=0) as file:
            for piece in _PIECES:
                with suppress(OSError):  # full: this is what we wait for
                    while True:
                        file.write(piece)

    def make_room(self) -> None:
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        """Lazily: whatever still holds a file of it ends by itself."""
        atexit.unregister(self.close)
        subprocess.run(["umount", "--lazy", str(self.path)], check=False)


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[SmallDisk]:
    disk = SmallDisk(path, megabytes)
    try:
        yield disk
    finally:
        disk.close()
