"""What installed packages add: entry points of our groups, found and loaded by name at start."""

from collections.abc import Callable, Collection
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from shared.process.run import CannotStart
from shared.process.settings.blocks import listed


class Group(StrEnum):
    """Where packages may add something. docs/extending.md says what each takes."""

    RUNTIMES = "conveyor.runtimes"
    MOUNTS = "conveyor.mounts"
    API_MIDDLEWARES = "conveyor.api_middlewares"
    EVENT_LISTENERS = "conveyor.event_listeners"
    FILE_STORES = "conveyor.file_stores"


class ExtensionRejected(CannotStart):
    """An installed package adds what can't be used; the text names package and entry point."""


Fault = Callable[[object], str | None]
"""Why what was loaded can't be used, as the end of a sentence about it; None when it can."""


def _no_fault(_: object) -> None: ...


def installed(group: Group) -> tuple[str, ...]:
    """The names in `group`, sorted; nothing is loaded."""
    return tuple(sorted({entry.name for entry in entry_points(group=group)}))


def check_known(group: Group, name: str, built_in: Collection[str] = ()) -> None:
    """Raises ValueError, which lists what there is."""
    known = sorted({*built_in, *installed(group)})
    if name not in known:
        there_are = f"must be one of: {', '.join(known)}" if known else "none is installed"
        raise ValueError(f"there is no {name!r}, {there_are} (packages add to {group})")


def refuse_taken(group: Group, built_in: Collection[str]) -> None:
    """Raises ExtensionRejected where a package adds what has the name of something of ours."""
    for entry in entry_points(group=group):
        if entry.name in built_in:
            raise _rejected(entry, "has a name that is built in")


def check_listed(group: Group, text: str) -> str:
    """`text`, names of `group` with commas between them. Raises ValueError for what is none."""
    names = listed(text)
    for name in names:
        check_known(group, name)
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is named twice")
    return text


def load(group: Group, name: str, fault: Fault = _no_fault) -> Callable[..., object]:
    """What a package has under this name; `fault` is asked beside what always is.

    Raises ExtensionRejected when it can't be had or used, ValueError when there is no such name.
    """
    check_known(group, name)
    entry = _only_one(group, name)
    try:
        loaded = entry.load()
    except Exception as error:  # a package's own code may raise anything while it is imported
        raise _rejected(entry, f"can't be loaded: {type(error).__name__}: {error}") from error
    if not callable(loaded):
        raise _rejected(entry, f"is not callable: {loaded!r}")
    if (why := fault(loaded)) is not None:
        raise _rejected(entry, why)
    return cast(Callable[..., object], loaded)


def _only_one(group: Group, name: str) -> EntryPoint:
    """Which of two would come first hangs on the file system: nobody has chosen that."""
    first, *others = entry_points(group=group, name=name)
    if others:
        packages = ", ".join(sorted(map(_package, (first, *others))))
        raise ExtensionRejected(f"{name!r} in {group} comes from several packages: {packages}")
    return first


def _rejected(entry: EntryPoint, why: str) -> ExtensionRejected:
    described = f"{entry.name} = {entry.value} in {entry.group}, of the package {_package(entry)}"
    return ExtensionRejected(f"{described}, {why}")


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "(unknown)"
