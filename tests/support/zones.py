"""A zone database of a test's own, before the packaged one."""

import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path


@contextmanager
def zones_in(folder: Path) -> Iterator[None]:
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(folder)])
    try:
        yield
    finally:
        zoneinfo.reset_tzpath(before)
        zoneinfo.ZoneInfo.clear_cache()


def update(folder: Path, name: str, other: str) -> None:
    """From now on the zone `name` is as `other` is: a file that replaces the one before."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    new = folder / "new"
    new.write_bytes(files("tzdata").joinpath("zoneinfo", *other.split("/")).read_bytes())
    new.rename(path)
