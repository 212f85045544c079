"""The places of a task: the rules for them, and what of an archive comes into one, whatever the
runtime."""

import posixpath
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from conveyor.extensions.files import ObjectRefused
from conveyor.extensions.runtimes import Archive, RuntimeRejected
from conveyor.extensions.tasks import Aux, Place, TaskSpec
from shared.files.archives import Member, read_tar
from shared.files.archives.members import Members, plain_path, shown

A = TypeVar("A", bound=Aux)

_ANYBODY_EXECUTES = 0o111


def check_places(places: Iterable[Place]) -> None:
    """Raises RuntimeRejected naming the first target that can't be one."""
    seen = set[str]()
    for place in places:
        target = place.target
        plain = posixpath.normpath(target)
        if not target or "\0" in target or ".." in target.split("/") or plain in (".", "/", "//"):
            raise RuntimeRejected(
                f"target {target!r} must be an absolute path, or one below the working directory"
            )
        if target.endswith("/") and not place.is_directory:
            raise RuntimeRejected(f"target {target!r} must not end with /: it is a single file")
        if plain in seen:
            raise RuntimeRejected(f"target {target!r}: two sources have the same target")
        seen.add(plain)


def with_places(spec: TaskSpec) -> TaskSpec:
    """What runs around the task has its places, too."""

    def given(aux: A) -> A:
        return replace(aux, program=replace(aux.program, places=spec.places))

    if not spec.places:
        return spec
    return replace(
        spec,
        pre=tuple(map(given, spec.pre)),
        post=tuple(map(given, spec.post)),
        sidecars=tuple(map(given, spec.sidecars)),
    )


def place_at(target: str, places: Iterable[Place]) -> Place:
    """Raises RuntimeError for one that isn't the task's."""
    for place in places:
        if place.target == target:
            return place
    raise RuntimeError(f"the task has no place {target!r}")


async def members_for(place: Place, archive: Archive, root: str) -> Members:
    """The members below the directory `root`, or the single file as `root`, with rights that any
    user of an image can live with. Raises ObjectRefused for what isn't to be brought."""
    files = 0
    async for member in read_tar(archive):
        if member.kind == "other":
            raise ObjectRefused(f"{shown(member.path)} is neither file, directory nor link")
        member = replace(member, mode=_mode(member, place))
        if place.is_directory:
            yield _below(root, member)
        elif member.kind == "file":
            files += 1
            if files > 1:
                raise ObjectRefused("the archive of a single file has more than one")
            yield replace(member, path=root)
    if not (files or place.is_directory):
        raise ObjectRefused("the archive of a single file has none")


def _below(root: str, member: Member) -> Member:
    path, target = posixpath.join(root, plain_path(member.path)).rstrip("/"), member.target
    if member.kind == "hard link":
        target = posixpath.join(root, plain_path(target))
    return replace(member, path=path, target=target)


def _mode(member: Member, place: Place) -> int:
    runs = member.kind == "directory" or member.mode & _ANYBODY_EXECUTES
    return (0o444 if place.read_only else 0o666) | (_ANYBODY_EXECUTES if runs else 0)
