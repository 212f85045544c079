"""The Podman engine of the tests: a private API service with storage of its own."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.engines.docker_engine import unmount_below
from tests.support.engines.engine_process import EngineProcess, EngineUnavailable

# Podman raises these limits for its containers, which fails where root may not raise limits.
# Locks in files: the default place is shared with every other Podman of the machine.
_CONFIG = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
"""


class PrivatePodman:
    def __init__(self) -> None:
        """Raises EngineUnavailable."""
        if os.geteuid() != 0:
            raise EngineUnavailable("the private Podman of the tests runs as root")
        self._root = Path(tempfile.mkdtemp(prefix="conveyor-podman-"))
        config = self._root / "containers.conf"
        config.write_text(_CONFIG)
        self._env = {**os.environ, "CONTAINERS_CONF": str(config)}
        try:
            self._process = self._start()
        except BaseException:  # whatever interrupts the start must not leave anything
            self._remove()
            raise

    @property
    def host(self) -> str:
        return f"unix://{self._root}/podman.sock"

    def close(self) -> None:
        command = [*self._podman(), "rm", "--all", "--force", "--time=0"]
        subprocess.run(command, env=self._env, check=False, capture_output=True)
        self._process.stop()
        self._remove()

    def _start(self) -> EngineProcess:
        command = [*self._podman(), "system", "service", "--time=0", self.host]
        socket, log = self._root / "podman.sock", self._root / "podman.log"
        return EngineProcess(command, socket, log, self._env)

    def _podman(self) -> tuple[str, ...]:
        root = self._root
        return ("podman", f"--root={root}/data", f"--runroot={root}/run", f"--tmpdir={root}/tmp")

    def _remove(self) -> None:
        unmount_below(self._root)
        shutil.rmtree(self._root, ignore_errors=True)
