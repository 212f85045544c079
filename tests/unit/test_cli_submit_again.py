"""`conveyor submit` over connections that break: sent again, created once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from aiohttp import web

from tests.support.http.command_line import run_command
from tests.support.http.fake_api import FakeApi, OneByOne, fake_api, refusal

JOB_FILE = "name: hello\ntasks: [{name: greet, run: 'true'}]\n"


SUMMARY = {"id": "j1", "name": "hello", "state": "PENDING", "position": 0, "taskCount": 1}


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with fake_api() as fake:
        fake.answers["POST /jobs"] = SUMMARY
        yield fake


def breaking_off(answer: Any) -> Any:
    """A connection that ends before its answer, then `answer`."""

    async def break_off(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return OneByOne(break_off, answer)


async def test_a_submission_that_broke_off_is_sent_again_under_the_same_key(api: FakeApi) -> None:
    api.answers["POST /jobs"] = breaking_off(SUMMARY)
    result = await run_command(api.url, "submit", "-", stdin=JOB_FILE)
    assert (result.exit_code, result.stdout) == (0, "j1\n")
    first, second = (asked.headers["Idempotency-Key"] for asked in api.asked)
    assert first == second


async def test_a_scheduled_job_that_broke_off_is_sent_again_under_the_same_key(
    api: FakeApi, tmp_path: Path
) -> None:
    (tmp_path / "job.yaml").write_text(JOB_FILE)
    api.answers["POST /scheduled-jobs"] = breaking_off({"id": "s1"})
    result = await run_command(api.url, "schedules", "create", str(tmp_path / "job.yaml"))
    assert (result.exit_code, result.stdout) == (0, "s1\n")
    assert len({asked.headers["Idempotency-Key"] for asked in api.asked}) == 1


async def test_every_submission_has_a_key_of_its_own_or_the_one_that_is_given(api: FakeApi) -> None:
    for options in ([], [], ["--idempotency-key", "order-17"]):
        await run_command(api.url, "submit", "-", *options, stdin=JOB_FILE)
    keys = [asked.headers["Idempotency-Key"] for asked in api.asked]
    assert len(set(keys)) == 3
    assert keys[2] == "order-17"


async def test_what_the_api_refuses_for_now_is_not_sent_again(api: FakeApi) -> None:
    api.answers["POST /jobs"] = refusal(503, "the database is unavailable, try again later")
    result = await run_command(api.url, "submit", "-", stdin=JOB_FILE)
    assert result.exit_code == 3
    assert len(api.asked) == 1
