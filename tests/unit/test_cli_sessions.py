"""`conveyor sessions`, and users who are disabled, on the command line."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.http.command_line import run_command
from tests.support.http.fake_api import FakeApi, fake_api
from tests.unit.test_cli_lists import AT, table

SESSION = {
    "id": "s1",
    "user": "ann",
    "kind": "page",
    "client": "Firefox/140",
    "createdAt": AT,
    "endsAt": AT,
    "isCurrent": False,
}


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with fake_api() as fake:
        yield fake


async def test_sessions_are_a_table(api: FakeApi) -> None:
    api.answers["GET /sessions"] = [SESSION, SESSION | {"key": "k1", "kind": "token"}]
    _, first, second = await table(api, "sessions", "list", "--user", "ann")
    assert first[:4] == ["s1", "ann", "password", "Firefox/140"]
    assert second[:4] == ["s1", "ann", "key", "k1"]
    assert api.asked[0].query == {"user": "ann"}


@pytest.mark.parametrize(
    ("arguments", "asked", "said"),
    [
        (("s1",), "DELETE /sessions/s1", "s1 ended\n"),
        (("--all", "--user", "ann"), "DELETE /sessions", "ended sessions: 2\n"),
    ],
)
async def test_sessions_are_ended_by_id_or_all_at_once(
    api: FakeApi, arguments: tuple[str, ...], asked: str, said: str
) -> None:
    api.answers[asked] = {"ended": 2}
    result = await run_command(api.url, "sessions", "end", *arguments)
    assert (result.stdout, [one.what for one in api.asked]) == (said, [asked])


@pytest.mark.parametrize("arguments", [(), ("s1", "--all")])
async def test_it_is_said_which_sessions_to_end(api: FakeApi, arguments: tuple[str, ...]) -> None:
    result = await run_command(api.url, "sessions", "end", *arguments)
    assert (result.exit_code, api.asked) == (2, [])
    assert "give ids or --all" in result.stderr


@pytest.mark.parametrize(("act", "disabled"), [("disable", True), ("enable", False)])
async def test_a_user_is_disabled_and_enabled(api: FakeApi, act: str, disabled: bool) -> None:
    api.answers["PATCH /users/ann"] = {"username": "ann"}
    result = await run_command(api.url, "users", act, "ann")
    assert result.stdout == f"ann {act}d\n"
    assert json.loads(api.asked[0].body) == {"disabled": disabled}
