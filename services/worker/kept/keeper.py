"""The state directory of a worker: what it may leave running, and what others have left.

A worker holds a lock for as long as it lives, in whatever state: the system lets go of it when the
process ends. So what another has left can be told from what one holds that is frozen.
"""

import contextlib
import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import structlog

from services.worker.kept.record import KeptExecution, left_execution
from services.worker.watchdog.kept_files import path_of
from shared.messages import RunTask

log = structlog.get_logger(__name__)

_FOLDER = "conveyor-worker"
_LOCK = ".lock"


def usual_directory() -> str | None:
    """None where the watchdog dies with the worker, and nothing would end what is left: in a
    container that ends with the worker, or with its parent."""
    in_container = os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv")
    if in_container and os.getppid() == 1:
        return None
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        if (folder := os.environ.get(name)) and os.access(folder, os.W_OK):
            return os.path.join(folder, _FOLDER)
    return os.path.join(tempfile.gettempdir(), f"{_FOLDER}-{os.getuid()}")


class Keeper:
    def __init__(self, directory: str, worker: str, engine: str, node_id: str) -> None:
        """Raises OSError where the directory can't be used, or isn't this user's alone."""
        self.directory = os.path.abspath(directory)
        self._worker = worker
        self._engine = engine
        self._node_id = node_id
        os.makedirs(os.path.dirname(self.directory), exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.directory, 0o700)
        status = os.lstat(self.directory)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise OSError(f"{self.directory} is not a directory of this user")
        os.chmod(self.directory, 0o700)
        self._unreadable = set[str]()
        self._lock = _locked(self._lock_of(node_id))  # for as long as this process lives
        self._remove_old_locks()

    def begin(self, order: RunTask) -> KeptExecution:
        return KeptExecution(self.directory, self._worker, self._engine, self._node_id, order)

    def left(self) -> Iterator[KeptExecution]:
        """What workers of this name have left on this engine."""
        for path in Path(self.directory).glob("*.json"):
            if path.name in self._unreadable:
                continue
            try:
                content = json.loads(_own_bytes(path))
                is_ours = (content["worker"], content["engine"]) == (self._worker, self._engine)
                if is_ours and self._is_gone(content["owner"]):
                    left = left_execution(self.directory, content, self._node_id)
                    if str(path) != path_of(self.directory, left.key):
                        raise ValueError("it is the file of another execution")
                    yield left
            except FileNotFoundError:  # it has ended meanwhile
                continue
            except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
                self._unreadable.add(path.name)
                log.warning("kept_execution_unreadable", path=str(path), error=str(error))

    def _is_gone(self, node_id: str) -> bool:
        if node_id == self._node_id:
            return False
        try:
            fd = os.open(self._lock_of(node_id), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(fd)
        return True

    def _remove_old_locks(self) -> None:
        for path in Path(self.directory).glob(f"*{_LOCK}"):
            if self._is_gone(path.name.removesuffix(_LOCK)):
                path.unlink(missing_ok=True)  # who has none is gone as well

    def _lock_of(self, node_id: str) -> str:
        return os.path.join(self.directory, f"{node_id}{_LOCK}")


def _own_bytes(path: Path) -> bytes:
    """Of a file that only this user can have written: the directory may have been open to others
    before it was this worker's, and what is read here ends containers. Raises OSError."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        is_safe = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
        if not is_safe or status.st_mode & 0o022 or status.st_nlink != 1:
            raise OSError("others than this user may have written it")
        return file.read()


def _locked(path: str) -> int:
    """The descriptor of the file, which nobody has removed meanwhile. Raises OSError."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(fd), os.stat(path)):
                return fd
        os.close(fd)


def open_keeper(directory: str | None, worker: str, engine: str, node_id: str) -> Keeper | None:
    """None where nothing can be kept; the log says why."""
    place = None if os.getpid() == 1 else directory or usual_directory()
    if place is None:
        log.info("executions_not_kept", reason="the worker is the main process of a container")
        return None
    try:
        return Keeper(place, worker, engine, node_id)
    except OSError as error:
        log.warning("executions_not_kept", reason=str(error))
        return None
