"""How objects lie in a directory.

    contents/<random>.<SHA-256>   what is in an object; never changes
    objects/<name>                a symbolic link to its content: one rename makes an object visible
    partial/<random>              what puts are writing

    lock                          held by who changes where names lead

So the checksum changes in the same step as the content, and a reader keeps what it has opened.
Several processes of a machine, and of machines whose file system they share, may use it at once.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from conveyor.extensions.files import ObjectInfo, ObjectMissing, StoreUnavailable
from shared.files.directory.partial import Partial
from shared.files.directory.translation import translated

_TRIES = 100
"""Of steps that another put or delete may have come before."""


class Layout:
    """Names are checked already. All calls block."""

    def __init__(self, root: Path) -> None:
        self._objects = root / "objects"
        self._contents = root / "contents"
        self._partial = root / "partial"
        self._lock = root / "lock"

    def new_partial(self, name: str) -> Partial:
        return Partial(self._partial / uuid4().hex, name)

    def open_partial(self, partial: Partial) -> None:
        for folder in (self._partial, self._contents, self._objects):
            try:
                _make_folders(folder)
            except OSError as error:
                text = f"the directory {folder.parent} can't be used: {error.strerror}"
                raise StoreUnavailable(text) from error
        partial.open()

    def commit(self, partial: Partial) -> None:
        name = partial.name
        content = self._contents / f"{uuid4().hex}.{partial.sha256}"
        with translated(name):
            partial.path.rename(content)
            try:
                _sync(self._contents)
                replaced = self._point(name, content)
            except OSError:
                content.unlink()
                raise
            if replaced:
                replaced.unlink(missing_ok=True)

    def open(self, name: str) -> tuple[int, ObjectInfo]:
        """A file descriptor, and what it is of."""
        with translated(name):
            for _ in range(_TRIES):
                content = self._content_of(name)
                with suppress(FileNotFoundError):  # replaced in between
                    opened = os.open(content, os.O_RDONLY | os.O_CLOEXEC)
                    return opened, _info(name, content, os.fstat(opened))
        raise ObjectMissing(name)

    def info(self, name: str) -> ObjectInfo:
        opened, info = self.open(name)
        os.close(opened)
        return info

    def delete(self, name: str) -> None:
        with translated(name), self._pointing():
            try:
                content = self._content_of(name)
            except ObjectMissing:
                return
            (self._objects / name).unlink()
            content.unlink(missing_ok=True)
            self._remove_empty_folders((self._objects / name).parent)

    def walk(self, prefix: str) -> Iterator[ObjectInfo]:
        for name in self._names(prefix.rpartition("/")[0]):
            if name.startswith(prefix):
                with suppress(ObjectMissing):  # deleted in between
                    yield self.info(name)

    def sweep(self, before: datetime) -> int:
        contents = list(_entries(self._contents))
        used = {self._read_link(name) for name in self._names("")}
        left = [*_entries(self._partial), *(path for path in contents if path.name not in used)]
        old = [path for path in left if _last_change(path) < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _content_of(self, name: str) -> Path:
        content = self._read_link(name)
        if not content:
            raise ObjectMissing(name)
        return self._contents / content

    def _read_link(self, name: str) -> str:
        """The name of the content; "" if there is no such object."""
        try:
            return (self._objects / name).readlink().name
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EINVAL, errno.ENAMETOOLONG):
                return ""
            raise

    def _point(self, name: str, content: Path) -> Path | None:
        """Let the name lead to that content. What it led to before."""
        link, new = self._objects / name, self._partial / uuid4().hex
        new.symlink_to(os.path.relpath(content, link.parent))
        try:
            with self._pointing():  # else two puts take the same content for the one replaced
                replaced = self._read_link(name)
                _make_folders(link.parent)
                new.rename(link)
        except OSError:
            new.unlink()
            raise
        _sync(link.parent)
        return self._contents / replaced if replaced else None

    @contextmanager
    def _pointing(self) -> Iterator[None]:
        try:
            held = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # there is no directory yet
            yield
            return
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield
        finally:
            os.close(held)

    def _names(self, folder: str) -> Iterator[str]:
        """Of all objects below, in the order of the bytes of their names."""
        path = self._objects / folder
        found = [(entry.name + "/" * entry.is_dir(follow_symlinks=False)) for entry in _scan(path)]
        for name in sorted(found, key=os.fsencode):
            here = f"{folder}/{name}" if folder else name
            if name.endswith("/"):
                yield from self._names(here.rstrip("/"))
            else:
                yield here

    def _remove_empty_folders(self, folder: Path) -> None:
        with suppress(OSError):  # not empty
            while folder != self._objects:
                folder.rmdir()
                folder = folder.parent


def _info(name: str, content: Path, stat: os.stat_result) -> ObjectInfo:
    sha256 = content.suffix.lstrip(".")
    modified_at = datetime.fromtimestamp(stat.st_mtime, UTC)
    return ObjectInfo(name, stat.st_size, sha256, version=sha256, modified_at=modified_at)


def _make_folders(folder: Path) -> None:
    """Durably: what is on the disk can be found after a crash."""
    if folder.is_dir():
        return
    _make_folders(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _entries(folder: Path) -> Iterator[Path]:
    return (Path(entry.path) for entry in _scan(folder))


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):  # nothing was put there yet, or it is an object
        return []


def _last_change(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except FileNotFoundError:  # its put has ended
        return datetime.max.replace(tzinfo=UTC)
