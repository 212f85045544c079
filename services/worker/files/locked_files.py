"""Files that several processes share by locks, which end with the process that has them.

Who writes one has an exclusive lock on it, who reads one a shared lock; what has no lock may be
removed. All calls but one block, and raise OSError.
"""

import fcntl
import os
from asyncio import CancelledError, ensure_future, shield, to_thread
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

T = TypeVar("T")


async def made(make: Callable[[], T], undo: Callable[[T], object]) -> T:
    """What `make` gives in a thread. It can't be cancelled: when this is, it is undone."""
    making = ensure_future(to_thread(make))
    try:
        return await shield(making)
    except CancelledError:
        undo(await making)
        raise


@dataclass(frozen=True, slots=True)
class LockedFile:
    path: Path
    file: BinaryIO

    @property
    def size(self) -> int:
        return os.fstat(self.file.fileno()).st_size

    def publish(self, path: Path) -> "LockedFile":
        """Complete: at another path it may be read, by this process first."""
        self.file.flush()
        self.path.rename(path)
        fcntl.flock(self.file, fcntl.LOCK_SH)
        return LockedFile(path, self.file)

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.file.close()

    def close(self) -> None:
        self.file.close()


def begun(path: Path) -> LockedFile | None:
    """An empty file to write; None while somebody else writes it."""
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    locked = LockedFile(path, os.fdopen(opened, "r+b"))
    if _lock(locked, fcntl.LOCK_EX) and _is_there(locked):
        locked.file.truncate(0)
        return locked
    locked.close()
    return None


def complete(path: Path) -> LockedFile | None:
    """None where there is none, or somebody is about to remove it."""
    try:
        locked = LockedFile(path, path.open("rb"))
    except FileNotFoundError:
        return None
    if _lock(locked, fcntl.LOCK_SH) and _is_there(locked):
        os.utime(locked.file.fileno())
        return locked
    locked.close()
    return None


def remove_unused(path: Path) -> bool:
    """Whether it is gone."""
    try:
        locked = LockedFile(path, path.open("rb"))
    except FileNotFoundError:
        return True
    try:
        if is_unused := _lock(locked, fcntl.LOCK_EX) and _is_there(locked):
            path.unlink()
        return is_unused
    finally:
        locked.close()


def _lock(locked: LockedFile, kind: int) -> bool:
    try:
        fcntl.flock(locked.file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_there(locked: LockedFile) -> bool:
    """It may have been removed or completed between the opening and the lock."""
    try:
        return os.path.samestat(os.fstat(locked.file.fileno()), locked.path.lstat())
    except FileNotFoundError:
        return False
