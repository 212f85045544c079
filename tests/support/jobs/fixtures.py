"""The fixture of those who play families: `play`, its database checked when the test is over."""

from collections.abc import AsyncIterator

import pytest

from tests.support.family_invariants import check_invariants
from tests.support.jobs.batcher import batcher_rig
from tests.support.jobs.families import Play


@pytest.fixture
async def play(postgres_dsn: str) -> AsyncIterator[Play]:
    async with batcher_rig(postgres_dsn) as rig:
        yield Play(rig)
        await check_invariants(rig.pool)
