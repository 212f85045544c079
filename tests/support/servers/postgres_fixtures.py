"""Fixtures that give a test its database, or a server of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers.postgres import (
    Databases,
    PrivatePostgres,
    databases,
    in_memory,
    private_server,
)


@pytest.fixture(scope="session")
def postgres_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with (
        in_memory(tmp_path_factory.mktemp("postgres")) as directory,
        databases(directory) as ready,
    ):
        yield ready


@pytest.fixture
def postgres_dsn(postgres_databases: Databases) -> Iterator[str]:
    """A migrated database of the test's own, reached by a socket."""
    with postgres_databases.fresh() as dsn:
        yield dsn


@pytest.fixture
def empty_postgres_dsn(postgres_databases: Databases) -> Iterator[str]:
    """A database without any table."""
    with postgres_databases.fresh(migrated=False) as dsn:
        yield dsn


@pytest.fixture
def private_postgres(tmp_path: Path) -> Iterator[PrivatePostgres]:
    """A server of the test's own, migrated, to be killed and restarted."""
    with (
        in_memory(tmp_path) as directory,
        private_server(directory / "postgres", migrated=True) as server,
    ):
        yield server


@pytest.fixture
def empty_private_postgres(tmp_path: Path) -> Iterator[PrivatePostgres]:
    """The same, without any table."""
    with in_memory(tmp_path) as directory, private_server(directory / "postgres") as server:
        yield server
