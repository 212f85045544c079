"""A part is killed in the middle of a transfer of files: no half file is seen, and none is left."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import aiohttp
import pytest

from shared.files.factory import opened_store
from shared.files.names import job_prefix
from shared.files.settings import FilesSettings
from tests.chaos.links import Link
from tests.support.eventually import eventually
from tests.support.files.s3_server import ACCESS_KEY, SECRET_KEY, signed_s3_server
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster, Service

pytestmark = pytest.mark.real

SEED = 12
S3, BUCKET = "S3 server", "files"
SIZE = 12 * 1024 * 1024
ACTS = {"keep": SIZE // 2, "bring": SIZE * 3 // 2}
"""How many bytes have passed in the middle of each."""
SETTINGS = {
    "CONVEYOR_WORKER_LEASE_SECONDS": "5",
    "CONVEYOR_WORKER_HEARTBEAT_SECONDS": "0.5",
    "CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS": "6",
    "CONVEYOR_SCHEDULE_RESEND_AFTER_SECONDS": "3",
}
DIGEST = 'sha256sum < data | cut -c -64 > "$TORK_OUTPUT"'
JOB = {
    "name": "hand on a file",
    "defaults": {"retry": {"limit": 5, "initialDelay": "200ms"}},
    "tasks": [
        {
            "name": "keep",
            "var": "kept",
            "run": f"head -c {SIZE} /dev/urandom > data; {DIGEST}",
            "artifacts": [{"name": "data", "path": "data"}],
        },
        {
            "name": "bring",
            "var": "brought",
            "sources": [{"artifact": "kept.data", "target": "data"}],
            "run": DIGEST,
        },
    ],
    "output": "{{ tasks.kept }} {{ tasks.brought }}",
}


class Rig:
    """A distributed Conveyor with one worker, which reaches the store by `link`: that is the
    directory of the coordinator, or S3."""

    def __init__(self, cluster: Cluster, folder: Path, server: str, s3: ExitStack) -> None:
        self.server = server
        self.link = Link(0)
        self.services: dict[str, Service] = {}
        self._cluster = cluster
        self._folder = folder
        self._s3 = s3

    async def start(self, name: str, session: aiohttp.ClientSession) -> None:
        if name == S3:
            port = self._s3.enter_context(signed_s3_server(self._folder)).port
        else:
            service = self.services[name] = self._cluster.start(name, self._store_of(name))
            await service.wait_up(session)
            port = urlsplit(service.url).port or 0
        if name == self.server:
            self.link.lead_to(port)

    def kill(self, name: str) -> None:
        if name == S3:
            self._s3.close()
        else:
            self.services[name].kill()

    async def sizes(self, job_id: str) -> set[int | None]:
        """Of all that the store has of that job."""
        settings = FilesSettings(**self._fields("coordinator"))
        async with opened_store(settings) as store:
            return {each.size async for each in store.list_objects(job_prefix(job_id))}

    async def sweep(self) -> None:
        """As a scheduler does it a day later."""
        async with opened_store(FilesSettings(**self._fields("coordinator"))) as store:
            await store.sweep(datetime.now(UTC))

    def _store_of(self, name: str) -> dict[str, str]:
        return {f"CONVEYOR_FILES_{key.upper()}": value for key, value in self._fields(name).items()}

    def _fields(self, name: str) -> dict[str, str]:
        url = f"http://127.0.0.1:{self.link.port}"
        if self.server == S3:
            keys = {"s3_access_key": ACCESS_KEY, "s3_secret_key": SECRET_KEY}
            return {"store": f"s3://{BUCKET}", "s3_endpoint": url, **keys}
        store = str(self._folder) if name == self.server else url
        return {"store": store, "link_key": "k" * 32}


@pytest.fixture(params=["coordinator", S3])
async def rig(
    request: pytest.FixtureRequest,
    private_rabbit: PrivateRabbit,
    private_postgres: PrivatePostgres,
    tmp_path: Path,
) -> AsyncIterator[Rig]:
    folder = tmp_path / "store"
    (folder / BUCKET if request.param == S3 else folder).mkdir(parents=True)
    cache = {"CONVEYOR_FILES_CACHE_DIR": str(tmp_path / "cache")}
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path, **SETTINGS, **cache)
    with ExitStack() as s3:
        rig = Rig(cluster, folder, request.param, s3)
        await rig.link.open()
        try:
            yield rig
        finally:
            await asyncio.to_thread(cluster.close)
            await rig.link.close()


async def test_no_half_file_is_seen_whoever_is_killed_in_the_middle_of_a_transfer(
    rig: Rig, tmp_path: Path
) -> None:
    rounds = Random(SEED).sample(list(product(("worker", rig.server), ACTS)), 4)
    async with aiohttp.ClientSession() as session:
        for name in dict.fromkeys((rig.server, "coordinator", "scheduler", "worker")):
            await rig.start(name, session)
        for victim, act in rounds:
            # When it is killed while a file is half way
            rig.link.cut_after(ACTS[act])
            job = await Api(session, rig.services["coordinator"].url).submit(JOB)
            await eventually(lambda: rig.link.is_cut)
            rig.kill(victim)
            rig.link.mend()
            await rig.start(victim, session)
            # Then no half file is there, and the job ends with the whole one
            assert await rig.sizes(job["id"]) <= {SIZE}, (victim, act)
            done = await Api(session, rig.services["coordinator"].url).final(job["id"])
            assert done["state"] == "COMPLETED", (victim, act, done)
            kept, brought = done["result"].split()
            assert kept == brought, (victim, act)
            assert await rig.sizes(job["id"]) == {SIZE}
    # And nothing else is left of it, not even on the worker's disk
    await rig.sweep()
    rig.services["worker"].stop()
    left = [path.name for path in tmp_path.rglob("*") if is_temporary(path)]
    assert left == []


def is_temporary(path: Path) -> bool:
    return path.name.startswith("conveyor-task.") or path.parent.name == "partial"
