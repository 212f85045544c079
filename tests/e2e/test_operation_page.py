"""docs/operation.md: its units are valid, nginx passes streams on, a backup can be restored."""

import asyncio
import json
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import pytest

from services.dev.postgres.programs import find_binaries
from tests.support.availability import unavailable
from tests.support.eventually import eventually
from tests.support.ports import free_port
from tests.support.servers.postgres import PrivatePostgres, private_server, with_database
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operation.md").read_text(encoding="utf-8")
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
QUICK = {
    "CONVEYOR_WORKER_LEASE_SECONDS": "6",
    "CONVEYOR_WORKER_HEARTBEAT_SECONDS": "1",
    "CONVEYOR_SCHEDULE_RESEND_AFTER_SECONDS": "2",
    "CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS": "10",
}
SERVICES = ("coordinator", "scheduler", "webhook_dispatcher", "worker")

pytestmark = pytest.mark.real


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_valid(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        unavailable("systemd is not installed")
    copy = tmp_path / unit.name.replace("@", "@coordinator")
    copy.write_text(unit.read_text().replace("/opt/conveyor/bin/conveyor", "/bin/true"))
    command = ["systemd-analyze", "verify", str(copy)]
    verified = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePostgres]:
    with private_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def rabbit() -> Iterator[PrivateRabbit]:
    with PrivateRabbit() as rabbit:
        yield rabbit


@asynccontextmanager
async def running(rabbit: PrivateRabbit, dsn: str, directory: Path) -> AsyncIterator[Api]:
    directory.mkdir()
    cluster = Cluster(rabbit.url, dsn, directory, **QUICK)
    for name in SERVICES:
        cluster.start(name)
    try:
        await cluster.wait_up()
        async with aiohttp.ClientSession() as session:
            yield Api(session, cluster.services[0].url)
    finally:
        await asyncio.to_thread(cluster.close)


@contextmanager
def nginx(url: str, directory: Path) -> Iterator[str]:
    """The configuration of the page, in front of `url`; its own URL."""
    if shutil.which("nginx") is None or os.geteuid() != 0:
        unavailable("nginx is not installed, or its directories are another user's")
    port = free_port()
    certificate, key = directory / "conveyor.crt", directory / "conveyor.key"
    name = ["-subj", "/CN=localhost", "-days", "1", "-nodes"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", *name, *files]
    subprocess.run(made, check=True, capture_output=True)
    server = (ROOT / "deploy" / "nginx" / "conveyor.conf").read_text()
    for old, new in {
        "127.0.0.1:8000": url.removeprefix("http://"),
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/conveyor.crt": str(certificate),
        "/etc/ssl/conveyor.key": str(key),
    }.items():
        assert old in server
        server = server.replace(old, new)
    main = directory / "nginx.conf"
    main.write_text(
        f"daemon off; pid {directory}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off;\n{server}\n}}\n"
    )
    with subprocess.Popen(["nginx", "-p", str(directory), "-c", str(main)]) as process:
        try:
            yield f"https://127.0.0.1:{port}"
        finally:
            process.terminate()


async def test_events_and_jobs_pass_through_nginx(
    rabbit: PrivateRabbit, postgres: PrivatePostgres, tmp_path: Path
) -> None:
    await postgres.execute("CREATE DATABASE proxied")
    dsn = with_database(postgres.tcp_dsn, "proxied")
    unverified = aiohttp.TCPConnector(ssl=_anyone())
    async with (
        running(rabbit, dsn, tmp_path / "services") as direct,
        aiohttp.ClientSession(connector=unverified) as session,
    ):
        with nginx(direct.url, tmp_path) as url:
            api = Api(session, url)

            async def is_up() -> bool:
                try:
                    return bool(await api.get("/health"))
                except aiohttp.ClientConnectionError:  # it does not listen yet
                    return False

            await eventually(is_up)
            async with asyncio.timeout(60), session.get(f"{url}/events") as stream:
                task = {"name": "a", "run": "sleep 1000"}
                job = await api.submit({"name": "proxied", "tasks": [task]})
                seen = ""
                # The job runs on: only a stream that is passed on at once gets here.
                while not ('"RUNNING"' in seen and job["id"] in seen):
                    seen += (await stream.content.readline()).decode()
            await api.put(f"/jobs/{job['id']}/cancel")
            large = {"name": "x" * 600_000, "tasks": [task]}
            async with session.post(f"{url}/jobs", json=large) as answer:
                assert answer.status == 413
                assert "message" in await answer.json()


def _anyone() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def run_of_page(name: str, dsn: str, directory: Path) -> None:
    """The commands of the page, with the programs of the server that runs."""
    found = re.search(rf"^```sh {name}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    environment = {
        "CONVEYOR_POSTGRES_DSN": dsn,
        "PATH": f"{find_binaries().directory}:/usr/bin:/bin",
    }
    command = ["sh", "-ec", found[1]]
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def test_a_restored_backup_continues_each_job_where_it_was(
    postgres: PrivatePostgres, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    runs = tmp_path / "runs"
    job = {
        "name": "interrupted",
        "tasks": [
            {"name": "done before", "var": "first", "run": f"echo one >> {runs}; {_result('one')}"},
            {"name": "in the middle", "run": f"while [ ! -e {gate} ]; do sleep 0.1; done"},
            {"name": "after", "var": "last", "run": _result("three")},
        ],
        "output": "{{ tasks.first }} {{ tasks.last }}",
    }
    await postgres.execute("CREATE DATABASE original", "CREATE DATABASE restored")
    original = with_database(postgres.tcp_dsn, "original")
    with PrivateRabbit() as rabbit:
        async with running(rabbit, original, tmp_path / "before") as api:
            submitted = await api.submit(job)
            await api.job_when(
                submitted["id"],
                lambda job: [t["state"] for t in job["execution"]] == ["COMPLETED", "RUNNING"],
            )
            await asyncio.to_thread(run_of_page, "backup", original, tmp_path)
    restored = with_database(postgres.tcp_dsn, "restored")
    await asyncio.to_thread(run_of_page, "restore", restored, tmp_path)
    gate.touch()
    with PrivateRabbit() as empty:
        async with running(empty, restored, tmp_path / "after") as api:
            end = await api.final(submitted["id"])
    assert (end["state"], end["result"]) == ("COMPLETED", "one three"), json.dumps(end)
    assert runs.read_text() == "one\n"


def _result(text: str) -> str:
    return f'printf {text} > "$TORK_OUTPUT"'
