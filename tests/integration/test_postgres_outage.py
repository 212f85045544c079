"""The batcher and a Postgres that is restarted, killed or frozen: it works again by itself."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from shared.postgres.errors import DatabaseUnavailable
from tests.support.jobs.batcher import Rig, batcher_rig
from tests.support.servers.frozen_server import freeze, thaw
from tests.support.servers.postgres import PrivatePostgres

pytestmark = pytest.mark.real

SHELL = {"name": "build", "run": "true"}


@pytest.fixture
async def rig(private_postgres: PrivatePostgres) -> AsyncIterator[Rig]:
    async with batcher_rig(private_postgres.dsn, command_timeout_seconds=1) as rig:
        yield rig


@contextmanager
def frozen(server: PrivatePostgres) -> Iterator[None]:
    assert server.pid
    freeze(server.pid)
    try:
        yield
    finally:
        thaw(server.pid)


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_it_goes_on_after_postgres_was_away(
    rig: Rig, private_postgres: PrivatePostgres, end: str
) -> None:
    job_id = await rig.submit([SHELL, SHELL])
    getattr(private_postgres, end)()
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            await rig.submit([SHELL])
    private_postgres.start()
    await rig.run_current(job_id)
    await rig.run_current(job_id)
    assert (await rig.job(job_id))["state"] == "COMPLETED"


async def test_it_says_unavailable_while_postgres_is_frozen_and_goes_on_after(
    rig: Rig, private_postgres: PrivatePostgres
) -> None:
    job_id = await rig.submit([SHELL])
    with frozen(private_postgres):
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                await rig.submit([SHELL])
    await rig.run_current(job_id)
    assert (await rig.job(job_id))["state"] == "COMPLETED"
