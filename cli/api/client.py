"""The calls of the HTTP API, each by its name. They give the API's JSON as it is."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cli.api.session import ApiSession, ApiUnavailable, Body, Json

LARGEST_PAGE = 20
LARGEST_LOG_PAGE = 100

_SILENCE_SECONDS = 90.0  # the server shows signs of life far more often


class ApiClient(ApiSession):
    """Every call raises ApiRejected or ApiUnavailable."""

    async def submit(self, job: Body) -> Json:
        """The new job's summary; the whole job once it is final, when the job asks to wait."""
        return dict(await self.post("/jobs", job))

    async def jobs(self, *, page: int = 1, size: int = 10, **search: str) -> Json:
        return dict(await self.call("GET", "/jobs", page=str(page), size=str(size), **search))

    async def job(self, job_id: str) -> Json:
        return dict(await self.call("GET", _path("jobs", job_id)))

    async def job_summary(self, text: str) -> Json:
        """Of the job that has the id, the beginning of the id, or the name `text`."""
        return dict(await self.call("GET", f"{_path('jobs', text)}/summary"))

    async def run_again(self, job_id: str, changes: Body) -> Json:
        return dict(await self.post(f"{_path('jobs', job_id)}/run-again", changes))

    async def delete_job(self, job_id: str) -> Json:
        return dict(await self.call("DELETE", _path("jobs", job_id)))

    async def task(self, task_id: str) -> Json:
        return dict(await self.call("GET", _path("tasks", task_id)))

    async def log(self, source: "LogSource", page: int) -> Json:
        """Page `page` (from 1) of a log, newest part first."""
        size = str(LARGEST_LOG_PAGE)
        return dict(await self.call("GET", source.path, page=str(page), size=size))

    async def act_on_job(self, job_id: str, act: str) -> Json:
        """`act` is `cancel` or `restart`."""
        return dict(await self.call("PUT", f"{_path('jobs', job_id)}/{act}"))

    async def queues(self) -> list[Json]:
        return list(await self.call("GET", "/queues"))

    async def dead_letters(self, *, page: int = 1, size: int = 10) -> Json:
        return dict(await self.call("GET", "/dead-letters", page=str(page), size=str(size)))

    async def dead_letter(self, letter_id: str) -> Json:
        return dict(await self.call("GET", _path("dead-letters", letter_id)))

    async def requeue_dead_letter(self, letter_id: str) -> Json:
        return dict(await self.call("POST", f"{_path('dead-letters', letter_id)}/requeue"))

    async def delete_dead_letter(self, letter_id: str) -> Json:
        return dict(await self.call("DELETE", _path("dead-letters", letter_id)))

    async def purge_dead_letters(self) -> Json:
        """How many there were, in `deleted`."""
        return dict(await self.call("DELETE", "/dead-letters"))

    async def nodes(self) -> list[Json]:
        return list(await self.call("GET", "/nodes"))

    async def keys(self) -> Any:  # noqa: ANN401 - JSON
        return await self.call("GET", "/keys")

    async def create_key(self, key: Body) -> Json:
        """The new key, with its text in `key`: it can't be read again."""
        return dict(await self.post("/keys", key))

    async def delete_key(self, key_id: str) -> Json:
        return dict(await self.call("DELETE", _path("keys", key_id)))

    async def users(self) -> list[Json]:
        return list(await self.call("GET", "/users"))

    async def create_user(self, user: Body) -> Json:
        return dict(await self.post("/users", user))

    async def delete_user(self, username: str) -> Json:
        return dict(await self.call("DELETE", _path("users", username)))

    async def change_password(self, username: str, passwords: Body) -> Json:
        return dict(await self.put(f"{_path('users', username)}/password", passwords))

    async def set_roles(self, username: str, slugs: Body) -> Json:
        """These roles and no others."""
        return dict(await self.put(f"{_path('users', username)}/roles", slugs))

    async def roles(self) -> list[Json]:
        return list(await self.call("GET", "/roles"))

    async def create_role(self, role: Body) -> Json:
        return dict(await self.post("/roles", role))

    async def schedules(self, *, page: int = 1, size: int = 10) -> Any:  # noqa: ANN401 - JSON
        return await self.call("GET", "/scheduled-jobs", page=str(page), size=str(size))

    async def create_schedule(self, job: Body) -> Json:
        return dict(await self.post("/scheduled-jobs", job))

    async def schedule(self, schedule_id: str) -> Json:
        return dict(await self.call("GET", _path("scheduled-jobs", schedule_id)))

    async def edit_schedule(self, schedule_id: str, patch: Body) -> Json:
        return dict(await self.patch(_path("scheduled-jobs", schedule_id), patch))

    async def pause_schedule(self, schedule_id: str, note: Body) -> Json:
        return dict(await self.put(f"{_path('scheduled-jobs', schedule_id)}/pause", note))

    async def resume_schedule(self, schedule_id: str) -> Json:
        return dict(await self.call("PUT", f"{_path('scheduled-jobs', schedule_id)}/resume"))

    async def trigger_schedule(self, schedule_id: str, overlap: Body) -> Json:
        return dict(await self.post(f"{_path('scheduled-jobs', schedule_id)}/trigger", overlap))

    async def backfill_schedule(self, schedule_id: str, times: Body) -> Json:
        return dict(await self.post(f"{_path('scheduled-jobs', schedule_id)}/backfill", times))

    async def preview_schedule(self, schedule: Body) -> Json:
        return dict(await self.post("/scheduled-jobs/preview", schedule))

    async def schedule_runs(self, schedule_id: str, **query: str) -> Json:
        return dict(await self.call("GET", f"{_path('scheduled-jobs', schedule_id)}/runs", **query))

    async def delete_schedule(self, schedule_id: str) -> Json:
        return dict(await self.call("DELETE", _path("scheduled-jobs", schedule_id)))

    async def endpoints(self, *, page: int = 1, size: int = 10) -> Json:
        return dict(await self.call("GET", "/webhooks", page=str(page), size=str(size)))

    async def endpoint(self, endpoint_id: str) -> Json:
        return dict(await self.call("GET", _path("webhooks", endpoint_id)))

    async def create_endpoint(self, endpoint: Body) -> Json:
        """The new endpoint, with its `secret`: it can't be read again."""
        return dict(await self.post("/webhooks", endpoint))

    async def change_endpoint(self, endpoint_id: str, changes: Body) -> Json:
        return dict(await self.patch(_path("webhooks", endpoint_id), changes))

    async def rotate_endpoint_secret(self, endpoint_id: str, wanted: Body) -> Json:
        """The endpoint, with its new `secret`."""
        return dict(await self.post(f"{_path('webhooks', endpoint_id)}/rotate-secret", wanted))

    async def delete_endpoint(self, endpoint_id: str) -> Json:
        return dict(await self.call("DELETE", _path("webhooks", endpoint_id)))

    async def test_endpoint(self, endpoint_id: str) -> Json:
        """`deliveryId` is that of the test event, which a dispatcher adds soon."""
        return dict(await self.call("POST", f"{_path('webhooks', endpoint_id)}/test"))

    async def endpoint_deliveries(
        self, endpoint_id: str, *, page: int = 1, size: int = 10, **query: str
    ) -> Json:
        path = f"{_path('webhooks', endpoint_id)}/deliveries"
        return dict(await self.call("GET", path, page=str(page), size=str(size), **query))

    async def job_deliveries(
        self, job_id: str, *, page: int = 1, size: int = 10, **query: str
    ) -> Json:
        path = f"{_path('jobs', job_id)}/webhooks"
        return dict(await self.call("GET", path, page=str(page), size=str(size), **query))

    async def delivery(self, delivery_id: str) -> Json:
        return dict(await self.call("GET", _path("webhooks/deliveries", delivery_id)))

    async def resend_delivery(self, delivery_id: str) -> Json:
        return dict(await self.call("POST", f"{_path('webhooks/deliveries', delivery_id)}/resend"))

    async def resend_failed(self, endpoint_id: str, since: Body) -> Json:
        """How many are sent again in `resent`, and how many are left in `remaining`."""
        return dict(await self.post(f"{_path('webhooks', endpoint_id)}/resend", since))


def job_path(job_id: str) -> str:
    return _path("jobs", job_id)


class LogSource:
    """Whose log: a job's, or one attempt's at a task."""

    def __init__(self, kind: str, id_: str) -> None:
        self.id = id_
        self.is_task = kind == "task"
        self.path = f"{_path(f'{kind}s', id_)}/log"


def _path(collection: str, id_: str) -> str:
    return f"/{collection}/{quote(id_, safe='')}"


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
