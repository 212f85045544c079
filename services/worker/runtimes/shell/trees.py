"""What goes from archives into a shell task's directory and back. All is opened from the directory
on, name by name: the tree is the task's, and a link in it must not lead to what is others'.

Blocks: it is run step by step on a thread that has the task's own rights.
"""

import os
import stat
import tarfile
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress

from conveyor.extensions.runtimes import RuntimeRejected
from shared.files.archives import Member
from shared.files.archives.tar import END

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# No waiting for a writer should it be a FIFO.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS = 40
_DEEPEST = 200
"""Directories in one another: each is open while what is in it is read."""
_PIECE = 256 * 1024


class Opened:
    """The directory or file at the end of a way through a tree, open, and its name there."""

    def __init__(self, root: int, root_path: str, way: str) -> None:
        """`way` begins at the directory `root`, whose path is `root_path`. Raises OSError, and
        RuntimeRejected for a way that leads out of it."""
        self._root_path = root_path
        self._way = way
        self._names: list[str] = []
        self._folders = [os.dup(root)]
        self._links = 0
        try:
            self.fd = self._walk(deque(way.split("/")))
        finally:
            for folder in self._folders:
                os.close(folder)

    @property
    def name(self) -> str:
        return self._names[-1] if self._names else "."

    def _walk(self, names: "deque[str]") -> int:
        while names:
            name = names.popleft()
            if name == "..":
                self._go_up()
            elif name not in ("", "."):
                self._enter(name, names)
        return self._folders.pop()

    def _enter(self, name: str, names: "deque[str]") -> None:
        mode = os.stat(name, dir_fd=self._folders[-1], follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            self._follow(os.readlink(name, dir_fd=self._folders[-1]), names)
            return
        if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            raise RuntimeRejected("it is neither a file nor a directory")
        flags = _FOLDER if names or stat.S_ISDIR(mode) else _READ
        self._folders.append(os.open(name, flags, dir_fd=self._folders[-1]))
        self._names.append(name)

    def _follow(self, target: str, names: "deque[str]") -> None:
        self._links += 1
        if self._links > _MOST_LINKS:
            raise RuntimeRejected("there are too many links on the way")
        if target.startswith("/"):
            if not target.startswith(f"{self._root_path}/"):
                raise self._leads_out()
            target = target.removeprefix(self._root_path)
            while self._names:
                self._go_up()
        names.extendleft(reversed(target.split("/")))

    def _go_up(self) -> None:
        if not self._names:
            raise self._leads_out()
        self._names.pop()
        os.close(self._folders.pop())

    def _leads_out(self) -> RuntimeRejected:
        return RuntimeRejected("it leads out of the task's directory")


_Linked = dict[tuple[int, int], str]
"""The first name of each file that may have others, by its device and number."""


def packed(opened: Opened) -> Generator[bytes]:
    """The tar of the file or directory, which is closed at the end of it. The content of a file
    with many names is in it once."""
    out = bytearray()
    for data in _members(opened.fd, opened.name, 0, {}):
        out += data
        if len(out) >= _PIECE:
            yield bytes(out)
            out.clear()
    yield bytes(out) + END


def _members(fd: int, name: str, depth: int, linked: _Linked) -> Iterator[bytes]:
    """Of the open file or directory, and what is in it; closes it."""
    try:
        status = os.fstat(fd)
        if stat.S_ISREG(status.st_mode):
            if status.st_nlink > 1:
                first = linked.setdefault((status.st_dev, status.st_ino), name)
                if first != name:
                    yield _header(name, status, first, tarfile.LNKTYPE)
                    return
            yield _header(name, status)
            yield from _content(fd, status.st_size)
        elif stat.S_ISDIR(status.st_mode):
            if depth > _DEEPEST:
                raise RuntimeRejected(f"there are more than {_DEEPEST} directories in one another")
            yield _header(name, status)
            for entry in sorted(os.listdir(fd)):
                yield from _entry(fd, entry, f"{name}/{entry}", depth, linked)
    finally:
        os.close(fd)


def _entry(folder: int, entry: str, name: str, depth: int, linked: _Linked) -> Iterator[bytes]:
    try:
        status = os.stat(entry, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            yield _header(name, status, os.readlink(entry, dir_fd=folder))
            return
        if not (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)):
            return  # a socket or a pipe has no content
        flags = _FOLDER if stat.S_ISDIR(status.st_mode) else _READ
        fd = os.open(entry, flags, dir_fd=folder)
    except FileNotFoundError:  # something that the task has left is removing its files
        return
    yield from _members(fd, name, depth + 1, linked)


def _header(
    name: str, status: os.stat_result, link: str = "", kind: bytes = tarfile.SYMTYPE
) -> bytes:
    info = tarfile.TarInfo(name)
    info.mode, info.mtime, info.linkname = stat.S_IMODE(status.st_mode), int(status.st_mtime), link
    if link:
        info.type = kind
    elif stat.S_ISDIR(status.st_mode):
        info.type = tarfile.DIRTYPE
    else:
        info.size = status.st_size
    return info.tobuf(tarfile.PAX_FORMAT)


def _content(fd: int, size: int) -> Iterator[bytes]:
    """Exactly so many bytes and what fills up the last block, whatever becomes of the file."""
    left = size
    while left:
        data = os.read(fd, min(left, _PIECE)) or bytes(min(left, _PIECE))
        left -= len(data)
        yield data
    yield bytes(-size % tarfile.BLOCKSIZE)


class Unpacking:
    """Writes members below a directory."""

    def __init__(self, root: int, names: Sequence[str]) -> None:
        """`names` lead from `root` to the directory, which is there. Raises OSError."""
        self._folder = _opened_folder(root, names)
        self._file: int | None = None

    def take(self, steps: Iterable[Member | bytes]) -> None:
        """Members, and after each the pieces of its content. Raises OSError."""
        for step in steps:
            if isinstance(step, Member):
                self._make(step)
            else:
                self._write(step)

    def close(self) -> None:
        self._close_file()
        os.close(self._folder)

    def _make(self, member: Member) -> None:
        self._close_file()
        *parents, name = member.path.split("/")
        if not name:  # the directory itself
            return
        folder = _opened_folder(self._folder, parents, make=True)
        try:
            self._make_in(folder, name, member)
        finally:
            os.close(folder)

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left and self._file is not None:
            left = left[os.write(self._file, left) :]

    def _make_in(self, folder: int, name: str, member: Member) -> None:
        if member.kind == "directory":
            _make_folder(folder, name)
            return
        with suppress(FileNotFoundError):  # of two with one name the last counts
            os.unlink(name, dir_fd=folder)
        if member.kind == "symlink":
            os.symlink(member.target, name, dir_fd=folder)
        elif member.kind == "hard link":
            self._link(member.target, name, folder)
        else:
            self._file = os.open(name, _WRITE, member.mode, dir_fd=folder)

    def _link(self, source: str, name: str, folder: int) -> None:
        *parents, linked = source.split("/")
        other = _opened_folder(self._folder, parents)
        try:
            os.link(linked, name, src_dir_fd=other, dst_dir_fd=folder, follow_symlinks=False)
        finally:
            os.close(other)

    def _close_file(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)


def make_way(root: int, names: Sequence[str]) -> None:
    """The directories with these names in one another, as far as they aren't there."""
    os.close(_opened_folder(root, names, make=True))


def make_link(root: int, names: Sequence[str], target: str) -> None:
    """One with that name in the directory before it, which is there."""
    *parents, name = names
    folder = _opened_folder(root, parents)
    try:
        os.symlink(target, name, dir_fd=folder)
    finally:
        os.close(folder)


def forbid_writing(root: int, names: Sequence[str]) -> None:
    """To the directory there and all directories in it; files have been made so."""
    folder = _opened_folder(root, names)
    try:
        for _, _, _, fd in os.fwalk(".", topdown=False, dir_fd=folder):
            os.fchmod(fd, 0o555)
    finally:
        os.close(folder)


def _opened_folder(root: int, names: Sequence[str], *, make: bool = False) -> int:
    folder = os.dup(root)
    for name in names:
        outer = folder
        try:
            if make:
                _make_folder(outer, name)
            folder = os.open(name, _FOLDER, dir_fd=outer)
        finally:
            os.close(outer)
    return folder


def _make_folder(folder: int, name: str) -> None:
    with suppress(FileExistsError):  # what it is shows when it is entered
        os.mkdir(name, 0o777, dir_fd=folder)
