"""The coordinator's HTTP door on a real database, with commands that only write and remember."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from conveyor.extensions.files import FileStore
from services.coordinator.api.application import make_application
from services.coordinator.commands import JobCommands
from services.coordinator.dead_letters import DeadLetters
from services.coordinator.live.follower import Live
from services.coordinator.node_commands import NodeCommands
from services.coordinator.ports import ApiPorts
from services.coordinator.schedule_commands import ScheduleCommands
from services.coordinator.settings import HttpSettings
from services.coordinator.store.connected import connected
from services.coordinator.store.one_job import final_jobs
from services.coordinator.waiting import FinalJobs
from shared.apply.apply import ALREADY_SUBMITTED, NAME_TAKEN, Work
from shared.apply.batcher import Batcher, StoreMetrics
from shared.broker.in_process import InProcessBroker
from shared.definition import encode
from shared.files.links import Links
from shared.files.settings import FilesSettings
from shared.lifecycle import (
    ALREADY_CANCELLED,
    NO_SUCH_JOB,
    Ignored,
    JobCancelled,
    JobLocked,
    JobPrioritized,
    JobRestarted,
    JobState,
    JobUnlocked,
    LockRenewed,
    PlannedTask,
    Task,
    TaskState,
)
from shared.messages import LogPart
from shared.planning.new_job import NewJob
from shared.planning.planner import Planner
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Pool, acquired, create_pool
from shared.process.metrics import Metrics
from shared.process.sealing import Sealer, generate_key
from shared.process.settings.blocks import PostgresSettings
from shared.store.idempotency import store_keys
from shared.store.outbox import Outbox
from shared.store.versions import forget_names, store_names
from shared.store.writing import Writes, write
from tests.support.jobs.definitions import TaskLike, task_definition

JSON = {"Content-Type": "application/json"}
YAML = {"Content-Type": "text/yaml"}


_ACTIVE = ("PENDING", "SCHEDULED", "RUNNING")


@dataclass
class StoringBatcher:
    """Submitted jobs become rows as they are; cancel and restart follow the state alone, and
    nothing can be locked.

    With `fail` set, every command raises it.
    """

    pool: Pool
    sealer: Sealer
    fail: Exception | None = None
    finish_with: str | None = None
    submitted: list[NewJob] = field(default_factory=list)
    done: list[tuple[str, str]] = field(default_factory=list)

    async def perform_one(self, work: Work) -> object:
        if self.fail:
            raise self.fail
        match work.event:
            case JobCancelled(job_id):
                return await self._act("cancel", job_id, _ACTIVE)
            case JobRestarted(job_id):
                return await self._act("restart", job_id, ("FAILED", "CANCELLED"))
            case JobPrioritized(job_id, priority):
                return await self._act(f"priority {priority}", job_id, _ACTIVE)
            case JobLocked() | LockRenewed() | JobUnlocked():
                return Ignored("job is not locked")
        assert work.new_job is not None
        return await self._store(work.new_job)

    async def _store(self, new_job: NewJob) -> object:
        if self.finish_with is not None:
            finished = replace(
                new_job.job,
                state=JobState.COMPLETED,
                completed_at=datetime.now(UTC),
                result=self.finish_with,
            )
            new_job = replace(new_job, job=finished)
        secrets = new_job.definition.secrets
        sealed = self.sealer.seal({"secrets": secrets}) if secrets else None
        keys = {new_job.job.id: new_job.key} if new_job.key else {}
        async with acquired(self.pool) as connection, connection.transaction():
            named = {new_job.job.id: new_job.named} if new_job.named else {}
            if await store_names(connection, named):
                return NAME_TAKEN
            if await store_keys(connection, keys):
                await forget_names(connection, list(named))
                return ALREADY_SUBMITTED
            await write(connection, Writes(new_jobs=[(new_job.job, new_job, sealed, None)]))
        self.submitted.append(new_job)
        return None

    async def _act(self, what: str, job_id: str, allowed: tuple[str, ...]) -> object:
        async with acquired(self.pool) as connection:
            state = await connection.fetchval("SELECT state FROM jobs WHERE id = $1", job_id)
        if state is None:
            return NO_SUCH_JOB
        if what == "cancel" and state == "CANCELLED":
            return ALREADY_CANCELLED
        if state not in allowed:
            return Ignored(f"job is {state}")
        self.done.append((what, job_id))
        return None


@dataclass
class Api:
    """The door and what is behind it."""

    client: TestClient[Any, Any]
    pool: Pool
    batcher: StoringBatcher
    broker: InProcessBroker
    missing: list[str]
    metrics: Metrics

    async def get(self, path: str, **options: Any) -> Any:
        """The JSON of a 200 answer."""
        async with self.client.get(path, **options) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def answer(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Status and JSON."""
        async with self.client.request(method, path, **options) as response:
            return response.status, await response.json()

    async def raw(self, method: str, path: str, **options: Any) -> ClientResponse:
        response = await self.client.request(method, path, **options)
        await response.read()
        return response

    async def submit(self, yaml: str) -> Any:
        """The summary of a job that must be accepted."""
        status, body = await self.answer("POST", "/jobs", data=yaml.encode(), headers=YAML)
        assert status == 200, body
        return body

    async def set_job(self, job_id: str, **columns: Any) -> None:
        """Write some of `state`, times, `result`, `error`, `position`, `progress`."""
        now = datetime.now(UTC)
        state = columns.pop("state", "RUNNING")
        async with acquired(self.pool) as connection:
            await connection.execute(
                "UPDATE jobs SET state = $2, result = $3, error = $4, position = $5, progress = $6,"
                " started_at = $7, completed_at = $8, failed_at = $9 WHERE id = $1",
                job_id,
                state,
                columns.get("result"),
                columns.get("error"),
                columns.get("position", 0),
                columns.get("progress", 0.0),
                now,
                now if state == "COMPLETED" else None,
                now if state == "FAILED" else None,
            )

    async def add_task(
        self, job_id: str, definition: TaskLike | None = None, **changes: Any
    ) -> Task:
        """A task row of the job; `definition` and the core's fields as given."""
        task = task_row(job_id, definition or {"name": "t"}, **changes)
        async with acquired(self.pool) as connection:
            await write(connection, Writes(new_tasks=[task]))
        return task

    async def add_log(self, task: Task, *contents: str, **fields: Any) -> None:
        parts = [
            LogPart(
                job_id=task.job_id,
                task_id=task.id,
                number=number,
                contents=text,
                created_at=datetime(2024, 5, 1, 12, 0, number, tzinfo=UTC),
                **fields,
            )
            for number, text in enumerate(contents, start=1)
        ]
        async with acquired(self.pool) as connection:
            await write(connection, Writes(log_parts=parts))

    async def set_variable(self, job_id: str, name: str, value: str) -> None:
        async with acquired(self.pool) as connection:
            await connection.execute(
                "INSERT INTO job_variables VALUES ($1, $2, $3)", job_id, name, value
            )


