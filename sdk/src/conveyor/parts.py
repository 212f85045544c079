"""Files on their way to this machine: what has arrived stays aside until it is whole."""

import fcntl
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Self
from urllib.parse import unquote

from conveyor.errors import Damaged

_CHUNK_BYTES = 1 << 20


class PartFile:
    """What has arrived of a file. Where its digest is known, a later download goes on with it."""

    def __init__(self, path: Path, file: BinaryIO, sha256: str) -> None:
        self.path = path
        self._file = file
        self._sha256 = sha256
        self._digest = hashlib.sha256()
        self.size = 0
        while chunk := file.read(_CHUNK_BYTES):
            self._count(chunk)

    @classmethod
    @contextmanager
    def beside(cls, target: Path, sha256: str) -> Iterator[Self]:
        """It is removed when it was published or is damaged. `sha256` is empty where it is not
        known: then there is nothing to go on with."""
        target.parent.mkdir(parents=True, exist_ok=True)
        path, file = _opened(target.parent, sha256)
        keep = False
        try:
            with file:
                part = cls(path, file, sha256)
                yield part
        except BaseException as error:
            keep = bool(sha256) and not isinstance(error, Damaged)
            raise
        finally:
            if not keep:
                path.unlink(missing_ok=True)

    def rest(self) -> Mapping[str, str]:
        """The headers that ask for what is missing."""
        if not self.size or not self._sha256:
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": f'"{self._sha256}"'}

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._count(chunk)

    def _count(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self.size += len(chunk)

    def begin_again(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._digest = hashlib.sha256()
        self.size = 0

    def check(self) -> None:
        """That it is whole, and on the disk. Raises Damaged."""
        if self._sha256 and self._digest.hexdigest() != self._sha256:
            raise Damaged(f"{self.size} bytes arrived, but their SHA-256 is another")
        self._file.flush()
        os.fsync(self._file.fileno())


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


def publish(part: Path, target: Path, *, is_archive: bool) -> None:
    """Under its final name: the file, or the directory that an archive holds. Raises Damaged."""
    if not is_archive:
        part.replace(target)
        return
    with tempfile.TemporaryDirectory(prefix=".conveyor-", dir=target.parent) as made:
        root = Path(made, "files")
        root.mkdir()
        try:
            with tarfile.open(part, "r:") as archive:
                for member in archive:
                    _extract(archive, member, root)
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


def saved_name(disposition: str, *, is_archive: bool) -> str:
    """What a Content-Disposition calls the file, which leads to no other directory."""
    _, _, quoted = disposition.partition("filename*=UTF-8''")
    name = unquote(quoted.partition(";")[0]).rpartition("/")[2]
    name = name.removesuffix(".tar") if is_archive else name
    return name if name.strip(".") and name.isprintable() else "download"
