"""A root file system of Debian 13 with the servers of today, for machines that have older ones.

It is made once, in half a minute, and kept under build/; images are made of it, and programs run in
it as children like any others.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.availability import Unavailable

ROOT = Path(__file__).parents[3]
_KEPT = ROOT / "build" / "debian-13"
_PACKAGES = "python3,python3-venv,ca-certificates,postgresql-17,rabbitmq-server"
# The kernel undoes these mounts with the last process that sees them. $0 is the tree, $1 the
# temporary directory, which both see at the same place, $2 where the command shall be.
_ENTER = """
for each in /dev /proc "$1"; do
    mkdir -p "$0$each" && mount --rbind "$each" "$0$each" || exit 70
done
directory=$2; shift 2
exec chroot "$0" env -C "$directory" "$@"
"""


def debian_tree() -> Path:
    """Its root; nothing runs in it. Raises Unavailable."""
    with _alone():
        if not _KEPT.exists():
            _make()
    return _KEPT


def command_in_tree(tree: Path, directory: Path, command: Sequence[str]) -> list[str]:
    """`command` as one that runs in the tree, in `directory` below this machine's temporary one.

    It is the child itself: signals reach it and its end is seen. Only root can run it.
    """
    shared = tempfile.gettempdir()
    return ["unshare", "--mount", "sh", "-c", _ENTER, str(tree), shared, str(directory), *command]


def check_enterable(tree: Path) -> None:
    """Raises Unavailable when nothing can run in the tree."""
    run(command_in_tree(tree, Path(tempfile.gettempdir()), ["true"]))


def mirror() -> str:
    """Where this machine gets Debian from: the address has to end in /debian, others hold parts."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    if shutil.which(command[0]) is not None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        for address in done.stdout.split():
            if address.rstrip("/").endswith("/debian"):
                return address
    raise Unavailable("apt on this machine knows no mirror of Debian")


def run(
    command: Sequence[str], environment: Mapping[str, str] = os.environ, directory: Path = ROOT
) -> None:
    """Raises Unavailable with the end of what the command said."""
    done = subprocess.run(
        command, env=environment, cwd=directory, capture_output=True, text=True, check=False
    )
    if done.returncode:
        text = (done.stdout + done.stderr)[-2000:]
        raise Unavailable(f"{' '.join(command[:3])} failed:\n{text}")


def _make() -> None:
    if shutil.which("mmdebstrap") is None or os.geteuid() != 0:
        raise Unavailable("making a Debian 13 takes root and mmdebstrap")
    unfinished = _KEPT.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    # One run of apt and of dpkg, which waits for no disk.
    options = ["--mode=root", "--variant=minbase", "--dpkgopt=force-unsafe-io"]
    include = f"--include={_PACKAGES}"
    # In mounts of its own: were it killed, its /proc would stay, and nobody could remove the tree.
    command = ["unshare", "--mount", "mmdebstrap", *options, include]
    run([*command, "trixie", str(unfinished), mirror()])
    unfinished.rename(_KEPT)


@contextmanager
def _alone() -> Iterator[None]:
    """Test processes that run side by side would make the same tree."""
    _KEPT.parent.mkdir(parents=True, exist_ok=True)
    with _KEPT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
