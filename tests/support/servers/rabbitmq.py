"""A private RabbitMQ for the tests: loopback only, free ports, a directory of its own."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tests.support.ports import free_ports
from tests.support.servers.rabbitmq_installations import Installation, installation

_START_SECONDS = 180.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.02
_COOKIE = ".erlang.cookie"
_CLUSTER = """
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = {first}
cluster_formation.classic_config.nodes.2 = {own}
"""


class PrivateRabbit:
    """One RabbitMQ node with its own epmd: start, stop, kill -9 and restart with its data kept."""

    def __init__(
        self, server: Installation | None = None, beside: "PrivateRabbit | None" = None
    ) -> None:
        """Of this machine's own server if no other is named. `beside` runs, and this one joins it
        in a cluster when it starts. Raises Unavailable."""
        self.installation = server or installation()
        self._root = Path(tempfile.mkdtemp(prefix="conveyor-rabbitmq-"))
        self.port, self._dist_port, self._epmd_port = free_ports(3)
        if beside is not None:
            self._epmd_port = beside._epmd_port
            shutil.copy(beside._root / _COOKIE, self._root / _COOKIE)
            config = _CLUSTER.format(first=beside.name, own=self.name)
            (self._root / "rabbitmq.conf").write_text(config)
        self._beside = beside
        self._epmd: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def name(self) -> str:
        return f"conveyor{self.port}@localhost"

    @property
    def pid(self) -> int | None:
        """The node's first process; None while it isn't running."""
        return self._server.pid if self._server else None

    def __enter__(self) -> "PrivateRabbit":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the node, or start it again with its data; return when it takes connections."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """The first half of `start`. Call it in the main thread: the node ends with its thread."""
        atexit.register(self.close)
        try:
            self._start_epmd()
            server = self.installation.command(self._root, "rabbitmq-server")
            self._server = self._spawn(server)
        except BaseException:  # whatever interrupts the start must not leave processes
            self.close()
            raise

    def wait_ready(self) -> None:
        """The second half of `start`, some seconds long; fit for any thread."""
        if self._server is None:
            raise RuntimeError("RabbitMQ was not launched")
        try:
            self._await_port(self._server, self.port)
        except BaseException:  # as above
            self.close()
            raise

    def stop(self) -> None:
        """End the node in good order; durable queues and their messages stay."""
        self._end_server(signal.SIGTERM)

    def kill(self) -> None:
        """End the node as a power cut would."""
        self._end_server(signal.SIGKILL)

    def lose_data(self) -> None:
        """Remove all that the ended node had kept: it starts again as a new one."""
        shutil.rmtree(self._root / "data")

    def close(self) -> None:
        """Stop all processes and remove the data. Idempotent."""
        atexit.unregister(self.close)
        self.kill()
        if self._epmd is not None:
            _end(self._epmd, signal.SIGTERM)
            self._epmd = None
        shutil.rmtree(self._root, ignore_errors=True)

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` against this node; its output."""
        done = subprocess.run(
            self.installation.command(self._root, "rabbitmqctl", *arguments),
            env=self._environment(),
            cwd=self._root,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def has_registered(self, queue: str) -> bool:
        """Whether a quorum queue's name is on disk, half a second after its declaration."""
        names = (self._root / "data").glob("*/quorum/*/names.dets")
        return any(queue.encode() in each.read_bytes() for each in names)

    def _start_epmd(self) -> None:
        """Run epmd as a child: the one that Erlang starts by itself would outlive the node."""
        if self._epmd is None and self._beside is None:
            address = ("-port", str(self._epmd_port), "-address", "127.0.0.1")
            self._epmd = self._spawn(self.installation.program(self._root, "epmd", *address))
            self._await_port(self._epmd, self._epmd_port)

    def _spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        # --pdeathsig ends the child even when the test run is killed with -9.
        with (self._root / "output.log").open("ab") as output:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *command],
                env=self._environment(),
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _await_port(self, process: subprocess.Popen[bytes], port: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return  # suppressed: it does not listen yet
            time.sleep(_POLL_SECONDS)
        output = (self._root / "output.log").read_text(errors="replace")
        raise RuntimeError(f"RabbitMQ did not start:\n{output[-2000:]}")

    def _end_server(self, how: signal.Signals) -> None:
        if self._server is not None:
            _end(self._server, how)
            self._server = None
            _await_silence(self.port)

    def _environment(self) -> dict[str, str]:
        root = self._root
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(root),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": str(root / "data"),
            "RABBITMQ_LOG_BASE": str(root / "log"),
            "RABBITMQ_LOGS": str(root / "log" / "node.log"),
            "RABBITMQ_PID_FILE": str(root / "server.pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(root / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(root / "rabbitmq"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(root / "generated"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # Else the port for other nodes listens on all addresses.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """Signal the whole group of `process`, wait, and kill what has not gone by then."""
    _signal_group(process, how)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:  # it hangs: nothing of it may stay behind
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _await_silence(port: int) -> None:
    """Wait until nobody listens: the start script is gone a moment before the Erlang machine."""
    with suppress(OSError):  # refused: this is what we wait for
        while True:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            time.sleep(_POLL_SECONDS)


def _signal_group(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has ended by itself
        os.killpg(process.pid, how)
