"""The code of the version before this one, as the project's history has it."""

import subprocess
import tarfile
from pathlib import Path

from tests.support.availability import unavailable

_ROOT = Path(__file__).parents[3]
_MIGRATIONS = "shared/postgres/migrations"


def unpack_version_before(directory: Path) -> str:
    """Puts it into `directory`; the commit it is. Without it the test is skipped, and says so."""
    commit = _released() or _before_the_newest_migration()
    archive = directory.with_suffix(".tar")
    _git("archive", f"--output={archive}", commit, "services", "shared")
    directory.mkdir()
    with tarfile.open(archive) as files:
        files.extractall(directory, filter="data")
    archive.unlink()
    return commit


def _released() -> str | None:
    """The newest release that this is not, or no part of."""
    tags = _git("tag", "--list", "v*", "--sort=-v:refname", "--no-contains", "HEAD").split()
    return tags[0] if tags else None


def _before_the_newest_migration() -> str:
    """Nothing is released yet: the last that worked with another schema, of which this one is the
    next. A commit in between may have numbered or written a migration otherwise."""
    now = _migrations("HEAD")
    changes = _git("log", "--format=%P", "--", _MIGRATIONS).split("\n")
    for parent in (parents.split()[0] for parents in changes if parents):
        before = _migrations(parent)
        if len(before) < len(now) and before == now[: len(before)]:
            return parent
    return unavailable("the version before: no history with another schema, or a shallow clone")


def _migrations(commit: str) -> list[str]:
    """Their names and what is in them, in order."""
    listed = _git("ls-tree", "--format=%(path) %(objectname)", commit, f"{_MIGRATIONS}/")
    return [line for line in listed.splitlines() if ".sql " in line]


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=_ROOT, check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        unavailable(f"the version before: no history here ({error})")
    return done.stdout
