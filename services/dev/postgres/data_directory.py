"""The directory of an embedded server: made once, used by one process at a time.

<path>/data        Postgres' own
<path>/run         the socket, in reach of nobody else
<path>/lock        held by the process that runs the server
<path>/password    for TCP, which is off unless asked for
<path>/server.log
"""

import asyncio
import fcntl
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.dev.postgres.programs import Binaries, EmbeddedPostgresError, Identity

USER = "conveyor"
# A socket's path may have 107 bytes; this much comes after the directory.
_LONGEST_SOCKET_DIRECTORY = 107 - len("/.s.PGSQL.65535")
LEFTOVER_TIMEOUT_SECONDS = 30


class DataDirectory:
    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.data = self.path / "data"
        self.log = self.path / "server.log"
        self._password = self.path / "password"

    @property
    def major(self) -> int | None:
        """The major version of Postgres that made it; None while there is none."""
        try:
            return int((self.data / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None  # it is still to be made

    @property
    def password(self) -> str:
        return self._password.read_text()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the directory and keep other processes out of it. Raises EmbeddedPostgresError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.path / "lock").open("a+")
        except PermissionError:
            raise EmbeddedPostgresError(
                f"the data in {self.path} is another user's; start Conveyor as that user, or use "
                "another data directory"
            ) from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise EmbeddedPostgresError(
                    f"another process uses the embedded Postgres in {self.path}; stop it first, "
                    "or use another data directory"
                ) from None
            yield

    @contextmanager
    def socket_directory(self, identity: Identity) -> Iterator[Path]:
        """A private directory whose path is short enough for a socket."""
        run = self.path / "run"
        if len(os.fsencode(run)) <= _LONGEST_SOCKET_DIRECTORY:
            run.mkdir(mode=0o700, exist_ok=True)
            identity.own(run)
            yield run
            return
        # Not in TMPDIR, which may be as long.
        with tempfile.TemporaryDirectory(prefix="conveyor-", dir="/tmp") as short:
            identity.own(Path(short))
            yield Path(short)

    async def make(self, binaries: Binaries, identity: Identity) -> None:
        """Create the database cluster. A crash meanwhile leaves nothing that looks complete."""
        unfinished = self.path / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._password.touch(mode=0o600)
        self._password.write_text(secrets.token_urlsafe(24))
        for path in (self.path, unfinished, self._password):
            identity.own(path)
        await self._initdb(unfinished, binaries, identity)
        unfinished.rename(self.data)

    async def _initdb(self, target: Path, binaries: Binaries, identity: Identity) -> None:
        # Sorting and case by code point: the same on every machine, whatever its languages.
        locale = "C.UTF-8" if sys.platform == "linux" else "C"
        process = await asyncio.create_subprocess_exec(
            *identity.prefix,
            binaries.program("initdb"),
            f"--pgdata={target}",
            f"--username={USER}",
            f"--pwfile={self._password}",
            "--auth-local=trust",  # the socket's directory is private
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            f"--locale={locale}",
            "--text-search-config=simple",
            "--no-instructions",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self.path,
        )
        output, _ = await process.communicate()
        if process.returncode:
            text = output.decode(errors="replace").strip()
            raise EmbeddedPostgresError(f"initdb failed in {self.path}:\n{text}")

    async def end_leftover(self) -> None:
        """End a server that outlived its process, and forget one that died with the machine.

        Call it with the lock held: whatever serves this directory then is nobody's. Raises
        EmbeddedPostgresError.
        """
        postmaster = self._postmaster()
        if postmaster is not None and postmaster in servers_of(self.data):
            os.kill(postmaster, signal.SIGINT)  # "fast": ends sessions, writes a checkpoint
        try:
            async with asyncio.timeout(LEFTOVER_TIMEOUT_SECONDS):
                # Other people's processes have no event to wait for. Also a killed postmaster's
                # children take a moment to notice, and a new server refuses to start beside them.
                while servers_of(self.data):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise EmbeddedPostgresError(
                f"a server left behind on {self.data} does not stop; end it first: "
                f"processes {servers_of(self.data)}"
            ) from None
        # Its number may be another process's by now, which Postgres would take for a server.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _postmaster(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return None  # it was stopped in good order, or died while it wrote the file


def servers_of(data: Path) -> list[int]:
    """The Postgres processes that work on this directory. Elsewhere than on Linux: none found.

    (Postgres' own checks then keep a second server off.)
    """
    numbers = (entry.name for entry in Path("/proc").glob("[0-9]*"))
    return [int(number) for number in numbers if _serves(Path("/proc", number), data)]


def _serves(process: Path, data: Path) -> bool:
    try:
        if (process / "comm").read_text().strip() != "postgres":
            return False
        # A server's working directory is its data.
        return (process / "cwd").readlink() == data
    except PermissionError:
        # Without the right to look at another user's processes the command line must do.
        return str(data).encode() in (process / "cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False  # gone meanwhile
