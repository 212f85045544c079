"""Every SQL statement in the code fits the migrated schema."""

import importlib
import pkgutil
import re
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

import services.coordinator.store
import services.scheduler.store
import services.webhook_dispatcher.store
import shared.postgres
import shared.store
from shared.postgres.pool import set_up_connection
from shared.store.writing import PARTS, statement

pytestmark = pytest.mark.real

_PACKAGES = (
    shared.postgres,
    shared.store,
    services.coordinator.store,
    services.scheduler.store,
    services.webhook_dispatcher.store,
)
_STATEMENT = re.compile(r"\s*\(?(SELECT|INSERT|UPDATE|DELETE|WITH)\b")


def _writes() -> Iterator[tuple[str, str]]:
    """Each part alone and all of them together: any others are a choice between the two."""
    for names in (*((name,) for name in PARTS), tuple(PARTS)):
        yield f"shared.store.writing: {', '.join(names)}", statement(names)


def _statements() -> Iterator[tuple[str, str]]:
    for package in _PACKAGES:
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if module.ispkg:
                continue
            for name, value in vars(importlib.import_module(module.name)).items():
                if name.isupper() and isinstance(value, str) and _STATEMENT.match(value):
                    yield f"{module.name}.{name}", value


STATEMENTS = dict(_statements()) | dict(_writes())


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_dsn)
    await set_up_connection(connection)
    # The one table that no migration makes.
    await connection.execute(importlib.import_module("shared.postgres.migrate").CREATE_TABLE)
    yield connection
    await connection.close()


def test_the_statements_are_found() -> None:
    assert "shared.store.locking.LOAD" in STATEMENTS
    assert "shared.store.writing: new_tasks" in STATEMENTS
    assert len(STATEMENTS) > 50


async def test_every_statement_can_be_prepared(connection: asyncpg.Connection) -> None:
    for name, sql in STATEMENTS.items():
        try:
            await connection.prepare(sql)
        except asyncpg.PostgresError as error:
            pytest.fail(f"{name}: {error}")
