"""The members of a tree of files, one after the other: checked, and moved under another root."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Literal

from conveyor.extensions.files import ObjectRefused

Kind = Literal["file", "directory", "symlink", "hard link", "other"]
"""`other` are devices, pipes and sockets."""

FILE_MODE, DIRECTORY_MODE = 0o644, 0o755
MOST_MEMBERS = 1_000_000
_MOST_SEGMENT_BYTES = 255
_MOST_PATH_BYTES = 4096
_MOST_NAMES_BYTES = 256 * 1024 * 1024
_ESCAPING = re.compile(r"(^|/)(?!\.\./|\.\.$)[^/]+/(.*/)?\.\.(/|$)")
"""What goes up again after it went down: where that leads depends on the links on the way."""


class _Nothing:
    def __aiter__(self) -> "_Nothing":
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


NOTHING = _Nothing()


@dataclass(frozen=True, slots=True)
class Member:
    """`path` is relative, "" the root itself. `target` is what a link leads to: of a symbolic one
    from where it lies, of a hard one the path of an earlier member. Iterate over `content` before
    the next member is asked for, or not at all."""

    path: str
    kind: Kind
    mode: int = FILE_MODE
    size: int = 0
    target: str = ""
    content: AsyncIterator[bytes] = NOTHING


Members = AsyncIterator[Member]


def file_member(
    path: str, size: int, content: AsyncIterator[bytes], mode: int = FILE_MODE
) -> Member:
    return Member(path, "file", mode, size, content=content)


def plain_path(name: str) -> str:
    """Without `.` and doubled or trailing slashes. Raises ObjectRefused for what leads elsewhere,
    and for what no file system or no JSON can hold."""
    segments = [part for part in name.split("/") if part not in ("", ".")]
    path = "/".join(segments)
    if name.startswith("/") or ".." in segments:
        raise ObjectRefused(f"{shown(name)} leads out of the directory")
    try:
        sizes = [len(part.encode()) for part in segments]
    except UnicodeEncodeError:
        raise ObjectRefused(f"the name {shown(name)} is not valid UTF-8") from None
    if "\0" in path or max(sizes, default=0) > _MOST_SEGMENT_BYTES:
        raise ObjectRefused(f"the name {shown(name)} is too long or has a NUL")
    if sum(sizes) + len(sizes) > _MOST_PATH_BYTES:
        raise ObjectRefused(f"the path {shown(name)} is too long")
    return path


def shown(name: str) -> str:
    return ascii(name if len(name) <= 80 else f"{name[:80]}…")


def leads_out(path: str, target: str) -> bool:
    """Whether a symbolic link at `path` may lead out of the tree, whatever links are in it."""
    if target.startswith("/") or not target or _ESCAPING.search(target):
        return True
    return sum(part == ".." for part in target.split("/")) > path.count("/")


def _is_target(text: str) -> bool:
    """Whether file systems and JSON can hold it."""
    try:
        return "\0" not in text and len(text.encode()) < _MOST_PATH_BYTES
    except UnicodeEncodeError:
        return False


class Checked:
    """The members of a tree that may be a stranger's, with plain paths.

    What leads out of the tree, comes twice, lies below what is no directory, or is neither file,
    directory nor link, is refused: ObjectRefused is raised. With `leave_out`, links that lead out
    and `other` are left out instead, and it is called with the reason.
    """

    def __init__(self, members: Members, leave_out: Callable[[str], None] | None = None) -> None:
        self._members = members
        self._leave_out = leave_out
        self._kinds: dict[str, Kind] = {}
        self._symlinks: dict[str, str] = {}
        self._gone = set[str]()
        self._names_bytes = 0

    async def __aiter__(self) -> AsyncIterator[Member]:
        async for found in self._members:
            path = plain_path(found.path)
            member = self._followed(found)
            if problem := self._left_out(path, member):
                if self._leave_out is None:
                    raise ObjectRefused(problem)
                self._leave_out(problem)
                self._gone.add(path)
                self._names_bytes += len(path)
                continue
            if self._is_known_directory(path, member.kind):
                continue
            self._note(path, member.kind)
            if member.kind == "symlink":
                self._symlinks[path] = member.target
                self._names_bytes += len(member.target)
            yield replace(member, path=path, target=self._target(path, member))

    def _followed(self, member: Member) -> Member:
        """A hard link to a symbolic one is another like it: engines and `cp -al` make such."""
        if member.kind != "hard link":
            return member
        target = self._symlinks.get(plain_path(member.target))
        return member if target is None else replace(member, kind="symlink", target=target)

    def _left_out(self, path: str, member: Member) -> str:
        if member.kind == "other":
            return f"{shown(path)} is neither file, directory nor link"
        if member.kind == "hard link" and plain_path(member.target) in self._gone:
            return f"{shown(path)} is one with {shown(member.target)}, which is left out"
        if member.kind == "symlink":
            link = f"the link {shown(path)} to {shown(member.target)}"
            if leads_out(path, member.target):
                return f"{link} may lead out of the directory"
            if not _is_target(member.target):
                return f"{link} is not valid UTF-8, too long or has a NUL"
        return ""

    def _is_known_directory(self, path: str, kind: Kind) -> bool:
        return kind == "directory" and self._kinds.get(path) == "directory"

    def _note(self, path: str, kind: Kind) -> None:
        if path in self._kinds or (not path and kind != "directory"):
            raise ObjectRefused(f"{shown(path)} is there twice")
        self._remember(path, kind)
        parent = path.rpartition("/")[0]
        while parent and parent not in self._kinds:
            self._remember(parent, "directory")
            parent = parent.rpartition("/")[0]
        if parent and self._kinds[parent] != "directory":
            raise ObjectRefused(f"{shown(path)} lies below {shown(parent)}, which is no directory")

    def _remember(self, path: str, kind: Kind) -> None:
        self._kinds[path] = kind
        self._names_bytes += len(path)
        if len(self._kinds) > MOST_MEMBERS or self._names_bytes > _MOST_NAMES_BYTES:
            raise ObjectRefused(f"it has more than {MOST_MEMBERS} members, or too long names")

    def _target(self, path: str, member: Member) -> str:
        if member.kind != "hard link":
            return member.target
        target = plain_path(member.target)
        if self._kinds.get(target) not in ("file", "hard link") or target == path:
            raise ObjectRefused(f"{shown(path)} is linked to {shown(target)}, no file before it")
        return target


async def rooted(members: Members) -> tuple[Member, Members]:
    """The first member, which all others lie in, and those as a tree of their own."""
    if (root := await anext(members, None)) is None:
        raise ObjectRefused("the archive is empty")
    return root, _relative(plain_path(root.path), members)


async def _relative(root: str, members: Members) -> Members:
    start = f"{root}/" if root else ""
    async for member in members:
        path, target = plain_path(member.path), member.target
        if not path.startswith(start):
            raise ObjectRefused(f"{shown(path)} leads out of the directory {shown(root)}")
        if member.kind == "hard link":
            target = plain_path(target)
            if not target.startswith(start):
                raise ObjectRefused(f"{shown(path)} is one with {shown(target)} outside")
            target = target.removeprefix(start)
        yield replace(member, path=path.removeprefix(start), target=target)


async def under(root: str, members: Members) -> Members:
    """As if the tree lay in the directory `root`; "" changes nothing."""
    async for member in members:
        path = "/".join(filter(None, (root, member.path)))
        is_hard = member.kind == "hard link"
        target = f"{root}/{member.target}" if root and is_hard else member.target
        yield replace(member, path=path, target=target)


async def below(root: str, members: Members) -> Members:
    """What is in the directory `root`, as a tree of its own. Raises ObjectRefused for a hard link
    to what is outside of it, and for symbolic ones."""
    start = f"{root}/" if root else ""
    async for member in members:
        if member.path == root or not member.path.startswith(start):
            continue
        path, target = member.path.removeprefix(start), member.target
        if member.kind == "symlink" and leads_out(path, target):
            raise ObjectRefused(f"the link {shown(member.path)} leads out of {shown(root)}")
        if member.kind == "hard link":
            if not target.startswith(start):
                raise ObjectRefused(f"{shown(member.path)} is one with {shown(target)}")
            target = target.removeprefix(start)
        yield replace(member, path=path, target=target)
