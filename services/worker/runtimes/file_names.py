"""The rule for names in a task's `files`: below the working directory, and nowhere else."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from services.worker.runtimes.protocol import RuntimeRejected


def check_file_names(names: Iterable[str]) -> None:
    """Raises RuntimeRejected naming the first file that isn't a plain relative path."""
    for name in names:
        if not _is_inside(name):
            raise RuntimeRejected(
                f"file {name!r} must be a relative path below the working directory"
            )


def parents_of(names: Iterable[str]) -> list[str]:
    """Every directory the names need, outer ones first."""
    found = {str(p) for name in names for p in PurePosixPath(name).parents if p.parts}
    return sorted(found)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    plain = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    return plain and "\0" not in name and not name.endswith("/")
