"""Endpoints as rows, what they are owed, and what makes deliveries for them."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from services.coordinator.store import webhook_endpoints
from services.coordinator.store.webhook_endpoints import EndpointFields, NewEndpoint
from services.webhook_dispatcher.following import Following
from shared.jobspec.urls import receiver_of
from shared.postgres.pool import Pool, acquired
from shared.process.sealing import Sealer
from shared.process.signing import new_secret
from tests.support.services.sent_bodies import expect_described


async def add_endpoint(
    pool: Pool,
    sealer: Sealer,
    *,
    events: Sequence[str] = ("job.StateChange",),
    url: str = "https://ci.example/hook",
    created_by: str | None = None,
    hears: Sequence[str] | None = None,
    headers: dict[str, str] | None = None,
    secret: str | None = None,
    **fields: Any,
) -> str:
    """Its id; `fields` are those of `EndpointFields`."""
    defaults: dict[str, Any] = {
        "description": "",
        "filter": None,
        "tags": [],
        "format": "standard",
        "payload": "full",
        "rate_per_second": None,
        "retry_on": [],
        "ordered": False,
        "disabled": False,
    }
    known = EndpointFields(
        url=sealer.seal_text(url),
        receiver=receiver_of(url),
        events=events,
        headers={name: sealer.seal_text(value) for name, value in (headers or {}).items()},
        **(defaults | fields),
    )
    secrets = [{"secret": sealer.seal_text(secret or new_secret()), "endsAt": None}]
    new = NewEndpoint(uuid.uuid4().hex, known, secrets, created_by, ["role:admin"], hears)
    async with acquired(pool) as connection:
        assert await webhook_endpoints.add(connection, new, 10_000, None)
    return new.id


@dataclass(frozen=True)
class Told:
    """A delivery that an endpoint is owed."""

    endpoint: str
    event: str
    job: str
    version: int
    body: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.body["data"]
        return data


async def told(pool: Pool, sealer: Sealer) -> list[Told]:
    """In the order that they were decided."""
    rows = await pool.fetch(
        "SELECT * FROM webhook_deliveries WHERE endpoint_id IS NOT NULL"
        " ORDER BY job_id, version, endpoint_id"
    )
    found = [
        Told(
            row["endpoint_id"],
            row["event"],
            row["job_id"],
            row["version"],
            orjson.loads(sealer.open_text(row["body"].decode())),
        )
        for row in rows
    ]
    for one in found:
        expect_described(one.event, one.body)
    return found


async def follow(pool: Pool, sealer: Sealer) -> Following:
    """All that has happened so far is taken up."""
    following = Following(pool, sealer, asyncio.Event())
    await take_all(following)
    return following


async def take_all(following: Following) -> None:
    while await following.take_news() == 0:
        pass
