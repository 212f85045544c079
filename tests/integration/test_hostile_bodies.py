"""Whatever a body of half a megabyte holds, the coordinator goes on answering."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from services.coordinator.settings import ApiSettings
from tests.support.http.api import Api, api_on
from tests.support.http.hostile_bodies import NAMES, hostile_body
from tests.support.stalls import never_holds_up_the_event_loop

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.usefixtures("spared_heap"),
]

PARTS = 3  # a test with a door of its own for each body would take several times as long


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn, api=ApiSettings(request_log="off")) as api:
        await api.get("/health")
        yield api


async def post_and_ask_for_health(api: Api, body: bytes, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    posting = asyncio.ensure_future(api.raw("POST", "/jobs", data=body, headers=headers))
    asked = 0
    while not posting.done():
        await api.get("/health")
        asked += 1
    assert asked
    assert (await posting).status in (200, 400)
    api.batcher.submitted.clear()


@pytest.mark.parametrize("part", range(PARTS))
async def test_a_hostile_body_never_holds_up_the_event_loop(api: Api, part: int) -> None:
    failures = []
    for name in NAMES[part::PARTS]:
        try:
            await never_holds_up_the_event_loop(
                partial(post_and_ask_for_health, api, *hostile_body(name))
            )
        except AssertionError as error:  # the other bodies are tried, too
            failures.append(f"{name}: {error}")
    assert not failures
