"""Rows of the feed as services write them, and a reader of server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientError, ClientResponse

from shared.lifecycle import Task
from shared.messages import Change, LogPart
from shared.postgres.pool import Connection, Pool, acquired
from shared.store.writing import Writes, write
from tests.support.http.api import Api

_ADD_EVENT = "INSERT INTO job_events (job_id, changes) VALUES ($1, $2)"
_PATIENCE_SECONDS = 60


def change(job_id: str, version: int = 1, state: str = "RUNNING", **fields: Any) -> Change:
    return Change(job_id=job_id, version=version, state=state, at=datetime.now(UTC), **fields)


async def add_changes(connection: Connection, *changes: Change) -> None:
    """One row, all changes of one job."""
    dumped = [change.model_dump(mode="json") for change in changes]
    await connection.execute(_ADD_EVENT, changes[0].job_id, dumped)


async def add_event(pool: Pool, *changes: Change) -> None:
    async with acquired(pool) as connection:
        await add_changes(connection, *changes)


async def add_part(pool: Pool, task: Task, number: int, contents: str) -> None:
    part = LogPart(
        job_id=task.job_id,
        task_id=task.id,
        number=number,
        contents=contents,
        created_at=datetime.now(UTC),
    )
    async with acquired(pool) as connection:
        await write(connection, Writes(log_parts=[part]))


async def end_job(api: Api, job_id: str, state: str = "COMPLETED", version: int = 99) -> None:
    """The row and the event that says so."""
    await api.set_job(job_id, state=state, **({"error": "boom"} if state == "FAILED" else {}))
    await add_event(api.pool, change(job_id, version, state))


async def end_task(api: Api, task: Task, log_parts: int, version: int = 50) -> None:
    async with acquired(api.pool) as connection:
        await connection.execute(
            "UPDATE tasks SET state = 'COMPLETED', completed_at = now(), log_parts = $2"
            " WHERE id = $1",
            task.id,
            log_parts,
        )
    await add_event(api.pool, change(task.job_id, version, "COMPLETED", task_id=task.id))


@dataclass(frozen=True)
class Event:
    kind: str
    data: dict[str, Any]
    id: str | None


class EventReader:
    """The events of one open stream, as the text comes."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response
        self.comments = 0

    async def next(self) -> Event | None:
        """The next event; None at the end of the stream."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while line := await self.response.content.readline():
                text = line.decode().rstrip("\n")
                if not text and "data" in fields:
                    data = json.loads(fields["data"])
                    return Event(fields["event"], data, fields.get("id"))
                name, _, value = text.partition(": ")
                self.comments += text.startswith(":")
                fields[name] = value
        return None

    async def take(self, count: int) -> list[Event]:
        events = [await self.next() for _ in range(count)]
        return [event for event in events if event is not None]

    async def rest(self) -> list[Event]:
        """All up to the end of the stream."""
        events = []
        while event := await self.next():
            events.append(event)
        return events

    async def until_cut(self) -> list[Event]:
        """All up to the moment where the connection is cut, which must come before any end."""
        events = []
        try:
            while event := await self.next():
                events.append(event)
        except ClientError:  # what is waited for
            return events
        raise AssertionError("the stream has ended in order")


@asynccontextmanager
async def events_of(
    api: Api, path: str, last_event_id: str | None = None
) -> AsyncIterator[EventReader]:
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    async with api.client.get(path, headers=headers) as response:
        assert response.status == 200, await response.text()
        yield EventReader(response)
