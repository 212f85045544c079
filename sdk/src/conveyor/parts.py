"""Files on their way to this machine: what has arrived stays aside until it is whole."""

import fcntl
import hashlib
import os
import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from conveyor.errors import Damaged

_CHUNK_BYTES = 1 << 20


class PartFile:
    """What has arrived of a file. Where its digest is known, a later download goes on with it."""

    def __init__(self, target: Path, sha256: str, size: int | None) -> None:
        """`sha256` is empty where it is not known: then there is nothing to go on with."""
        self.target = target
        self.digest = hashlib.sha256()
        self.size = 0
        self._can_go_on = bool(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.file = _opened(target.parent, sha256)
        if size is not None and self.path.stat().st_size > size:
            self.file.truncate(0)
        while chunk := self.file.read(_CHUNK_BYTES):
            self.digest.update(chunk)
            self.size += len(chunk)

    def complete(self) -> None:
        """All of it is on the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def close(self, *, is_kept: bool) -> None:
        """It is removed where no later download can go on with it."""
        if not (is_kept and self._can_go_on):
            self.path.unlink(missing_ok=True)
        self.file.close()


def _opened(directory: Path, sha256: str) -> tuple[Path, BinaryIO]:
    path = directory / f".conveyor-{sha256}.part"
    if sha256:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # another process is downloading the same
            file.close()
        else:
            return path, file
    descriptor, name = tempfile.mkstemp(prefix=".conveyor-", suffix=".part", dir=directory)
    os.fchmod(descriptor, 0o666 & ~_umask())
    return Path(name), os.fdopen(descriptor, "r+b")


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def unpack(archive: Path, target: Path) -> None:
    """A directory with what is in it, once all of it is. Raises Damaged."""
    with tempfile.TemporaryDirectory(prefix=".conveyor-", dir=target.parent) as made:
        root = Path(made, "files")
        root.mkdir()
        try:
            with tarfile.open(archive, "r:") as opened:
                for member in opened:
                    _extract(opened, member, root)
        except tarfile.TarError as error:
            raise Damaged(f"the archive can't be read: {error}") from None
        _move(root, target)


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    name = PurePosixPath(member.name)
    place = root / name
    if name.is_absolute() or ".." in name.parts or not _is_below(place.parent, root):
        raise Damaged(f"the archive leads out of its directory: {member.name!r}")
    place.parent.mkdir(parents=True, exist_ok=True)
    if member.isdir():
        place.mkdir(exist_ok=True)
    elif member.issym():
        if Path(member.linkname).is_absolute() or not _is_below(
            place.parent / member.linkname, root
        ):
            raise Damaged(f"the archive leads out of its directory: {member.name!r}")
        place.symlink_to(member.linkname)
    elif member.isreg() and (content := archive.extractfile(member)):
        with content, place.open("xb") as file:
            shutil.copyfileobj(content, file, _CHUNK_BYTES)
        place.chmod(0o755 if member.mode & 0o100 else 0o644)
    else:
        raise Damaged(f"the archive has something that is no file: {member.name!r}")


def _is_below(place: Path, root: Path) -> bool:
    """Also through the links that are there."""
    return place.resolve().is_relative_to(root.resolve())


def _move(source: Path, target: Path) -> None:
    """Files that are there already are replaced, others stay."""
    if source.is_symlink() or not source.is_dir() or not target.exists():
        source.replace(target)
        return
    for inner in source.iterdir():
        _move(inner, target / inner.name)


def place_of(target: Path, name: str) -> Path:
    """`target`, or in that directory a file called `name`, which leads to no other."""
    if not target.is_dir():
        return target
    last = Path(name).name
    return target / (last if last.strip(".") and last.isprintable() else "download")
