"""Services of the version before and of this one side by side, while each is exchanged under load:
no job is lost, no attempt is started twice, no webhook is missing."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

import aiohttp
import asyncpg
import pytest

from tests.chaos.accounts import Accounts
from tests.chaos.ledger import doubled, read_ledger, started_again
from tests.chaos.mix import Planned, Workshop
from tests.chaos.receiver import Receiver, opened_receiver
from tests.chaos.script import Scripts
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster, Service
from tests.support.services.previous_version import unpack_version_before

pytestmark = pytest.mark.real

SERVICES = ["coordinator", "coordinator", "scheduler", "webhook_dispatcher", "worker", "worker"]
KINDS = 11
WORKER = {"CONVEYOR_WORKER_QUEUES": "default:3"}


@dataclass
class Upgrade:
    """A system that is the version before at first, and the jobs it was given."""

    cluster: Cluster
    session: aiohttp.ClientSession
    workshop: Workshop
    before: Path
    given: dict[str, Planned] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def start(self, name: str, code: Path | None = None) -> Service:
        env = WORKER if name == "worker" else {}
        return self.cluster.start(name, env, code=code) if code else self.cluster.start(name, env)

    def apis(self) -> list[Api]:
        urls = [s.url for s in self.cluster.services if s.name == "coordinator"]
        return [Api(self.session, url) for url in urls]

    async def submit(self, jobs: int) -> None:
        """Jobs of all kinds, to each coordinator in turn; some are cancelled again."""
        for _ in range(jobs):
            number = next(self._numbers)
            planned = self.workshop.job(number, "u")
            apis = self.apis()
            job = await apis[number % len(apis)].submit(planned.body)
            self.given[job["id"]] = planned
            if planned.is_cancelled:
                await apis[-1].put(f"/jobs/{job['id']}/cancel")

    async def exchange(self, name: str) -> None:
        """A new one comes up, then an old one leaves; meanwhile there is work."""
        old = next(s for s in self.cluster.services if s.name == name and s.code == self.before)
        self.start(name)
        await self.cluster.wait_up()
        await self.submit(KINDS)
        self.cluster.services.remove(old)
        assert await asyncio.to_thread(old.stop) == 0, old.log.read_text()[-3000:]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the code of the version before lies; nothing of this one is read there."""
    directory = tmp_path_factory.mktemp("before") / "code"
    unpack_version_before(directory)
    which = "import services.worker, shared.store; print(shared.store.__file__)"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(directory)}
    told = subprocess.check_output([sys.executable, "-c", which], cwd=directory, env=env, text=True)
    assert told.startswith(str(directory))
    return directory


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with opened_receiver(Random(1)) as receiver:
        yield receiver


@pytest.fixture
async def upgrade(
    private_rabbit: PrivateRabbit,
    empty_private_postgres: PrivatePostgres,
    receiver: Receiver,
    before: Path,
    tmp_path: Path,
) -> AsyncIterator[Upgrade]:
    scripts = Scripts(tmp_path / "tasks")
    scripts.make_room()
    cluster = Cluster(private_rabbit.url, empty_private_postgres.tcp_dsn, tmp_path)
    async with aiohttp.ClientSession() as session:
        workshop = Workshop(scripts, Random(1), receiver.url, newest=False)
        yield Upgrade(cluster, session, workshop, before)
    await asyncio.to_thread(cluster.close)


@pytest.mark.parametrize(
    "order", [SERVICES, SERVICES[::-1]], ids=["coordinators-first", "workers-first"]
)
async def test_each_service_is_exchanged_under_load_and_nothing_is_lost_or_doubled(
    order: list[str],
    upgrade: Upgrade,
    receiver: Receiver,
    empty_private_postgres: PrivatePostgres,
    tmp_path: Path,
) -> None:
    # Given a system of the version before, at work
    for name in SERVICES:
        upgrade.start(name, upgrade.before)
    await upgrade.cluster.wait_up()
    await upgrade.submit(KINDS)

    # When each of its services is exchanged, one after the other
    for name in order:
        await upgrade.exchange(name)

    # Then each job has ended as it must, and each attempt was started once
    [api, *_] = upgrade.apis()
    for job_id, planned in upgrade.given.items():
        job = await api.final(job_id)
        assert (job["state"], job.get("result")) == (planned.state, planned.result), (
            planned.key,
            job,
            upgrade.cluster.logs(),
        )
    lines = read_ledger(tmp_path / "tasks" / "ledger", "u")
    assert doubled(lines) == []
    assert started_again(lines) == []

    # And every webhook has come, under one id, and nothing is left to do
    connection = await asyncpg.connect(empty_private_postgres.tcp_dsn)
    accounts = Accounts(connection)
    async with asyncio.timeout(60):
        while not (owed := await accounts.owed("u")) <= receiver.taken.keys():
            await asyncio.sleep(0.1)
        while await accounts.left():
            await asyncio.sleep(0.1)
    await connection.close()
    assert {len(ids) for event, ids in receiver.taken.items() if event in owed} == {1}
