"""Where RabbitMQ servers of several versions are, and how a program of each is run."""

from dataclasses import dataclass
from pathlib import Path

from tests.support.availability import Unavailable
from tests.support.servers.debian_tree import check_enterable, command_in_tree, debian_tree

INSTALLED, FOUR = "installed", "4"
VERSIONS = (INSTALLED, FOUR)
_SBIN = "usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"


@dataclass(frozen=True, slots=True)
class Installation:
    """`sbin` has the server's scripts, in `tree` if there is one, else on this machine itself."""

    sbin: Path
    tree: Path | None = None

    @property
    def version(self) -> str:
        """Such as 4.0.5."""
        return self.sbin.parent.name.rpartition("-")[2]

    def command(self, directory: Path, name: str, *arguments: str) -> list[str]:
        """Of a script in `sbin`, to be run in `directory`."""
        return self.program(directory, str(self.sbin / name), *arguments)

    def program(self, directory: Path, *command: str) -> list[str]:
        """Of a program that came with the server."""
        if self.tree is None:
            return list(command)
        return command_in_tree(self.tree, directory, command)


def installation(version: str = INSTALLED) -> Installation:
    """This machine's own server, whatever its version, or one of RabbitMQ 4. Raises Unavailable."""
    installed = _found_in(Path("/"))
    if installed is not None and (version == INSTALLED or _is_four(installed)):
        return installed
    if version == INSTALLED:
        raise Unavailable("the rabbitmq-server package is not installed")
    return _in_tree()


def _is_four(found: Installation) -> bool:
    return found.version.startswith(f"{FOUR}.")


def _in_tree() -> Installation:
    tree = debian_tree()
    found = _found_in(tree)
    if found is None or not _is_four(found):
        raise Unavailable(f"no RabbitMQ 4 in {tree}")
    check_enterable(tree)
    return Installation(Path("/") / found.sbin.relative_to(tree), tree)


def _found_in(root: Path) -> Installation | None:
    """As the Debian package has it; the scripts in /usr/sbin would change the user."""
    sbin = max(root.glob(_SBIN), default=None)
    return None if sbin is None else Installation(sbin)
