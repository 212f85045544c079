"""Directories of this machine that outlive the tasks which use them.

    shared/             what the operator has put there, for all tasks to read
    users/<name>/files  what the tasks of one owner have left for those that follow
    key                 makes the names of owners' directories

Programs run as any user, so anybody may write to an owner's directory; what keeps the tasks of
others out is that its name can't be guessed, and nobody may list `users`. Whoever uses one has a
lock on it. Only what nobody uses is evicted, and always as a whole.
"""

import fcntl
import hashlib
import hmac
import os
import secrets
import shutil
import stat
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from conveyor.extensions.runtimes import RuntimeUnavailable
from conveyor.extensions.tasks import Place
from services.worker.files.locked_files import made
from shared.definition import SHARED_CACHE, USER_CACHE
from shared.files.cleanup import cleaned_up

log = structlog.get_logger(__name__)

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_COUNT_AGAIN_SECONDS = 60.0
_BLOCK_BYTES = 512
_ANYBODY_WRITES = 0o022
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class UsedCaches:
    """`lock` is the open directory of the owner; it is not evicted before it is released."""

    places: tuple[Place, ...] = ()
    lock: int | None = None


class TaskCaches:
    """In `folder`, or none with None. Over `most_bytes` those owners' that were not used for
    longest go. `open` it."""

    def __init__(self, folder: Path | None = None, most_bytes: int = 0) -> None:
        self._root = folder
        self._most_bytes = most_bytes
        self._counted_at = 0.0
        self._key, self._shared = b"", ""

    def open(self) -> None:
        """Blocks; raises OSError."""
        if self._root is None:
            return
        _make(self._root, 0o711)
        self._root = Path(os.path.realpath(self._root))
        _make(self._root / "shared", 0o755)
        self._shared = os.path.realpath(self._root / "shared")
        _make(self._users, 0o711)
        for folder in (self._root, self._users):
            found = folder.lstat()
            is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
            if not is_ours or found.st_mode & _ANYBODY_WRITES:
                raise PermissionError(
                    f"{folder} is not a directory that this worker's user alone can write to"
                )
        self._users.chmod(0o711)
        self._key = _key(self._root / "key")
        self._evict()

    def offered(self, directories: Mapping[str, str], owner: str | None) -> dict[str, str]:
        """Those of a task, without caches that it can't have here. `owner` None: not known."""
        unavailable = set[str]()
        if self._root is None or owner is None:
            unavailable.add(USER_CACHE)
        if self._root is None:
            unavailable.add(SHARED_CACHE)
        return {name: path for name, path in directories.items() if path not in unavailable}

    async def acquire(self, paths: Collection[str], owner: str | None) -> UsedCaches:
        """Those of the caches that are among `paths`; `release` them. Raises RuntimeUnavailable."""
        if self._root is None:
            return UsedCaches()
        places = list[Place]()
        if SHARED_CACHE in paths:
            place = Place(target=SHARED_CACHE, read_only=True, bind=self._shared, is_linked=True)
            places.append(place)
        if USER_CACHE not in paths or owner is None:
            return UsedCaches(tuple(places))
        folder = self._users / _name_of(self._key, owner)
        try:
            lock = await made(lambda: _locked(folder), os.close)
        except OSError as error:  # another worker may have room
            raise RuntimeUnavailable(f"no cache of the task's owner: {error}") from error
        places.append(Place(target=USER_CACHE, bind=str(folder / "files")))
        return UsedCaches(tuple(places), lock)

    async def release(self, used: UsedCaches) -> None:
        if used.lock is not None:
            await cleaned_up(self._release, used.lock)

    @property
    def _users(self) -> Path:
        if self._root is None:
            raise RuntimeError("there are no caches")
        return self._root / "users"

    def _release(self, lock: int) -> None:
        with suppress(FileNotFoundError):  # the operator has removed it
            os.utime(lock)
        os.close(lock)
        if time.monotonic() - self._counted_at > _COUNT_AGAIN_SECONDS:
            try:
                self._evict()
            except OSError as error:  # the task that has ended is none the worse for it
                log.warning("task_caches_not_counted", error=str(error))

    def _evict(self) -> None:
        found = sorted(_times_of_use(self._users))
        sizes = {path: sum(_sizes(path)) for _, path in found}
        size = sum(sizes.values())
        for _, path in found:
            if size <= self._most_bytes:
                break
            if _removed(path):
                size -= sizes[path]
        self._counted_at = time.monotonic()


def _make(folder: Path, mode: int) -> None:
    """With that mode, whatever the umask; one that is there keeps its own."""
    with suppress(FileExistsError):
        folder.mkdir(parents=True)
        folder.chmod(mode)


def _key(path: Path) -> bytes:
    """Workers of one machine may share it; it appears as a whole."""
    unfinished = path.with_name(f"key-{secrets.token_hex(8)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_KEY_BYTES))
    with suppress(FileExistsError):  # that of the worker before
        os.link(unfinished, path)
    unfinished.unlink()
    return path.read_bytes()


def _name_of(key: bytes, owner: str) -> str:
    return hmac.digest(key, owner.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()


def _locked(folder: Path) -> int:
    """The open directory, which is there with its `files`, and not evicted before it is closed."""
    while True:
        _make(folder, 0o711)
        lock = os.open(folder, _FOLDER)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)
            if _is_at(lock, folder):
                _make_files(lock)
                os.utime(lock)
                return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)  # it was evicted between the look and the lock


def _make_files(folder: int) -> None:
    with suppress(FileExistsError):
        os.mkdir("files", dir_fd=folder)
    os.chmod("files", 0o777, dir_fd=folder)  # noqa: S103 - whoever finds it may write there


def _removed(folder: Path) -> bool:
    """Whether it is gone."""
    try:
        lock = os.open(folder, _FOLDER)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(lock, folder):
            shutil.rmtree(folder)
        return True
    except BlockingIOError:  # somebody uses it
        return False
    except OSError as error:  # what root has left in a container is not for any user to remove
        log.warning("task_cache_not_removed", path=str(folder), error=str(error))
        return False
    finally:
        os.close(lock)


def _is_at(lock: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock), folder.lstat())
    except FileNotFoundError:
        return False


def _times_of_use(users: Path) -> Iterator[tuple[int, Path]]:
    for path in users.iterdir():
        with suppress(FileNotFoundError):  # evicted by another worker
            yield path.lstat().st_mtime_ns, path


def _sizes(folder: Path) -> Iterator[int]:
    """Of what can be seen of it: tasks change it meanwhile."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                yield os.lstat(os.path.join(parent, name)).st_blocks * _BLOCK_BYTES
