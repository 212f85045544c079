"""Server-sent events, as the API sends them: what happens to a job, in one order."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from cli.api.client import ApiClient, job_path
from cli.api.session import ApiUnavailable, Json

_SILENCE_SECONDS = 90.0  # the server shows signs of life far more often


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """`kind` is job, task, progress, log or end; `cursor` is where to go on after it."""

    kind: str
    cursor: str
    data: Json


async def job_events(
    api: ApiClient, job_id: str, after: str | None
) -> AsyncGenerator[ServerEvent, None]:
    """What has happened to a job since its beginning, or since the cursor `after`, and what goes on
    to happen, until the server closes the stream. Raises ApiRejected or ApiUnavailable."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
    async with (
        api.stream(
            f"{job_path(job_id)}/events", headers, silence_seconds=_SILENCE_SECONDS
        ) as stream,
        aclosing(events_of(stream.lines())) as events,
    ):
        async for event in events:
            yield event


async def events_of(lines: AsyncIterator[str]) -> AsyncGenerator[ServerEvent, None]:
    """The events in the lines of a text/event-stream."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            # A comment has an empty name. Data may come in several lines.
            fields[name] = f"{fields[name]}\n{value}" if name == "data" in fields else value
        elif fields.keys() - {""}:
            yield _event(fields)
            fields = {}


def _event(fields: dict[str, str]) -> ServerEvent:
    text = fields.get("data", "")
    try:
        data = json.loads(text) if text else {}
    except ValueError as error:  # something else than Conveyor sends here
        raise ApiUnavailable(f"an event can't be read: {text[:80]!r}") from error
    return ServerEvent(fields.get("event", "message"), fields.get("id", ""), data)
