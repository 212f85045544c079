"""Submissions of the same work, and what a model of the customer's own says of their answers.

All of a key do the same work, so that only a job of that key may be the answer: none that had
failed or was cancelled, banned or deleted before the customer asked, and no second one beside one
that would do.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from tests.chaos.accounts import JobRow, ReusedTask
from tests.chaos.client import Client
from tests.chaos.mix import Planned


class Reuse:
    """`out` are jobs that are no answer any more, with the reason; `findings` name their key."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._good: defaultdict[str, set[str]] = defaultdict(set)
        self._out: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self.reused: Counter[str] = Counter()
        self.findings: list[str] = []

    @property
    def deleted(self) -> set[str]:
        return {id_ for out in self._out.values() for id_, why in out.items() if why == "deleted"}

    async def submit(self, planned: Planned) -> None:
        async with asyncio.TaskGroup() as group:
            both = [group.create_task(self._submit(planned)) for _ in range(2)]
        for job_id in {task.result() for task in both}:
            await self._end(planned, job_id)
        await self._end(planned, await self._submit(planned), is_last=True)
        if planned.then is not None:
            await self.submit(planned.then)

    async def _submit(self, planned: Planned) -> str:
        key = planned.key
        out, good = dict(self._out[key]), set(self._good[key])
        answer = await self._client.submit(planned)
        self.reused[key] += answer.is_reused
        if answer.id in out:
            self.findings.append(f"{key} {answer.id} is the answer though {out[answer.id]}")
        elif good and answer.id not in good:
            self.findings.append(f"{key} {answer.id} is the answer though {good} had completed")
        return answer.id

    async def _end(self, planned: Planned, job_id: str, *, is_last: bool = False) -> None:
        """Wait for the end of a job, and do to it what is planned; `is_last` is only waited for."""
        client, out = self._client, self._out[planned.key]
        if planned.is_cancelled:
            await client.wait_for(job_id, "RUNNING", "CANCELLED")
            await client.cancel(job_id)
            out[job_id] = "cancelled"
            return
        job = await client.wait_final(job_id, planned.door)
        if job["state"] in ("FAILED", "Failed"):
            out[job_id] = "failed"
        elif is_last or planned.fate == "kept":
            self._good[planned.key].add(job_id)
        elif planned.fate == "banned":
            await client.ban(job_id)
            out[job_id] = "banned"
        else:
            await client.delete(job_id)
            out[job_id] = "deleted"

    def check(
        self, planned: Mapping[str, Planned], jobs: Sequence[JobRow], tasks: Sequence[ReusedTask]
    ) -> list[str]:
        """What is wrong with the rows of a round: a job of other work as the answer, work that was
        done twice, a task that ends otherwise than the one it names."""
        names = {id_: job.name for job in jobs for id_ in (job.id, job.uuid)}
        answers = self._client.answered.items()
        findings = [
            f"{key} is answered with {names[id_]}"
            for id_, key in answers
            if key in planned and names.get(id_, key) != key
        ]
        for key, each in planned.items():
            made = [job for job in jobs if job.name == key]
            # A job may fail before an answer that was lost is asked for again.
            if each.is_reusing and each.state != "FAILED" and len(made) > 1 + len(self._out[key]):
                findings.append(f"{key} was made {len(made)} times, out: {self._out[key]}")
            for job in made:
                reused = sum(task.job_id == job.id for task in tasks)
                if reused != each.reused_tasks:
                    findings.append(f"{key} {job.id} has reused {reused} tasks")
        findings += [f"{task} is not the same" for task in tasks if not task.is_same]
        return findings + [line for line in self.findings if line.split()[0] in planned]
