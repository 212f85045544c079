"""The rules for a program's files and script, whatever runs it."""

import posixpath
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from services.worker.runtimes.protocol import RuntimeRejected
from services.worker.runtimes.task_spec import TaskSpec


def check_image(spec: TaskSpec) -> None:
    """Raises RuntimeRejected for an image that is named and empty: it is not the same as none."""
    if spec.image is not None and not spec.image.strip():
        raise RuntimeRejected("image: the image is empty")


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


_SHELLS = ("sh", "bash", "dash", "ash")
_ARGUMENT_BYTES = 65536
"""Half of what Linux takes for one argument."""


def fits_an_argument(spec: TaskSpec, shell: Sequence[str]) -> bool:
    """Whether `<shell> <text> <file>` does what `<shell> <file>` would; True without a script.

    The file's name goes last as the script's $0, with its path or without.
    """
    if spec.run is None:
        return True
    is_plain_shell = (
        len(shell) == 2 and posixpath.basename(shell[0]) in _SHELLS and shell[1] == "-c"
    )
    # `#!` names another interpreter; a leading sign would be read as an option.
    is_plain_text = not spec.run.startswith(("#!", "-", "+")) and "\0" not in spec.run
    is_short = len(spec.run.encode()) <= _ARGUMENT_BYTES
    return is_plain_shell and is_plain_text and is_short and not spec.cmd