def task_row(job_id: str, definition: TaskLike, **changes: Any) -> Task:
    fields: dict[str, Any] = {"id": "t1", "position": 1, "state": TaskState.SCHEDULED} | changes
    task = task_definition(definition)
    return Task(
        job_id=job_id,
        plan=PlannedTask(
            name=task.name or "", queue=task.queue or "default", definition=encode(task)
        ),
        created_at=datetime(2024, 5, 1, tzinfo=UTC),
        **fields,
    )


@asynccontextmanager
async def api_on(
    dsn: str,
    *,
    files: FileStore | None = None,
    links: Links | None = None,
    files_settings: FilesSettings | None = None,
    **settings: Any,
) -> AsyncIterator[Api]:
    """The door on the database `dsn`; `settings` are blocks of `HttpSettings`."""
    pool = await create_pool(dsn, PostgresSettings(dsn=SecretStr(dsn)), name="test")
    broker = InProcessBroker()
    await broker.start()
    sealer = Sealer([generate_key()])
    batcher = StoringBatcher(pool, sealer)
    missing: list[str] = []
    metrics = Metrics()
    outbox = Outbox(pool, broker, StoreMetrics(metrics).relayed)
    ports = ApiPorts(
        commands=JobCommands(cast(Batcher, batcher), pool, metrics),
        schedules=ScheduleCommands(pool, outbox, Planner(sealer)),
        nodes=NodeCommands(pool, outbox),
        pool=pool,
        final_jobs=FinalJobs(lambda ids: connected(pool, final_jobs, ids)),
        live=Live(pool, metrics),
        broker=broker,
        dead_letters=DeadLetters(broker),
        sealer=sealer,
        metrics=metrics,
        health_checks=[lambda: missing],
        files=files,
        links=links,
        files_settings=files_settings or FilesSettings(),
    )
    app = make_application(ports, HttpSettings(**settings))
    try:
        async with TestClient(TestServer(app)) as client:
            yield Api(client, pool, batcher, broker, missing, metrics)
    finally:
        await outbox.close()
        await broker.close()
        pool.terminate()


UNAVAILABLE = DatabaseUnavailable("connection refused")
