"""The embedded Postgres: a server of our own for as long as this process needs it."""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import quote

import asyncpg

from services.dev.postgres.data_directory import USER, DataDirectory
from services.dev.postgres.programs import (
    EmbeddedPostgresError,
    Identity,
    ending_with_us,
    find_binaries,
    server_identity,
)
from shared.postgres.errors import DatabaseUnavailable, translated_errors

DATABASE = "conveyor"
PORT = 5432  # of the socket: a part of its file name, so it collides with nobody's
START_TIMEOUT_SECONDS = 60  # crash recovery included
STOP_TIMEOUT_SECONDS = 30
CREATE_DATABASE = "CREATE DATABASE conveyor"
SELECT_DATABASE = "SELECT 1 FROM pg_database WHERE datname = $1"

# Small and quiet; what makes commits safe stays on.
_SERVER_SETTINGS = {
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": "conveyor",
}


class EmbeddedPostgres:
    """`async with EmbeddedPostgres(path) as dsn`: a server on the data in `path`, made if needed.

    It is reached by a socket that only this user can open; with `tcp_port` also at 127.0.0.1 with
    a password (see `tcp_dsn`). It ends with the context, and with the process however that ends.
    `settings` override the server's, `env` adds to its environment. Raises EmbeddedPostgresError.
    """

    def __init__(
        self,
        path: Path,
        *,
        tcp_port: int | None = None,
        settings: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._directory = DataDirectory(path)
        self._tcp_port = tcp_port
        self._settings = {**_SERVER_SETTINGS, **(settings or {})}
        self._env = env or {}
        self._resources = AsyncExitStack()
        self._process: asyncio.subprocess.Process | None = None
        self._identity = Identity()
        self._socket_directory = Path()

    async def __aenter__(self) -> str:
        async with AsyncExitStack() as resources:
            resources.enter_context(self._directory.locked())
            self._identity = server_identity()
            self._socket_directory = resources.enter_context(
                self._directory.socket_directory(self._identity)
            )
            resources.push_async_callback(self.stop)
            await self.start()
            self._resources = resources.pop_all()
        return self.dsn

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    @property
    def dsn(self) -> str:
        return self._dsn_of(DATABASE)

    def _dsn_of(self, database: str) -> str:
        directory = quote(str(self._socket_directory), safe="")
        return f"postgresql://{USER}@/{database}?host={directory}&port={self._port}"

    @property
    def _port(self) -> int:
        return self._tcp_port or PORT

    @property
    def tcp_dsn(self) -> str:
        """For processes that can't reach the socket. Only with a `tcp_port`."""
        return f"postgresql://{USER}:{self._directory.password}@127.0.0.1:{self._port}/{DATABASE}"

    @property
    def pid(self) -> int | None:
        """The server's process; None while it isn't running."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    async def start(self) -> None:
        """Start the server, again after `stop` or `kill`. Raises EmbeddedPostgresError."""
        await self._directory.end_leftover()
        binaries = find_binaries(self._directory.major)
        if self._directory.major is None:
            await self._directory.make(binaries, self._identity)
        options = [f"--{name}={value}" for name, value in self._options().items()]
        with self._directory.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._identity.prefix,
                *ending_with_us(),
                binaries.program("postgres"),
                "-D",
                str(self._directory.data),
                *options,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._env},
                cwd=self._directory.path,
                # Ctrl-C in a terminal is for us; the server is stopped last.
                start_new_session=True,
            )
        await self._wait_until_ready(self._process)

    def _options(self) -> dict[str, str]:
        return {
            **self._settings,
            "unix_socket_directories": str(self._socket_directory),
            "listen_addresses": "127.0.0.1" if self._tcp_port else "",
            "port": str(self._port),
        }

    async def _wait_until_ready(self, process: asyncio.subprocess.Process) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
                while not await self._is_ready():
                    if process.returncode is not None:
                        raise self._did_not_start("stopped")
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise self._did_not_start("does not answer") from None

    def _did_not_start(self, what: str) -> EmbeddedPostgresError:
        lines = self._directory.log.read_text(errors="replace").splitlines()[-10:]
        return EmbeddedPostgresError(
            f"the embedded Postgres {what}; the end of {self._directory.log}:\n" + "\n".join(lines)
        )

    async def _is_ready(self) -> bool:
        """Whether it takes connections; makes our database the first time."""
        try:
            with translated_errors():
                connection = await asyncpg.connect(self._dsn_of("postgres"), timeout=5)
        except DatabaseUnavailable:
            return False  # not listening yet, or recovering from a crash
        try:
            if not await connection.fetchval(SELECT_DATABASE, DATABASE):
                await connection.execute(CREATE_DATABASE)
        finally:
            await connection.close()
        return True

    async def stop(self) -> None:
        """Stop the server fast: sessions are ended, everything is on disk. Idempotent."""
        try:
            await self._end(signal.SIGINT, STOP_TIMEOUT_SECONDS)
        except TimeoutError:
            await self.kill()
        except asyncio.CancelledError:
            # Nobody waits any more, but a server must not stay: at once, and recover next time.
            self._signal(signal.SIGQUIT)
            raise

    async def kill(self) -> None:
        """End the server as a crash would (SIGKILL); its children notice and end too."""
        await self._end(signal.SIGKILL, STOP_TIMEOUT_SECONDS)

    async def _end(self, number: signal.Signals, timeout_seconds: float) -> None:
        process = self._process
        if process is None:
            return
        self._signal(number)
        async with asyncio.timeout(timeout_seconds):
            await process.wait()

    def _signal(self, number: signal.Signals) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(number)
