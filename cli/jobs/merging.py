"""The results of several executions as one directory, as Bacalhau gives them."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from shared.definition.files import EXIT_CODE, STDERR, STDOUT

_APPENDED = (STDOUT, STDERR, EXIT_CODE)


def merge(results: Mapping[int, Path], target: Path) -> None:
    """The files of `results`, one directory for each execution by its index, are moved to `target`.
    Outputs and exit codes are appended in order; another file that several have is named after its
    execution, too, from the second on."""
    target.mkdir(parents=True, exist_ok=True)
    for index, folder in sorted(results.items()):
        for path in _files(folder):
            place = path.relative_to(folder)
            if str(place) in _APPENDED:
                _append(path, target / place)
            else:
                _move(path, target / place, index)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir())


def _append(path: Path, target: Path) -> None:
    data = path.read_bytes()
    if data and not data.endswith(b"\n") and path.name == EXIT_CODE:
        data += b"\n"
    with target.open("ab") as file:
        file.write(data)


def _move(path: Path, target: Path, index: int) -> None:
    if target.exists() or target.is_symlink():
        target = target.with_name(f"{target.stem}.{index}{target.suffix}")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, target)
