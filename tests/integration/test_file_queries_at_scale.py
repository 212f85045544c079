"""With 50,000 artifacts, uploads and removals no query about files reads a whole table."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from services.coordinator.store import family_artifacts
from services.coordinator.store import uploads as uploads_of_clients
from services.scheduler.store import files
from shared.store import artifacts, file_rows, uploads
from tests.support.servers.bulk_rows import bulk_rows, numbers
from tests.support.servers.crowded_tables import (
    blocks_touched,
    crowded_connection,
    explained,
    read_whole,
    rows_passed_over,
)
from tests.support.servers.postgres import Databases

pytestmark = pytest.mark.real

COUNT = 50_000
JOBS = bulk_rows("jobs", numbers(1, 100), keeps_files="true")
TASKS = bulk_rows("tasks", numbers(1, 100))
CHILDREN = bulk_rows(
    "tasks",
    numbers(1, COUNT),
    id="'child' || n",
    job_id="'job1'",
    parent_id="'task1'",
    child_index="n",
)
ARTIFACTS = """
INSERT INTO artifacts (job_id, task_id, attempt, name, object, file_name, size, sha256)
SELECT job_id, id, 0, 'out', job_id || '/' || id || '/0.1/out', 'out', 5, '' FROM tasks
"""
UPLOADS = f"""
INSERT INTO uploads (id, name, object, size, sha256, created_by)
SELECT 'u' || n, 'x', 'uploads/u' || n, 5, '', 'ann' FROM generate_series(1, {COUNT}) AS n
"""
USES = f"""
INSERT INTO upload_uses SELECT 'u' || n, 'job' || n FROM generate_series(1, {COUNT}) AS n
"""
REMOVALS = f"""
INSERT INTO object_removals (prefix, due_at)
SELECT 'job' || n || '/', now() + interval '1 day' FROM generate_series(1, {COUNT}) AS n
"""
TABLES = "VACUUM ANALYZE jobs, tasks, artifacts, uploads, upload_uses, object_removals"

DAY = timedelta(days=1)
CHILD_IDS = [f"child{n}" for n in range(1, 400, 2)]
NAMES = [f"job1/{id_}/0.1/out" for id_ in CHILD_IDS]
IDS = [f"u{n}" for n in range(1, 201)]

HOT: dict[str, tuple[str, tuple[Any, ...]]] = {
    "what an attempt replaces": (artifacts.REPLACED, (["task2", *CHILD_IDS],)),
    "artifacts of tasks": (file_rows.ARTIFACTS, (CHILD_IDS, ["out"])),
    "attempts at children": (file_rows.ATTEMPTS_OF_CHILDREN, (["task1"] * 200, list(range(200)))),
    "a page of a family": (family_artifacts.LIST, ("job2", "", None, 100, 0)),
    "how many a family has": (family_artifacts.COUNT, ("job2", "", None)),
    "tasks of sub-jobs": (family_artifacts.HOLDERS, (["job2", "job3"], "job1")),
    "sub-jobs": (family_artifacts.SUBJOBS, ("job2", "", 0, "", -1, 500)),
    "unusable uploads": (
        uploads.UNUSABLE,
        (["job1"] * 200, ["a"] * 200, IDS, ["ann"] * 200, [None] * 200),
    ),
    "use uploads": (uploads.USE, ("job1", IDS)),
    "release uploads": (uploads.RELEASE, ("job1", [])),
    "an upload": (uploads_of_clients.ONE, ("u1", "ann", False)),
    "delete an upload": (uploads_of_clients.DELETE, ("u1",)),
    "due removals": (files.CLAIM, (10,)),
    "unnamed objects": (files.UNNAMED, (NAMES, NAMES, CHILD_IDS, "job1")),
    "unused uploads": (files.LOCK_UNUSED, (DAY,)),
    "delete unused uploads": (files.DELETE_UNUSED, (IDS,)),
}
TABLES_OF_SIZE = {"tasks", "artifacts", "uploads", "upload_uses", "object_removals"}
MOST_BLOCKS = 4000  # for 200 rows with all their indexes


@pytest.fixture(scope="module")
def crowded_dsn(postgres_databases: Databases) -> Iterator[str]:
    with postgres_databases.fresh() as dsn:
        yield dsn


@pytest.fixture
async def crowded(crowded_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    fills = (JOBS, TASKS, CHILDREN, ARTIFACTS, UPLOADS, USES, REMOVALS, TABLES)
    async with crowded_connection(crowded_dsn, fills) as connection:
        for method in ("seqscan", "hashjoin", "mergejoin"):  # as the pool has it
            await connection.execute(f"SET enable_{method} = off")
        yield connection


@pytest.mark.parametrize("name", HOT)
async def test_the_statement_walks_an_index(crowded: asyncpg.Connection, name: str) -> None:
    plan = await explained(crowded, *HOT[name])
    assert not read_whole(plan) & TABLES_OF_SIZE, plan
    assert blocks_touched(plan) < MOST_BLOCKS, plan
    assert rows_passed_over(plan) < 1000, plan
