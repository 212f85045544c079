"""Whatever a body of half a megabyte holds, the coordinator goes on answering."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from services.coordinator.settings import ApiSettings
from tests.support.http.api import Api, api_on
from tests.support.http.hostile_bodies import NAMES, hostile_body
from tests.support.stalls import MOST_SECONDS, longest_stall

pytestmark = [pytest.mark.real, pytest.mark.slow]

TRIES = 5


async def asked_for_health(api: Api, until: asyncio.Future[int]) -> int:
    asked = 0
    while not until.done():
        await api.get("/health")
        asked += 1
    return asked


@pytest.fixture(autouse=True)
def spared_heap() -> Iterator[None]:
    """As a service spares what it has imported: pytest's objects are no part of it."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("name", NAMES)
async def test_a_hostile_body_never_holds_up_the_event_loop(name: str, postgres_dsn: str) -> None:
    body, content_type = hostile_body(name)
    async with api_on(postgres_dsn, api=ApiSettings(request_log="off")) as api:
        await api.get("/health")

        async def posted() -> int:
            headers = {"Content-Type": content_type}
            return (await api.raw("POST", "/jobs", data=body, headers=headers)).status

        stalls = []
        for _ in range(TRIES):  # the garbage of other tests is collected in some round
            async with longest_stall() as stall:
                posting = asyncio.ensure_future(posted())
                assert await asked_for_health(api, posting)
                assert await posting in (200, 400)
            api.batcher.submitted.clear()
            stalls.append(stall.seconds)
            if stall.seconds < MOST_SECONDS:
                return
        pytest.fail(f"{name}: the event loop was held up for {min(stalls):.3f} s")
