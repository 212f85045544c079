"""A shell task's directory: `workdir/` with its files, the script, and what the task reports in.

It is opened once and then only reached through that handle: a task that runs as another user owns
the directory and could put a link in its place, and the worker must not follow it.
"""

import contextlib
import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conveyor.extensions.runtimes import RuntimeRejected, RuntimeUnavailable
from conveyor.extensions.tasks import DATA, TaskSpec
from services.worker.runtimes.program import parents_of

_OF_THIS_MACHINE = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EIO,
        errno.ENOMEM,
        errno.EAGAIN,  # no process left
        errno.EMFILE,
        errno.ENFILE,
    }
)


def sorted_error(what: str, error: Exception) -> RuntimeRejected | RuntimeUnavailable:
    """To be raised. Another worker may do better where it is this machine that lacks something."""
    text = f"{what}: {error}"
    if isinstance(error, OSError) and error.errno in _OF_THIS_MACHINE:
        return RuntimeUnavailable(text)
    return RuntimeRejected(text)


PREFIX = "conveyor-task"
_LEAST_ROOM = 1024 * 1024
WORKDIR, OUTPUT = "workdir", "stdout"
_DATA = "data"
_SCRIPT, _PROGRESS = "entrypoint", "progress"


@dataclass(frozen=True, slots=True)
class PartFiles:
    """Paths of what the task's own program (`prefix` empty) or a pre or post has for itself."""

    directory: str
    prefix: str = ""

    @property
    def script(self) -> str:
        return f"{self.directory}/{self.prefix}{_SCRIPT}"

    @property
    def output(self) -> str:
        return f"{self.directory}/{self.prefix}{OUTPUT}"

    @property
    def progress(self) -> str:
        return f"{self.directory}/{self.prefix}{_PROGRESS}"


class TaskDirectory:
    def __init__(self, root: str | None, spec: TaskSpec, reports: str = "") -> None:
        """Makes the directory, mode 0700. What the task reports in is in its directory `reports`,
        if that is named. Raises OSError."""
        # As mkdtemp, which takes as long as the system does: the name is as good as unique already.
        folder = os.path.abspath(root) if root else tempfile.gettempdir()
        self.path = f"{folder}/{_name_of(spec)}{secrets.token_hex(4)}"
        os.mkdir(self.path, 0o700)
        self.workdir = f"{self.path}/{WORKDIR}"
        prefix = f"{reports}/" if reports else ""
        self.output_way, self._progress_way = f"{prefix}{OUTPUT}", f"{prefix}{_PROGRESS}"
        try:
            os.mkdir(self.workdir, 0o700)
            if reports:
                os.mkdir(f"{self.path}/{reports}", 0o700)
            self.fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            shutil.rmtree(self.path, ignore_errors=True)
            raise

    def way_of_data(self, path: str) -> str | None:
        """Where in it is what a container has at `path`; None: that is not below /tork/data."""
        return _DATA + path.removeprefix(DATA) if path.startswith(f"{DATA}/") else None

    @property
    def is_there(self) -> bool:
        return os.path.isdir(self.workdir)

    def write(self, files: Mapping[str, str]) -> None:
        """Writes the files below the working directory; their names were checked before.

        Before anything of the task runs: it could put links in the way.
        """
        for parent in parents_of(files):
            os.mkdir(f"{self.workdir}/{parent}", 0o700)
        for name, text in files.items():
            _write(f"{self.workdir}/{name}", text, 0o600)

    def write_reports(self, part: PartFiles) -> None:
        """$TORKOUTPUT and $TORK_PROGRESS, empty."""
        _write(part.output, "", 0o600)
        _write(part.progress, "", 0o600)

    def write_script(self, part: PartFiles, script: str) -> None:
        _write(part.script, script, 0o500)

    def write_text(self, name: str, text: str) -> None:
        """Beside the working directory, only for reading."""
        _write(f"{self.path}/{name}", text, 0o400)

    def give_to(self, uid: int | None, gid: int | None) -> None:
        """Make the directory and all in it theirs; None leaves that part as it is."""
        if uid is None and gid is None:
            return
        owner = (-1 if uid is None else uid, -1 if gid is None else gid)
        for _, _, names, folder in os.fwalk(".", dir_fd=self.fd):
            os.fchown(folder, *owner)
            for name in names:
                os.chown(name, *owner, dir_fd=folder, follow_symlinks=False)

    def read_output(self, limit: int) -> tuple[bytes, int]:
        """What the task left in $TORKOUTPUT, nothing if it is over `limit` bytes, and its size."""
        return self.read(self.output_way, limit)

    def read_progress(self) -> bytes:
        return self.read(self._progress_way, 64)[0]

    def remove_usual(self) -> None:
        """Raises OSError when there is more than every task has: that is for `remove_tree`."""
        try:
            os.rmdir(WORKDIR, dir_fd=self.fd)
            for name in (_SCRIPT, OUTPUT, _PROGRESS):
                with contextlib.suppress(FileNotFoundError):  # a task that reported nothing
                    os.unlink(name, dir_fd=self.fd)
        finally:
            os.close(self.fd)  # first: one that is open costs the file system twice the work
        os.rmdir(self.path)

    def read(self, name: str, limit: int) -> tuple[bytes, int]:
        """As `read_output`."""
        # No links, and no waiting for a writer should the task have made a FIFO of it.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(name, flags, dir_fd=self.fd)
        except OSError:  # the task didn't write it, or made something else of it
            return b"", 0
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                return b"", 0
            data = b"" if status.st_size > limit else os.read(fd, limit)
            return data, status.st_size
        finally:
            os.close(fd)


def remove_tree(path: str | Path) -> None:
    """All of it, directories in which nothing may be written as well. Blocks, and raises OSError
    when something can't be removed."""
    try:
        shutil.rmtree(path)
    except PermissionError:
        for _, _, _, folder in os.fwalk(path):
            os.fchmod(folder, 0o700)
        shutil.rmtree(path)


def check_room(root: str | None) -> None:
    """Raises RuntimeUnavailable when no task could write anything there."""
    place = root or tempfile.gettempdir()
    try:
        usage = shutil.disk_usage(place)
    except OSError as error:
        raise RuntimeUnavailable(f"no directory for tasks: {error}") from error
    if usage.total and usage.free < _LEAST_ROOM:  # one in memory without a limit says 0 of 0
        raise RuntimeUnavailable(f"the disk of {place} is full")


def node_of(directory: Path) -> str | None:
    """The node id that a task directory's name carries; None for a name that isn't ours."""
    if not directory.name.startswith(PREFIX + "."):
        return None
    return directory.name.removeprefix(PREFIX + ".").rsplit(".", 2)[0]


def is_earlier(directory: Path, spec: TaskSpec) -> bool:
    """Whether it was made for the task, but not for this dispatch of it."""
    task_id = directory.name.rpartition(".")[0].rpartition(".")[2]
    return task_id == spec.task_id and not directory.name.startswith(_name_of(spec))


def _name_of(spec: TaskSpec) -> str:
    """All of it that isn't left to chance."""
    return f"{PREFIX}.{spec.node_id}.{spec.task_id}.{spec.dispatch}-"


def _write(path: str, text: str, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with open(fd, "w", encoding="utf-8", newline="") as file:
        file.write(text)
