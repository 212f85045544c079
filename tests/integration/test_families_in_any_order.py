"""Whatever happens to jobs within jobs, in whatever order and batches: rows agree, and all end.

A seed gives jobs of nested tasks and a storm of events: claims, ends, lost workers, cancels and
restarts, several in one transaction, some twice, messages between jobs late or lost. After each
batch the database is asked whether the counts and states agree; at the end the rest is delivered
honestly and every job must be final.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from services.coordinator.handlers import on_completions
from shared.lifecycle import (
    DispatchMissing,
    Event,
    JobCancelled,
    JobRestarted,
    LeaseExpired,
    RetryDue,
    TaskClaimed,
    TaskFailed,
    TaskProgressed,
    TaskReturned,
    TaskSucceeded,
    TaskTimedOut,
)
from shared.planning import budgets
from tests.support.family_invariants import check_invariants
from tests.support.jobs.batcher import LEASE, batcher_rig
from tests.support.jobs.families import NODE, Play, Row
from tests.support.jobs.subjobs import later


@pytest.fixture
async def plays(postgres_dsn: str) -> AsyncIterator[tuple[Play, Play]]:
    """Two coordinators on one database."""
    async with batcher_rig(postgres_dsn) as one, batcher_rig(postgres_dsn) as other:
        yield Play(one), Play(other)


def a_task(chance: random.Random, depth: int, name: str) -> dict[str, Any]:
    task: dict[str, Any] = {"name": name}
    if chance.random() < 0.15:
        task["allowFailure"] = True
    if chance.random() < 0.1:
        task["if"] = chance.choice(["{{ 1 == 2 }}", "{{ int('x') == 1 }}", "{{ true }}"])
    kind = chance.choice(["task", "parallel", "each", "subjob"]) if depth else "task"
    size = chance.randint(1, 4)
    match kind:
        case "parallel":
            inner = [a_task(chance, depth - 1, f"{name}-{i}") for i in range(size)]
            task["parallel"] = {"tasks": inner} | _least(chance)
        case "each":
            task["each"] = {
                "list": f"{{{{ sequence(0, {chance.randint(0, 6)}) }}}}",
                "concurrency": chance.choice([0, 1, 2]),
                "task": a_task(chance, depth - 1, f"{name}-x"),
            } | _least(chance)
        case "subjob":
            task["subjob"] = a_list(chance, depth - 1, name) | {"name": name}
            if chance.random() < 0.2:
                task["subjob"]["detached"] = True
        case _:
            task["run"] = "true"
            if chance.random() < 0.3:
                task["retry"] = {"limit": 1, "initialDelay": chance.choice(["0s", "1s"])}
    return task


def _least(chance: random.Random) -> dict[str, Any]:
    return {"minSuccess": chance.choice([1, "50%"])} if chance.random() < 0.3 else {}


def a_list(chance: random.Random, depth: int, name: str) -> dict[str, Any]:
    """Tasks one after the other, or some that need others."""
    tasks = [a_task(chance, depth, f"{name}.{i}") for i in range(chance.randint(1, 4))]
    if chance.random() < 0.4:
        for place, task in enumerate(tasks):
            if chance.random() < 0.7:
                earlier = [t["name"] for t in tasks[:place]]
                task["needs"] = chance.sample(earlier, k=min(len(earlier), chance.randint(0, 2)))
    return {"tasks": tasks} | ({"output": "job.name"} if chance.random() < 0.3 else {})


class Storm:
    def __init__(self, plays: Sequence[Play], chance: random.Random) -> None:
        self._plays = plays
        self._play = plays[0]
        self._chance = chance
        self._pool = self._play.rig.pool

    async def blow(self) -> None:
        batches = [await self._batch() for _ in self._plays]
        # A job's events may be in both batches: whichever is first, none must spoil the other.
        await asyncio.gather(
            *(play.happen(*batch) for play, batch in zip(self._plays, batches, strict=True))
        )
        for play in self._plays:
            if self._chance.random() < 0.7:
                await self._deliver(play)

    async def _batch(self) -> list[Event]:
        events = await self._events(self._chance.randint(1, 6))
        if self._chance.random() < 0.2:
            events += events[:2]
        if self._chance.random() < 0.2:
            self._chance.shuffle(events)
        return events

    async def _deliver(self, play: Play) -> None:
        messages = list(await play.subjob_signals())
        self._chance.shuffle(messages)
        messages = [m for m in messages if self._chance.random() > 0.2]  # the others are lost
        for failure in await on_completions(play.rig.batcher, play.rig.pool, messages):
            assert failure is None, failure

    async def _events(self, count: int) -> list[Event]:
        rows = [dict(row) for row in await self._pool.fetch("SELECT * FROM tasks ORDER BY id")]
        likely = [r for r in rows if r["state"] in ("SCHEDULED", "RUNNING", "PENDING")]
        events: list[Event] = []
        for _ in range(count):
            if self._chance.random() < 0.08:
                ids = [r["id"] for r in await self._pool.fetch("SELECT id FROM jobs ORDER BY id")]
                job_id = self._chance.choice(ids)
                either: list[Event] = [JobCancelled(job_id), JobRestarted(job_id)]
                events.append(self._chance.choice(either))
            elif rows:
                of = likely if likely and self._chance.random() < 0.9 else rows
                events += self._of_task(self._chance.choice(of))
        return events

    def _of_task(self, row: Row) -> list[Event]:
        ref = (row["job_id"], row["id"])
        dispatch = row["dispatch"]
        by_node = (*ref, dispatch, NODE)
        claim: Event = TaskClaimed(*by_node, LEASE)
        done: Event = TaskSucceeded(*by_node, "r")
        failed: Event = TaskFailed(*by_node, "boom")
        rare: list[Event] = [
            LeaseExpired(*ref, dispatch),
            TaskReturned(*by_node),
            TaskTimedOut(*ref, dispatch),
            DispatchMissing(*ref, dispatch),
            RetryDue(*ref),
            TaskProgressed(*ref, dispatch, self._chance.randint(0, 100)),
            TaskClaimed(*ref, max(dispatch - 1, 1), "n2", LEASE),
        ]
        return self._chance.choice(
            [[claim], [claim, done], [done], [done], [failed], [claim, failed], [claim, *rare[5:6]]]
            + [[event] for event in rare]
        )

    async def calm(self) -> None:
        """From now on nothing is lost and every task succeeds."""
        for _ in range(300):
            await self._pool.execute("UPDATE tasks SET due_at = now() WHERE state = 'PENDING'")
            pending = await self._pool.fetch("SELECT * FROM tasks WHERE state = 'PENDING'")
            running = await self._pool.fetch(
                "SELECT * FROM tasks WHERE state = 'RUNNING' AND kind = 'task'"
            )
            await self._play.happen(
                *(RetryDue(r["job_id"], r["id"]) for r in pending),
                *(_succeeded(row) for row in running),
            )
            mended = await later(self._play)
            worked = await self._play.run_round()
            if not (pending or running or worked or mended):
                return
        raise AssertionError("the jobs do not end")


def _succeeded(row: Row) -> TaskSucceeded:
    return TaskSucceeded(row["job_id"], row["id"], row["dispatch"], row["node_id"])


@pytest.mark.parametrize("seed", range(16))
async def test_no_order_loss_or_repetition_breaks_a_family_and_every_job_ends(
    plays: tuple[Play, Play], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if seed % 2:
        monkeypatch.setattr(budgets, "MOST_CHILDREN", 1)  # nearly all are put off
    chance = random.Random(seed)
    pool = plays[0].rig.pool
    for number in range(2):
        job = {"name": f"j{number}"} | a_list(chance, 3, f"j{number}")
        await plays[0].submit(job, f"{seed:031x}{number}")  # a seed gives the same ids each time
    await check_invariants(pool)
    storm = Storm(plays, chance)
    for _ in range(chance.randint(5, 40)):
        await storm.blow()
        await check_invariants(pool)
    await storm.calm()
    await check_invariants(pool)
    states = await pool.fetch("SELECT id, state FROM jobs")
    assert {row["state"] for row in states} <= {"COMPLETED", "FAILED", "CANCELLED"}
