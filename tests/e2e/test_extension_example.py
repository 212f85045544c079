"""The package of examples/extension, installed beside real services: each part of it works."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from tests.support.engines.images import BUSYBOX
from tests.support.eventually import eventually
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster

pytest_plugins = ["tests.support.services.extension"]
pytestmark = pytest.mark.real

OPERATOR = "the-operators-own-key"
SCRIPT = "make it so"


@pytest.fixture
async def cluster(
    private_rabbit: PrivateRabbit,
    private_postgres: PrivatePostgres,
    tmp_path: Path,
    extension_path: str,
) -> AsyncIterator[Cluster]:
    """Services that can import the example, on a database whose schema is there."""
    cluster = Cluster(
        private_rabbit.url, private_postgres.tcp_dsn, tmp_path, PYTHONPATH=extension_path
    )
    yield cluster
    await asyncio.to_thread(cluster.close)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"X-API-Key": OPERATOR}) as session:
        yield session


async def listener_known(dsn: str) -> None:
    """Wait until the dispatcher has begun to listen: what happened before is not told."""
    connection = await asyncpg.connect(dsn)
    try:
        await eventually(lambda: connection.fetchval("SELECT count(*) FROM feed_cursors"))
    finally:
        await connection.close()


async def told_the_end(file: Path) -> list[dict[str, Any]]:
    """All changes in the file, once the end of a job is among them."""
    async with asyncio.timeout(60):
        while True:
            lines = file.read_text().splitlines() if file.exists() else []
            changes = [json.loads(line) for line in lines]
            if any(c["state"] == "COMPLETED" and c["task_id"] is None for c in changes):
                return changes
            await asyncio.sleep(0.05)


async def test_an_installed_package_runs_tasks_and_hears_of_every_change(
    cluster: Cluster,
    private_postgres: PrivatePostgres,
    session: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    # Given a worker with the package's runtime, and a dispatcher with its listener
    file = tmp_path / "changes.jsonl"
    url = cluster.start("coordinator").url
    cluster.start("scheduler")
    cluster.start("worker", CONVEYOR_RUNTIME_TYPE="echo")
    cluster.start(
        "webhook_dispatcher",
        CONVEYOR_LISTENERS_NAMES="change-file",
        EXAMPLE_CHANGE_FILE=str(file),
    )
    await cluster.wait_up()
    await listener_known(private_postgres.tcp_dsn)
    api = Api(session, url)

    # When a job runs
    task = {"name": "first", "run": SCRIPT, "var": "first"}
    job = await api.submit({"name": "j", "tasks": [task], "output": "{{ tasks.first }}"})
    done = await api.final(job["id"])

    # Then the runtime has echoed its script, and the listener was told of every state in order
    assert (done["state"], done["result"]) == ("COMPLETED", SCRIPT), cluster.logs()
    changes = await told_the_end(file)
    assert [c["version"] for c in changes] == sorted(c["version"] for c in changes)
    of_job = [c["state"] for c in changes if c["task_id"] is None and not c["is_progress"]]
    assert of_job == ["PENDING", "SCHEDULED", "RUNNING", "COMPLETED"]


async def test_an_installed_middleware_sees_who_asks(
    cluster: Cluster, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    # Given a coordinator under maintenance, and a key that may submit
    notice = tmp_path / "maintenance"
    url = cluster.start(
        "coordinator",
        CONVEYOR_API_MIDDLEWARES="maintenance",
        EXAMPLE_MAINTENANCE_FILE=str(notice),
        CONVEYOR_AUTH_TYPE="key",
        CONVEYOR_AUTH_KEY=OPERATOR,
    ).url
    await cluster.wait_up()
    asked = {"name": "a client", "scopes": ["read", "submit"]}
    async with session.post(f"{url}/keys", json=asked) as answer:
        assert answer.status == 200, await answer.text()
        headers = {"X-API-Key": (await answer.json())["key"]}
    notice.touch()
    job = {"name": "j", "tasks": [{"name": "first", "run": SCRIPT}]}

    # When it submits a job, it is turned away in the API's own way; reading goes on
    async with session.post(f"{url}/jobs", json=job, headers=headers) as answer:
        assert answer.status == 503
        assert await answer.json() == {"message": "maintenance is going on, try again later"}
    async with session.get(f"{url}/jobs", headers=headers) as answer:
        assert answer.status == 200

    # But the operator may, and the client once it is over
    assert (await Api(session, url).submit(job))["state"] == "PENDING"
    notice.unlink()
    async with session.post(f"{url}/jobs", json=job, headers=headers) as answer:
        assert answer.status == 200


async def test_an_installed_mount_type_serves_jobs_and_an_unknown_one_is_explained(
    cluster: Cluster, session: aiohttp.ClientSession, tmp_path: Path, docker_host: str
) -> None:
    # Given a worker with an engine and the package
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    url = cluster.start("coordinator").url
    cluster.start("scheduler")
    cluster.start(
        "worker",
        CONVEYOR_RUNTIME_TYPE="docker",
        CONVEYOR_RUNTIME_DOCKER_HOST=docker_host,
        EXAMPLE_SCRATCH_ROOT=str(scratch),
    )
    await cluster.wait_up()
    api = Api(session, url)

    # When a task writes to its scratch directory
    def job(mount: str, run: str) -> dict[str, Any]:
        mounts = [{"type": mount, "target": "/fast"}]
        return {
            "name": "j",
            "tasks": [{"name": "t", "image": BUSYBOX, "mounts": mounts, "run": run, "var": "t"}],
            "output": "{{ tasks.t }}",
        }

    written = job(
        "scratch", "n=$(ls -A /fast | wc -l); echo $n > /fast/a; cat /fast/a > $TORK_OUTPUT"
    )
    done = await api.final((await api.submit(written))["id"])

    # Then it was empty and its own, and nothing of it is left
    assert (done["state"], done["result"].strip()) == ("COMPLETED", "0"), cluster.logs()
    await eventually(lambda: not list(scratch.iterdir()))

    # And a type that this worker doesn't know fails the task, with those it does
    failed = await api.final((await api.submit(job("nfs", "true")))["id"])
    assert failed["state"] == "FAILED"
    assert "mount type 'nfs' is not one of: bind, scratch, tmpfs, volume" in failed["error"]


async def test_an_installed_file_store_keeps_what_tasks_leave(
    cluster: Cluster, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    # Given services that keep files in the package's store
    store = f"plain://{tmp_path}/store"
    url = cluster.start("coordinator", CONVEYOR_FILES_STORE=store).url
    cluster.start("scheduler", CONVEYOR_FILES_STORE=store)
    cluster.start("worker", CONVEYOR_RUNTIME_TYPE="shell", CONVEYOR_FILES_STORE=store)
    await cluster.wait_up()

    # When a task keeps a file
    artifacts = [{"name": "a", "path": "a.txt"}]
    task = {"name": "write", "run": "echo kept > a.txt", "artifacts": artifacts}
    api = Api(session, url)
    done = await api.final((await api.submit({"name": "j", "tasks": [task]}))["id"])

    # Then it is a plain file of the store
    assert done["state"] == "COMPLETED", cluster.logs()
    kept = [path for path in (tmp_path / "store" / "objects").rglob("*") if path.is_file()]
    assert [path.read_text() for path in kept] == ["kept\n"]
    assert done["id"] in str(kept[0])
