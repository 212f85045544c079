"""All the API reads, each on a connection of its own. Every method raises DatabaseUnavailable.

What belongs to a job is only found for those among its readers: see `Readers`.
"""

from collections.abc import Collection, Mapping, Sequence

from services.coordinator.store import cluster, logs, one_job
from services.coordinator.store.job_list import list_jobs
from services.coordinator.store.job_search import JobSearch
from services.coordinator.store.pages import Page, PageRequest
from services.coordinator.store.readers import Readers
from services.coordinator.store.rows import NodeRow, SummaryRow, TaskOfJob, Totals, WholeJob
from shared.planning.new_job import IdempotencyKey
from shared.postgres.pool import Pool, acquired
from shared.store.idempotency import FirstMade, first_made


class Reads:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def list_jobs(
        self, search: JobSearch, request: PageRequest, readers: Readers
    ) -> Page[SummaryRow]:
        async with acquired(self._pool) as connection:
            return await list_jobs(connection, search, request, readers)

    async def is_visible(self, job_id: str, readers: Readers) -> bool:
        """Whether there is such a job and `readers` may see it."""
        async with acquired(self._pool) as connection:
            return await one_job.is_visible(connection, job_id, readers)

    async def summary(self, job_id: str, readers: Readers) -> SummaryRow | None:
        async with acquired(self._pool) as connection:
            return await one_job.summary(connection, job_id, readers)

    async def first_made(self, key: IdempotencyKey) -> FirstMade | None:
        async with acquired(self._pool) as connection:
            return await first_made(connection, key)

    async def job(self, job_id: str, readers: Readers) -> WholeJob | None:
        async with acquired(self._pool) as connection:
            return await one_job.whole_job(connection, job_id, readers)

    async def task(self, task_id: str, readers: Readers) -> TaskOfJob | None:
        async with acquired(self._pool) as connection:
            return await one_job.one_task(connection, task_id, readers)

    async def sealed_of(self, ids: Collection[str]) -> Sequence[str]:
        """The secrets of those of the jobs that have some and are still there."""
        async with acquired(self._pool) as connection:
            return await one_job.sealed_of(connection, ids)

    async def final_jobs(self, ids: Collection[str]) -> set[str]:
        """Those of `ids` that are final, or gone."""
        async with acquired(self._pool) as connection:
            return await one_job.final_jobs(connection, ids)

    async def job_log(
        self, job_id: str, asked: logs.LogRequest, readers: Readers
    ) -> logs.Log | None:
        async with acquired(self._pool) as connection:
            return await logs.job_log(connection, job_id, asked, readers)

    async def task_log(
        self, task_id: str, asked: logs.LogRequest, readers: Readers
    ) -> logs.Log | None:
        async with acquired(self._pool) as connection:
            return await logs.task_log(connection, task_id, asked, readers)

    async def nodes(self) -> Sequence[NodeRow]:
        async with acquired(self._pool) as connection:
            return await cluster.nodes(connection)

    async def queues_of_tasks(self) -> set[str]:
        async with acquired(self._pool) as connection:
            return await cluster.queues_of_tasks(connection)

    async def running_by_queue(self) -> Mapping[str, int]:
        async with acquired(self._pool) as connection:
            return await cluster.running_by_queue(connection)

    async def totals(self) -> Totals:
        async with acquired(self._pool) as connection:
            return await cluster.totals(connection)
