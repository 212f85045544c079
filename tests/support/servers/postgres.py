"""Postgres for tests: the server of CONVEYOR_TEST_POSTGRES_DSN, or a private one.

The private server is run from a thread with an event loop of its own, so that it outlives the
loops of single tests and can be killed from any of them.
"""

import asyncio
import atexit
import functools
import os
import shutil
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil

from services.dev.postgres.embedded import EmbeddedPostgres
from shared.postgres.migrate import migrate
from tests.support.ports import free_port
from tests.support.servers.reused_databases import Migrated

DSN_VARIABLE = "CONVEYOR_TEST_POSTGRES_DSN"
# A test kills processes, not machines: what the kernel was given is safe, and this is faster.
FAST: Mapping[str, str] = {"fsync": "off", "max_connections": "200", "max_wal_size": "256MB"}
_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 8 << 30

T = TypeVar("T")


class LoopThread(AbstractContextManager["LoopThread"]):
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "LoopThread":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it there and wait for the result. Not from a coroutine: see `asyncio.to_thread`."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)


class PrivatePostgres:
    """A server of the test's own, to be killed and restarted.

    `dsn` leads through the socket, `tcp_dsn` through 127.0.0.1 with a password.
    """

    def __init__(self, thread: LoopThread, server: EmbeddedPostgres) -> None:
        self._thread = thread
        self._server = server
        self.dsn = server.dsn
        self.tcp_dsn = server.tcp_dsn

    @property
    def pid(self) -> int | None:
        return self._server.pid

    def stop(self) -> None:
        self._thread.run(self._server.stop())

    def kill(self) -> None:
        self._thread.run(self._server.kill())

    def start(self) -> None:
        self._thread.run(self._server.start())

    def restart(self) -> None:
        self.stop()
        self.start()

    async def execute(self, *statements: str) -> None:
        """Each in a transaction of its own."""
        connection = await asyncpg.connect(self.dsn)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def in_memory(otherwise: Path) -> Iterator[Path]:
    """A directory without a disk where the machine has memory enough: file systems on disks take
    long over the many small files of databases that come and go."""
    if not _MEMORY.is_dir() or _free_bytes() < _ENOUGH_BYTES:
        yield otherwise
        return
    with tempfile.TemporaryDirectory(prefix="conveyor-postgres-", dir=_MEMORY) as directory:
        yield Path(directory)


def _free_bytes() -> int:
    """Of memory that files can take: in a container it may be little."""
    return min(psutil.virtual_memory().available, shutil.disk_usage(_MEMORY).free)


@contextmanager
def private_server(
    path: Path,
    settings: Mapping[str, str] = FAST,
    env: Mapping[str, str] | None = None,
    *,
    migrated: bool = False,
) -> Iterator[PrivatePostgres]:
    """`env` adds to the server's environment."""
    prepare_data(path, migrated=migrated)
    with LoopThread() as thread:
        server = EmbeddedPostgres(path, tcp_port=free_port(), settings=settings, env=env)
        thread.run(server.__aenter__())
        try:
            yield PrivatePostgres(thread, server)
        finally:
            thread.run(server.__aexit__(None, None, None))


def prepare_data(path: Path, *, migrated: bool = False) -> None:
    """What the first start of an embedded server there would make, and with `migrated` the first
    service: to copy it takes a tenth of the time."""
    if not (path / "data").exists():
        path.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "--archive", f"{_new_data(migrated)}/.", path], check=True)


@functools.cache
def _new_data(migrated: bool) -> Path:
    directory = tempfile.TemporaryDirectory(prefix="conveyor-postgres-")
    atexit.register(directory.cleanup)
    path = Path(directory.name) / "postgres"
    with LoopThread() as thread:
        server = EmbeddedPostgres(path, settings=FAST)
        thread.run(server.__aenter__())
        if migrated:
            thread.run(migrate(server.dsn))
        thread.run(server.__aexit__(None, None, None))
    return path


class Databases:
    """Databases on one server, each as it is right after its migrations."""

    def __init__(self, server_dsn: str, thread: LoopThread) -> None:
        self._server_dsn = server_dsn
        self._thread = thread
        self._template = f"conveyor_template_{uuid.uuid4().hex}"
        self._unused: list[str] = []

    @contextmanager
    def prepared(self) -> Iterator["Databases"]:
        self._execute(f"CREATE DATABASE {self._template}")
        try:
            self._thread.run(migrate(self._dsn(self._template)))
            self._migrated = self._thread.run(Migrated.of(self._dsn(self._template)))
            yield self
        finally:
            for name in (*self._unused, self._template):
                self._drop(name)

    @contextmanager
    def fresh(self, *, migrated: bool = True) -> Iterator[str]:
        """The DSN of a database of the caller's own; nobody is connected to it afterwards."""
        name = self._unused.pop() if migrated and self._unused else self._created(migrated)
        try:
            yield self._dsn(name)
        finally:
            if migrated and self._thread.run(self._migrated.is_again(self._dsn(name))):
                self._unused.append(name)
            else:
                self._drop(name)

    def _created(self, migrated: bool) -> str:
        name = f"conveyor_test_{uuid.uuid4().hex}"
        template = self._template if migrated else "template1"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def _drop(self, name: str) -> None:
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _dsn(self, database: str) -> str:
        return with_database(self._server_dsn, database)

    def _execute(self, statement: str) -> None:
        self._thread.run(_execute(self._server_dsn, statement))


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def databases(path: Path) -> Iterator[Databases]:
    """On the server the environment names, else on a private one in `path`."""
    given = os.environ.get(DSN_VARIABLE)
    with LoopThread() as thread:
        if given:
            with Databases(given, thread).prepared() as ready:
                yield ready
            return
        with private_server(path) as server, Databases(server.dsn, thread).prepared() as ready:
            yield ready


def with_database(dsn: str, database: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{database}"))
