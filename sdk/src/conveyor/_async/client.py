"""The client: jobs on itself, all else by what it is about."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Self

import httpx

from conveyor._async.files import AsyncFiles, AsyncUploads
from conveyor._async.resources import (
    AsyncDeadLetters,
    AsyncKeys,
    AsyncQueues,
    AsyncResource,
    AsyncRoles,
    AsyncSchedules,
    AsyncTasks,
    AsyncUsers,
    AsyncWebhooks,
)
from conveyor._async.transport import SILENCE_SECONDS, AsyncStream, AsyncTransport, items_of
from conveyor.contents import Source
from conveyor.errors import NotFinal, Unavailable
from conveyor.http import FINAL_STATES, JobLike, Retries, Server, new_key, with_uploads
from conveyor.lazy import models as m
from conveyor.streams import Event, Events


class AsyncClient(AsyncResource):
    """A connection to a coordinator. Use as a context manager; every call raises ConveyorError.

    What isn't given is read from CONVEYOR_URL, CONVEYOR_API_KEY, CONVEYOR_USER and
    CONVEYOR_PASSWORD. Requests are repeated while the server is away or asks to wait (`retries`); a
    submission carries an idempotency key, so that it creates one job.
    """

    def __init__(
        self,
        url: str | Server | None = None,
        *,
        key: str | None = None,
        user: str | None = None,
        password: str | None = None,
        timeout_seconds: float = 60.0,
        retries: Retries | None = None,
        http: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Raises ValueError for an address or login that can't be right. `http` replaces the
        network, for tests and proxies."""
        server = url if isinstance(url, Server) else Server.at(url, key, user, password)
        super().__init__(AsyncTransport(server, retries or Retries(), timeout_seconds, http))
        transport = self._transport
        self.tasks = AsyncTasks(transport)
        self.files = AsyncFiles(transport)
        self.uploads = AsyncUploads(transport)
        self.schedules = AsyncSchedules(transport)
        self.webhooks = AsyncWebhooks(transport)
        self.queues = AsyncQueues(transport)
        self.dead_letters = AsyncDeadLetters(transport)
        self.users = AsyncUsers(transport)
        self.roles = AsyncRoles(transport)
        self.keys = AsyncKeys(transport)

    @property
    def url(self) -> str:
        """Of the server."""
        return self._transport.server.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, object] | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        may_wait: bool = False,
        **names: Any,  # noqa: ANN401 - texts
    ) -> Any:  # noqa: ANN401 - JSON
        """Any request of the API: its answer as JSON. `names` fill the braces of `path`, as in
        `"/jobs/{id}"`. `body` is sent as JSON, a text as YAML. The answer to one that `may_wait`
        can take any time. With `idempotency_key` it happens once, however often it is sent."""
        return await self._call(
            method, path, body=body, query=query, key=idempotency_key, headers=headers,
            may_wait=may_wait, **names
        )  # fmt: skip

    def stream(
        self,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        silence_seconds: float = SILENCE_SECONDS,
        **names: Any,  # noqa: ANN401 - texts
    ) -> AbstractAsyncContextManager[AsyncStream]:
        """Any answer that goes on, as for `request`. A connection on which nothing arrives for
        `silence_seconds` counts as lost."""
        return self._transport.stream(
            path, query=query, headers=headers, silence_seconds=silence_seconds, **names
        )

    async def submit(
        self,
        job: JobLike,
        *,
        files: Mapping[str, Source] | None = None,
        strict: bool = False,
        idempotency_key: str | None = None,
    ) -> m.JobSummary:
        """The new job; `strict` refuses one with warnings. `files` are sent before: its uploads by
        the names that its sources have for them. Raises TypeError for files with the text of a
        job, which can't take them up."""
        if files:
            job = with_uploads(job, await self._sent(files, idempotency_key))
        answer = await self._call(
            "POST",
            "/jobs",
            body=job,
            query={"strict": strict},
            key=idempotency_key or new_key(),
            may_wait=True,
        )
        return m.JobSummary.of(answer)

    async def _sent(self, files: Mapping[str, Source], key: str | None) -> Mapping[str, str]:
        """Their ids by name: the same ones where `key` was used before."""
        ids = dict[str, str]()
        for name, source in files.items():
            file_name = "" if isinstance(source, str | Path) else name
            once = key and f"{key}-{name}"
            ids[name] = (await self.uploads.create(source, file_name, idempotency_key=once)).id
        return ids

    async def run(
        self,
        job: JobLike,
        *,
        files: Mapping[str, Source] | None = None,
        timeout_seconds: float | None = None,
    ) -> m.Job:
        """Submit and wait. Raises NotFinal after `timeout_seconds`."""
        submitted = await self.submit(job, files=files)
        return await self.wait(submitted.id, timeout_seconds=timeout_seconds)

    async def wait(self, job_id: str, *, timeout_seconds: float | None = None) -> m.Job:
        """The job once it is final. Raises NotFinal after `timeout_seconds`; the job goes on."""
        give_up_at = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        pause = 0.05
        while (job := await self.find(job_id)).state not in FINAL_STATES:
            left = None if give_up_at is None else give_up_at - time.monotonic()
            if left is not None and left <= 0:
                raise NotFinal(f"job {job_id} is still {job.state} after {timeout_seconds:g} s")
            await asyncio.sleep(pause if left is None else min(pause, left))
            pause = min(1.5 * pause, 1.0)
        return await self.get(job.id)

    async def get(self, job_id: str) -> m.Job:
        """The whole job, with its tasks as they ran."""
        return m.Job.of(await self._call("GET", "/jobs/{id}", id=job_id))

    async def find(self, text: str) -> m.JobSummary:
        """By its id, the beginning of its id, or its name."""
        return m.JobSummary.of(await self._call("GET", "/jobs/{id}/summary", id=text))

    def list(self, q: str = "", **filters: str) -> AsyncIterator[m.JobSummary]:
        """Newest first, each page asked for when it is needed. `filters` are `state`, `tag`,
        `name`, `by`, `since` and `before`."""
        return self._pages("/jobs", m.JobSummary, query={"q": q, **filters})

    async def cancel(self, job_id: str) -> None:
        await self._call("PUT", "/jobs/{id}/cancel", id=job_id)

    async def restart(self, job_id: str) -> None:
        """Where it stopped."""
        await self._call("PUT", "/jobs/{id}/restart", id=job_id)

    async def run_again(
        self,
        job_id: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> m.JobSummary:
        """A new job with the same tasks; `inputs` and `secrets` replace those of the same name."""
        answer = await self._call(
            "POST",
            "/jobs/{id}/run-again",
            id=job_id,
            body={"inputs": dict(inputs or {}), "secrets": dict(secrets or {})},
            key=idempotency_key or new_key(),
        )
        return m.JobSummary.of(answer)

    async def delete(self, job_id: str) -> None:
        """A final job with its tasks and logs."""
        await self._call("DELETE", "/jobs/{id}", id=job_id)

    async def delete_all(self, q: str = "", *, dry_run: bool = False, **filters: str) -> m.Deletion:
        """Final jobs that a search finds, as for `list`, up to a thousand at a time."""
        query = {"q": q, "dryRun": dry_run, **filters}
        return m.Deletion.of(await self._call("DELETE", "/jobs", query=query))

    async def log(self, job_id: str) -> str:
        """All that its tasks have written so far."""
        return await self._log("/jobs/{id}/log", job_id)

    def follow_log(self, job_id: str) -> AsyncGenerator[str]:
        """Its lines as they are written, until it is final. A connection that breaks is opened
        again."""
        return self._follow_log("/jobs/{id}/log", job_id)

    async def events(self, job_id: str, after: str = "") -> AsyncGenerator[Event]:
        """What has happened to the job from its beginning, or after the cursor of an earlier event,
        and what goes on to happen. `end` is the last. A connection that breaks is opened again."""
        pauses = self._transport.pauses()
        while True:
            try:
                async for event in self._events("/jobs/{id}/events", after, id=job_id):
                    after, pauses = event.cursor or after, self._transport.pauses()
                    yield event
                    if event.kind == "end":
                        return
                raise Unavailable("the server ends its events too early")
            except Unavailable as error:
                await self._pause(pauses, error)

    def all_events(self, after: str = "") -> AsyncGenerator[Event]:
        """Of all jobs that the key or user may see, until the connection ends; see `events`."""
        return self._events("/events", after)

    async def _events(
        self,
        template: str,
        after: str,
        **names: Any,  # noqa: ANN401 - texts
    ) -> AsyncGenerator[Event]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        read = Events()
        async with self._transport.stream(template, headers=headers, **names) as stream:
            async for line in stream.lines():
                for event in read.feed(line):
                    yield event

    async def nodes(self) -> Sequence[m.Node]:
        """The workers."""
        return [m.Node.of(node) for node in items_of(await self._call("GET", "/nodes"))]

    async def metrics(self) -> m.MetricsView:
        return m.MetricsView.of(await self._call("GET", "/metrics"))

    async def health(self) -> m.Health:
        """Raises Unavailable where something is missing."""
        return m.Health.of(await self._call("GET", "/health"))
