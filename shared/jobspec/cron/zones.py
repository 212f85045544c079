"""The zone database: which names are in it, and what it says now.

`ZoneInfo` keeps a zone for as long as the process runs, while an update of the database replaces
its file: a zone whose file is another one is read again.
"""

import os
import zoneinfo
from collections.abc import Iterator
from functools import cache, lru_cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

_NOT_ZONES = frozenset(("Factory", "localtime"))
"""Files among the zones for a machine that has none, and for the machine's own."""

_Stamp = tuple[int, int, int]
_read: dict[str, _Stamp | None] = {}


def parse_zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name. Raises ValueError."""
    if name == "UTC":  # which no update changes
        return ZoneInfo(name)
    if name not in _names(tuple(map(_stamp, _folders()))):
        raise ValueError(f"must be the name of a time zone such as Europe/Berlin, not {name}")
    stamp = next(filter(None, (_stamp(f"{folder}/{name}") for folder in _folders())), None)
    if _read.get(name) != stamp:
        ZoneInfo.clear_cache(only_keys=[name])
        _read[name] = stamp
    return ZoneInfo(name)


def database_stamp() -> int:
    """Another one when a file of the database was replaced."""
    return hash(tuple((path, _stamp(path)) for path in _paths()))


def database_contents() -> str:
    """A digest of all zones: the same on each machine that has the same database."""
    digest = sha256()
    for name in sorted(_names(tuple(map(_stamp, _folders())))):
        path = next(path for folder in _folders() if (path := Path(folder, name)).is_file())
        digest.update(name.encode() + path.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _names(_: tuple[_Stamp | None, ...]) -> frozenset[str]:
    """What ZoneInfo opens is more: any file beside the zones, and under other spellings."""
    return frozenset(zoneinfo.available_timezones() - _NOT_ZONES)


def _folders() -> tuple[str, ...]:
    """In the order in which `ZoneInfo` looks through them."""
    return (*zoneinfo.TZPATH, _packaged())


@cache
def _packaged() -> str:
    return str(files("tzdata").joinpath("zoneinfo"))


def _paths() -> Iterator[str]:
    for folder in _folders():
        for at, _, names in os.walk(folder):
            yield from (os.path.join(at, name) for name in names)


def _stamp(path: str) -> _Stamp | None:
    try:
        found = os.stat(path)
    except OSError:  # not in this folder
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
