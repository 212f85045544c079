"""The Docker engine of the tests: the one that is there, or a private one.

The private engine has its own socket, data, run-time directory and bridge. It gets a bridge of
its own because a second engine with `--bridge=none` deletes the first one's; it leaves the
machine's firewall and forwarding alone.
"""

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from tests.support.engines.engine_process import EngineProcess, EngineUnavailable, answers

_USUAL_SOCKET = Path("/var/run/docker.sock")
# How systemd hands a socket on: as file 3, to the process with that number.
_HANDING_ON = ("bash", "-c")
_AS_THIRD = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'


def existing_docker() -> str | None:
    """The address of an engine that is already there: DOCKER_HOST, or the usual socket."""
    if "DOCKER_HOST" in os.environ:
        return os.environ["DOCKER_HOST"]
    return f"unix://{_USUAL_SOCKET}" if answers(_USUAL_SOCKET) else None


class PrivateDocker:
    """To be frozen, killed, stopped and started again."""

    _made = itertools.count(1)

    def __init__(self, *, keeps_socket: bool = False) -> None:
        """Raises EngineUnavailable.

        `keeps_socket`: as most installations have it, the socket is held by another process, and
        who comes while the engine is away waits for the next one.
        """
        if os.geteuid() != 0:
            raise EngineUnavailable("no Docker engine answers, and only root can start one")
        self._root = Path(tempfile.mkdtemp(prefix="conveyor-docker-"))
        self._number = next(self._made)
        self._bridge = f"cvy{os.getpid()}x{self._number}"
        self._driver = "overlay2"
        self._listener = self._listen() if keeps_socket else None
        try:
            self._process = self._first_start()
        except BaseException:  # whatever interrupts the start must not leave anything
            self._remove()
            raise

    @property
    def host(self) -> str:
        return f"unix://{self._root}/docker.sock"

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """Its containerd dies with it, its containers live on."""
        self._process.kill()
        # Where nobody reaps orphans the dead one would be waited for at the next start.
        (self._root / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)

    def stop(self) -> None:
        self._process.stop()

    def start(self) -> None:
        """Again, after `kill` or `stop`. Raises EngineUnavailable."""
        self._process = self._start_with(self._driver)

    def close(self) -> None:
        self._process.stop()
        self._remove()

    def _first_start(self) -> EngineProcess:
        try:
            return self._start_with(self._driver)
        except EngineUnavailable:  # the file system below can't be layered: copying always works
            self._driver = "vfs"
            return self._start_with(self._driver)

    def _start_with(self, driver: str) -> EngineProcess:
        host = "fd://" if self._listener else f"unix://{self._root}/docker.sock"
        command = (
            "dockerd",
            f"--host={host}",
            f"--data-root={self._root}/data-{driver}",
            f"--exec-root={self._root}/exec",
            f"--pidfile={self._root}/docker.pid",
            f"--storage-driver={driver}",
            *self._network(),
        )
        log = self._root / f"dockerd-{driver}.log"
        path = self._root / "docker.sock"
        if self._listener is None:
            return EngineProcess(command, path, log, os.environ)
        number = self._listener.fileno()
        handed = (*_HANDING_ON, f"exec 3<&{number}; {_AS_THIRD}", "dockerd", *command)
        return EngineProcess(handed, path, log, os.environ, keep_open=[number])

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{self._root}/docker.sock")
        listener.listen(100)
        return listener

    def _network(self) -> tuple[str, ...]:
        if shutil.which("ip") is None:
            return ()  # the engine makes its usual bridge
        _ip("link", "add", self._bridge, "type", "bridge", check=False)
        subnet = (os.getpid() + self._number) % 250
        _ip("addr", "replace", f"172.29.{subnet}.1/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        quiet = ("--iptables=false", "--ip-masq=false", "--ip-forward=false")
        return (f"--bridge={self._bridge}", *quiet)

    def _remove(self) -> None:
        if self._listener is not None:
            self._listener.close()
        if shutil.which("ip") is not None:
            _ip("link", "del", self._bridge, check=False)
        unmount_below(self._root)
        shutil.rmtree(self._root, ignore_errors=True)


def unmount_below(root: Path) -> None:
    """Engines can leave mounts; removing the tree would reach through them."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{root}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)


def _ip(*arguments: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    if check and done.returncode:
        raise EngineUnavailable(f"no network bridge: ip {' '.join(arguments)}: {done.stderr}")
