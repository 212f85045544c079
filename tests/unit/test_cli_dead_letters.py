"""`conveyor dead-letters`: what is asked, what is shown."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.http.command_line import run_command
from tests.support.http.fake_api import FakeApi, fake_api, page, refusal

LETTER = {
    "id": "d1",
    "queue": "completions",
    "reason": "unexpected\nkind 'x'",
    "kind": "x",
    "size": 1234,
    "at": "2024-05-01T12:00:00Z",
}


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with fake_api() as fake:
        fake.answers["GET /dead-letters"] = page([LETTER, {"id": "d2", "size": 1}])
        yield fake


async def test_dead_letters_are_listed_with_their_reasons_on_one_line_each(api: FakeApi) -> None:
    api.answers["GET /dead-letters"] = page([LETTER, {"id": "d2", "size": 1}], totalItems=30)
    result = await run_command(api.url, "dead-letters", "list", "--page", "2")
    assert result.exit_code == 0, result.output
    _, first, second = result.stdout.splitlines()
    assert first.split()[:4] == ["d1", "completions", "x", "1,234"]
    assert first.endswith("unexpected kind 'x'")
    assert second.split()[:2] == ["d2", "unknown"]
    assert api.asked[0].query == {"page": "2", "size": "20"}


async def test_no_dead_letters_leave_standard_output_empty(api: FakeApi) -> None:
    api.answers["GET /dead-letters"] = page([])
    result = await run_command(api.url, "dead-letters", "list")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no dead letters\n")


async def test_one_is_shown_readably_and_can_not_steer_the_terminal(api: FakeApi) -> None:
    api.answers["GET /dead-letters/d1"] = {**LETTER, "contents": '{"kind":"x","a":"\\u009b2J"}'}
    result = await run_command(api.url, "dead-letters", "show", "d1")
    assert result.stdout.startswith("queue:  completions\nreason: unexpected kind 'x'\n")
    assert '  "kind": "x",\n  "a": " 2J"\n' in result.stdout
    api.answers["GET /dead-letters/d1"] = {**LETTER, "contents": "\x1b[2Jno JSON"}
    result = await run_command(api.url, "dead-letters", "show", "d1")
    assert result.stdout.endswith("\n [2Jno JSON\n")


async def test_several_are_sent_again_and_one_that_is_refused_keeps_none(api: FakeApi) -> None:
    api.answers["POST /dead-letters/d1/requeue"] = refusal(409, "no queue to go back to")
    api.answers["POST /dead-letters/d2/requeue"] = {"status": "OK"}
    result = await run_command(api.url, "dead-letters", "requeue", "d1", "d2")
    assert (result.exit_code, result.stdout) == (3, "d2 requeued\n")
    assert "d1: " in result.stderr
    assert "no queue to go back to" in result.stderr


async def test_the_beginning_of_an_id_is_enough_to_delete_one(api: FakeApi) -> None:
    api.answers["GET /dead-letters"] = page([{"id": "1234567890"}, {"id": "1298765432"}])
    api.answers["DELETE /dead-letters/1234567890"] = {"status": "OK"}
    result = await run_command(api.url, "dead-letters", "delete", "123")
    assert (result.exit_code, result.stdout) == (0, "123 deleted\n")
    result = await run_command(api.url, "dead-letters", "delete", "12")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "12: several match '12': 1234567890" in result.stderr


async def test_purging_asks_first(api: FakeApi) -> None:
    api.answers["DELETE /dead-letters"] = {"deleted": 1}
    refused = await run_command(api.url, "dead-letters", "purge", stdin="n\n")
    assert refused.exit_code == 1
    assert api.asked == []
    purged = await run_command(api.url, "dead-letters", "purge", "--yes")
    assert (purged.exit_code, purged.stdout) == (0, "1 dead letter deleted\n")
