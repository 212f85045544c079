"""Waiting for jobs to become final."""

import asyncio
from collections.abc import Collection

from services.coordinator.waiting import FinalJobs
from shared.postgres.errors import DatabaseUnavailable


class ScriptedReads:
    """Answers each query with the next set; an exception is raised. The last one repeats."""

    def __init__(self, *answers: set[str] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[set[str]] = []

    async def __call__(self, ids: Collection[str]) -> set[str]:
        self.asked.append(set(ids))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_all_who_wait_share_one_query() -> None:
    reads = ScriptedReads({"a", "b"})
    jobs = FinalJobs(reads)
    assert await asyncio.gather(*(jobs.wait_for(job, 30) for job in "aab")) == [True] * 3
    assert reads.asked == [{"a", "b"}]


async def test_who_waits_too_long_is_told_so() -> None:
    assert not await FinalJobs(ScriptedReads(set())).wait_for("a", 0.01)


async def test_an_outage_of_the_database_is_waited_out() -> None:
    reads = ScriptedReads(DatabaseUnavailable("gone"), {"a"})
    assert await FinalJobs(reads).wait_for("a", 30)


async def test_nobody_waits_any_more_once_it_is_closed() -> None:
    jobs = FinalJobs(ScriptedReads(set()))
    waiting = asyncio.create_task(jobs.wait_for("a", 30))
    await asyncio.sleep(0)
    await jobs.close()
    assert not await waiting
