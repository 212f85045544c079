"""What a program is given, and how it tells what it does."""

import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DESCRIPTION, VERDICT = "builtin.json", "verdict"
"""Files of the task's directory: what to run, and why it failed."""

_SECONDS_BETWEEN_LINES = 5.0
_SECONDS_BETWEEN_REPORTS = 0.5


class Refused(Exception):
    """What it is given can't be used; the text says what of it, and why."""


@dataclass
class Task:
    """`params` have all parameters of the program. `total` is how many bytes it will read."""

    params: Mapping[str, Any]
    source: Path
    chunks: Path
    results: Path
    output: Path
    progress: Path | None = None
    total: int = 0
    _done: int = 0
    _told_at: float = field(default_factory=time.monotonic)
    _reported_at: float = 0.0

    @classmethod
    def read(cls, directory: Path) -> tuple[str, "Task"]:
        """The name of the program, and the task whose directory that is."""
        told = json.loads((directory / DESCRIPTION).read_bytes())
        paths: dict[str, Any] = {name: Path(path) for name, path in told["paths"].items()}
        return told["name"], cls(params=told["params"], **paths)

    def add(self, count: int) -> None:
        """So many more bytes are read."""
        self._done += count
        now = time.monotonic()
        if not self.total or now - self._reported_at < _SECONDS_BETWEEN_REPORTS:
            return
        self._reported_at = now
        percent = min(100.0, 100.0 * self._done / self.total)
        if self.progress is not None:
            self.progress.write_text(f"{percent:.1f}")
        if now - self._told_at >= _SECONDS_BETWEEN_LINES:
            self._told_at = now
            say(f"{percent:.0f} % read: {size_text(self._done)} of {size_text(self.total)}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def counted(number: int, one: str, many: str = "") -> str:
    """`1 chunk`, `1,000,000 lines`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size_text(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"


def files_below(folder: Path) -> list[str]:
    """The paths of all files there, relative and in order. A link counts as what it leads to; what
    leads out is left out."""
    root, found = os.path.realpath(folder), list[str]()
    for inner, folders, names in os.walk(root):
        folders.sort()
        for name in names:
            path = os.path.join(inner, name)
            is_inside = os.path.realpath(path).startswith(f"{root}/")
            if is_inside and os.path.isfile(path):
                found.append(os.path.relpath(path, root))
            else:
                say(f"left out: {os.path.relpath(path, root)!r} is no file of the directory")
    return sorted(found)


def put(source: Path, target: Path) -> None:
    """The same file at `target`, without a copy where the system can."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(os.path.realpath(source), target)
    except OSError:  # of another file system, or of another user
        shutil.copyfile(source, target)
