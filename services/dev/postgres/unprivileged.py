"""As whom the embedded server runs: Postgres refuses root."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.dev.postgres.binaries import EmbeddedPostgresError

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
