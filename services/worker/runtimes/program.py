"""The rules for a program's files and script, whatever runs it."""

import posixpath
import signal
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import TaskSpec


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


def check_stop_signal(spec: TaskSpec) -> None:
    """Raises RuntimeRejected for one that Linux doesn't have."""
    if spec.stop_signal is not None and spec.stop_signal not in signal.Signals.__members__:
        raise RuntimeRejected(f"stopSignal {spec.stop_signal!r} must be a signal such as SIGINT")


_LONGEST_STRING_BYTES = 131_072
"""What Linux passes at most as one argument or variable, its end mark included."""
_MOST_BYTES = 2_000_000
"""Of arguments and variables together, a little less than what Linux takes with its usual stack."""


def check_passable(spec: TaskSpec) -> None:
    """Raises RuntimeRejected naming the argument or variable that can't be passed to a program."""
    texts = {f"entrypoint[{n}]": text for n, text in enumerate(spec.entrypoint)}
    texts |= {f"cmd[{n}]": text for n, text in enumerate(spec.cmd)}
    for name, value in spec.env.items():
        if not name or "=" in name or "\0" in name:
            raise RuntimeRejected(f"env: the name {name!r} must not be empty nor hold = or NUL")
        texts[f"env.{name}"] = f"{name}={value}"
    sizes = {field: _passable(field, text) for field, text in texts.items()}
    total = sum(sizes.values())
    if total > _MOST_BYTES:
        largest = max(sizes, key=lambda field: sizes[field])
        raise RuntimeRejected(
            f"env and cmd are {total} bytes, and Linux passes at most {_MOST_BYTES}; the largest "
            f"is {largest} with {sizes[largest]}: pass it by `files`"
        )


def _passable(field: str, text: str) -> int:
    """Its bytes."""
    if "\0" in text:
        raise RuntimeRejected(f"{field}: must not hold a NUL character")
    size = len(text.encode(errors="surrogateescape")) + 1
    if size > _LONGEST_STRING_BYTES:
        raise RuntimeRejected(
            f"{field}: is {size} bytes, and Linux passes at most {_LONGEST_STRING_BYTES} in one "
            "argument or variable: pass it by `files`"
        )
    return size


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
