"""`conveyor migrate --first-key`: the way into an API that asks for a key."""

import re

import pytest
from click.testing import CliRunner, Result

from cli.migrate import migrate
from services.coordinator.auth_settings import AuthSettings
from tests.support.http.api import api_on

pytestmark = pytest.mark.real


def run_migrate(dsn: str, *options: str) -> Result:
    environment = {"CONVEYOR_POSTGRES_DSN": dsn, "CONVEYOR_URL": "http://127.0.0.1:8123"}
    result = CliRunner().invoke(migrate, options, env=environment)
    assert result.exit_code == 0, result.output
    return result


def printed_key(result: Result) -> str | None:
    found = re.search(r"CONVEYOR_API_KEY=(\S+)", result.output)
    return found[1] if found else None


def test_the_first_key_is_made_once_and_printed_with_how_to_use_it(
    empty_postgres_dsn: str,
) -> None:
    first = run_migrate(empty_postgres_dsn, "--first-key")
    key = printed_key(first)
    assert key is not None
    assert 'curl -H "X-API-Key: $CONVEYOR_API_KEY" http://127.0.0.1:8123/jobs' in first.output
    second = run_migrate(empty_postgres_dsn, "--first-key")
    assert printed_key(second) is None
    assert key not in second.output
    assert "an admin key already exists" in second.output


def test_without_the_option_no_key_is_made(empty_postgres_dsn: str) -> None:
    assert printed_key(run_migrate(empty_postgres_dsn)) is None
    assert printed_key(run_migrate(empty_postgres_dsn, "--first-key"))


@pytest.fixture
def first_key(postgres_dsn: str) -> str:
    key = printed_key(run_migrate(postgres_dsn, "--first-key"))
    assert key is not None
    return key


async def test_the_first_key_may_do_everything(postgres_dsn: str, first_key: str) -> None:
    async with api_on(postgres_dsn, auth=AuthSettings(type="key")) as api:
        [key] = await api.get("/keys", headers={"X-API-Key": first_key})
        assert (key["name"], key["scopes"]) == ("first key", ["admin"])
