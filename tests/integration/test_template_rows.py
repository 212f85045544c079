"""What is registered: which version a tag stands for, and whose it is."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from services.coordinator.store import templates
from services.coordinator.store.templates import (
    NewTemplate,
    OwnedByAnother,
    Registered,
    Wanted,
)
from shared.jobspec.tags import parse_tag, parse_version
from shared.postgres.pool import set_up_connection

pytestmark = pytest.mark.real

ANN, BOB = ["user:ann"], ["user:bob"]


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_dsn)
    await set_up_connection(connection)
    yield connection
    await connection.close()


async def pushed(connection: Any, tag: str, *, of: str = "ann", **fields: Any) -> Registered:
    name, _, version = tag.partition("@")
    new = NewTemplate(
        id=f"{tag} of {of}",
        kind="app",
        name=name,
        **parse_version(version)._asdict(),
        description="",
        document={"tag": tag},
        sealed=None,
        schema={},
        is_active=True,
        owner=of,
        readers=[f"user:{of}"],
    )
    return await templates.push(connection, new._replace(**fields), [f"user:{of}"])


async def found(connection: Any, tag: str, readers: list[str] | None = None) -> str | None:
    row = await templates.resolve(connection, "app", parse_tag(tag), readers)
    return f"{row.tag} {row.status}" if row else None


async def test_a_tag_stands_for_the_newest_active_version_that_it_allows(connection: Any) -> None:
    for tag in ("v@1.9", "v@1.10", "v@2.0"):
        await pushed(connection, tag)
    await templates.set_active(connection, "app", parse_tag("v@2.0"), is_active=False)

    assert await found(connection, "v") == "v@1.10 active"
    assert await found(connection, "v@1") == "v@1.10 active"
    assert await found(connection, "v@1.9") == "v@1.9 active"
    assert await found(connection, "v@2") == "v@2.0 inactive"
    assert await found(connection, "v@1.1") is await found(connection, "w") is None

    listed, total = await templates.listed(connection, Wanted(["app"], "V", 10, 0), None)
    assert [(each.newest.tag, each.versions) for each in listed] == [("v@1.10", 3)]
    assert total == 1


async def test_a_version_is_pushed_again_by_its_owner_only_and_seen_by_all_once_public(
    connection: Any,
) -> None:
    first = await pushed(connection, "v@1.0", is_active=False)
    again = await pushed(connection, "v@1.0", document={"b": 2})
    with pytest.raises(OwnedByAnother):
        await pushed(connection, "v@9.0", of="bob")

    assert (again.id, again.revision, again.document) == (first.id, 2, {"b": 2})
    assert not again.is_active
    assert await found(connection, "v", BOB) is None
    await templates.set_public(connection, "app", parse_tag("v"), is_public=True)
    assert await found(connection, "v", BOB) == await found(connection, "v", ANN)
    await templates.delete(connection, "app", parse_tag("v@1"))
    assert await templates.versions(connection, "app", "v", None) == []
