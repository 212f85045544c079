"""The answer with a whole job: at once, or in portions when it has many tasks.

Portions keep memory constant and the event loop free. The attempts are those of one moment as long
as the client keeps up; for one that doesn't, no transaction is held open. The job's own fields are
read before: when they say that it is over, so are its tasks.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing

import structlog
from aiohttp import web

from services.coordinator import wait_reasons
from services.coordinator.api.access.principal import principal
from services.coordinator.api.errors import NotFound
from services.coordinator.api.replies import JSON, Fields, encode, reply, set_fields
from services.coordinator.api.requests import ports
from services.coordinator.api.tork import task_views, views
from services.coordinator.api.usage import shown_together
from services.coordinator.live.stream import ClientGone, Connection, stream_of
from services.coordinator.ports import ApiPorts
from services.coordinator.store import bytenite_jobs, family_usage, one_job
from services.coordinator.store.connected import connected
from services.coordinator.store.rows import JsonObject, SummaryRow, TaskRow
from services.coordinator.store.tasks_summary import tasks_summary
from services.coordinator.wait_reasons import Waiting
from shared.lifecycle import JobState
from shared.planning.disclosure import Redacting, opened_task, redacting
from shared.postgres.pool import Connection as PgConnection
from shared.postgres.pool import acquired
from shared.process.garbage import in_thread

log = structlog.get_logger(__name__)

_STALLED_SECONDS = 30.0
_SNAPSHOT_WAITS_SECONDS = 1.0
_FEW = 20
"""Tasks and attempts; the answer of a job with more is made in a thread."""


async def reply_job(
    request: web.Request,
    job_id: str,
    warnings: Sequence[Fields] = (),
    *,
    with_tasks: bool = True,
) -> web.StreamResponse:
    """Raises NotFound, DatabaseUnavailable."""
    api = ports(request)
    async with acquired(api.pool) as connection:
        who = principal(request)
        job = await one_job.job(connection, job_id, who.readers)
        if job is None:
            raise NotFound("no such job")
        redact = redacting(api.sealer, job.summary.sealed)
        submitted = _Submitted(api, job.summary, redact)
        if with_tasks and not job.is_large:
            tasks = await submitted.shown(connection, await one_job.few_tasks(connection, job_id))
            attempts = await one_job.few_attempts(connection, job_id)
            waits = await wait_reasons.of_tasks(connection, wait_reasons.may_wait(attempts))
        has_subjobs = with_tasks and (job.is_large or any(row.subjob_id for row in attempts))
        used = await family_usage.of_subjobs(connection, job_id) if has_subjobs else []
        why = await wait_reasons.of_jobs(connection, () if submitted.is_final else [job_id])
        phases = await bytenite_jobs.phases(connection, [job_id])
        counted = await tasks_summary(connection, job_id)
    access = who.access_to(job.summary.readers)
    shown = views.job_without_tasks(job, redact, access) | set_fields({"warnings": warnings})
    shown |= task_views.waits(why.get(job_id), redact)
    shown |= set_fields({"phase": phases.get(job_id)})
    shown |= {"subJobsUsage": shown_together(used)} if used else {}
    shown["tasksSummary"] = counted._asdict()
    if not with_tasks:
        return reply(shown | {"tasks": [], "execution": []})
    if job.is_large:
        client = Connection(request, stream_of(JSON), stalled_seconds=_STALLED_SECONDS)
        await _LargeJob(client, api, job_id, redact).send(shown, submitted)
        return client.response
    shown["tasks"] = tasks

    def answer() -> web.Response:
        shown["execution"] = [task_views.task(row, redact, waits.get(row.id)) for row in attempts]
        return reply(shown)

    return await in_thread(answer) if len(tasks) + len(attempts) > _FEW else answer()


class _Submitted:
    """A job's tasks as submitted, portion by portion; those that have not begun say why."""

    def __init__(self, api: ApiPorts, job: SummaryRow, redact: Redacting) -> None:
        self.is_final = JobState(job.state).is_final
        self._sealer = api.sealer
        self._job_id = job.id
        self._redact = redact
        self._names: dict[int, str] = {}

    async def shown(self, connection: PgConnection, kept: Sequence[JsonObject]) -> list[Fields]:
        """The next of them."""
        tasks = await in_thread(lambda: [opened_task(self._sealer, task) for task in kept])
        positions = range(len(self._names) + 1, len(self._names) + len(tasks) + 1)
        self._names |= {n: str(t.get("name", "")) for n, t in zip(positions, tasks, strict=True)}
        why: Mapping[int, Waiting] = {}
        if not self.is_final:
            job_id = self._job_id
            why = await wait_reasons.of_submitted(connection, job_id, self._names, positions)
        return await in_thread(
            lambda: [
                task_views.shown_definition(task, self._redact)
                | task_views.waits(why.get(n), self._redact)
                for n, task in zip(positions, tasks, strict=True)
            ]
        )


class _LargeJob:
    """A job's answer as it is written: its own fields, then the two lists of its tasks."""

    def __init__(self, client: Connection, api: ApiPorts, job_id: str, redact: Redacting) -> None:
        self._client = client
        self._pool = api.pool
        self._job_id = job_id
        self._redact = redact
        self._separator = b""

    async def send(self, shown: Fields, submitted: _Submitted) -> None:
        try:
            await self._client.write(encode(shown)[:-1])
            await self._begin_list(b"execution")
            last = await self._send_snapshot()
            if last is not None:
                await self._send_after(last)
            await self._client.write(b"]")
            await self._begin_list(b"tasks")
            async for kept in one_job.many_tasks(self._pool, self._job_id):
                await self._send(await connected(self._pool, submitted.shown, kept))
            await self._client.write(b"]}")
        except ClientGone:
            pass  # there is nobody to tell
        except Exception as error:  # only an abrupt end can tell the client now
            log.exception("job_answer_aborted", error=str(error))
            self._client.abort()

    async def _send_snapshot(self) -> TaskRow | None:
        """All attempts; or those up to the one given back, when the client is slow."""
        patience = _SNAPSHOT_WAITS_SECONDS
        async with aclosing(one_job.attempts_snapshot(self._pool, self._job_id)) as portions:
            async for rows in portions:
                began = time.monotonic()
                writing = asyncio.create_task(self._send_attempts(rows))
                await asyncio.wait({writing}, timeout=patience)
                patience -= time.monotonic() - began
                if patience <= 0:
                    break
                await writing
            else:
                return None
        await writing
        return rows[-1]

    async def _send_after(self, last: TaskRow) -> None:
        async for rows in one_job.attempts_after(self._pool, last):
            await self._send_attempts(rows)

    async def _send_attempts(self, rows: Sequence[TaskRow]) -> None:
        ids = wait_reasons.may_wait(rows)
        waits = await connected(self._pool, wait_reasons.of_tasks, ids) if ids else {}
        await self._send(
            await in_thread(
                lambda: [task_views.task(r, self._redact, waits.get(r.id)) for r in rows]
            )
        )

    async def _begin_list(self, name: bytes) -> None:
        self._separator = b""
        await self._client.write(b',"' + name + b'":[')

    async def _send(self, items: Sequence[Fields]) -> None:
        data = self._separator + (await in_thread(lambda: encode(items)))[1:-1]
        self._separator = b","
        await self._client.write(data)
