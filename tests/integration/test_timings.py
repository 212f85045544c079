"""The phases of an attempt, from its worker to the API."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from conveyor import AsyncClient
from conveyor import models as m
from tests.support.eventually import eventually
from tests.support.services.dev import running_dev

SPEC = """
name: phases
tasks:
  - name: build
    pre: [{name: before, run: sleep 0.05}]
    run: sleep 0.2; mkdir out; head -c 5000000 /dev/urandom > out/data
    post: [{name: after, run: sleep 0.05}]
    artifacts: [{name: out, path: out}]
  - name: use
    sources: [{artifact: build.out, target: in}]
    run: sleep 0.05
  - name: again
    run: sleep 0.05; exit 3
    retry: {limit: 1, initialDelay: 50ms}
    allowFailure: true
  - name: late
    run: sleep 600
    timeout: 200ms
    allowFailure: true
  - name: cancelled
    run: sleep 600
"""


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[AsyncClient]:
    async with running_dev(tmp_path) as url, AsyncClient(url) as client:
        yield client


def attempt_of(job: m.Job, name: str, number: int = 0) -> m.Task:
    return [task for task in job.execution or [] if task.name == name][number]


def phases_of(task: m.Task) -> list[str]:
    return [timing.phase for timing in task.timings or []]


@pytest.mark.real
async def test_each_attempt_tells_its_phases_however_it_ends(client: AsyncClient) -> None:
    # Given a job of which a task fails, one runs for too long and one is cancelled
    job = await client.submit(SPEC)

    async def is_at_the_last() -> bool:
        execution = (await client.get(job.id)).execution or []
        return any(task.name == "cancelled" and task.state == "RUNNING" for task in execution)

    await eventually(is_at_the_last)
    await asyncio.sleep(0.05)  # less than a millisecond is not told
    await client.cancel(job.id)

    async def is_told() -> bool:
        return bool(attempt_of(await client.get(job.id), "cancelled").timings)

    await eventually(is_told)
    ended = await client.get(job.id)
    # Then each has its phases, in order
    assert phases_of(attempt_of(ended, "build")) == ["pre", "run", "post", "keep"]
    assert phases_of(attempt_of(ended, "use")) == ["fetch", "run"]
    assert phases_of(attempt_of(ended, "again", 0)) == ["run"]
    assert phases_of(attempt_of(ended, "again", 1)) == ["run"]
    assert phases_of(attempt_of(ended, "late")) == ["run"]
    assert phases_of(attempt_of(ended, "cancelled")) == ["run"]
    # And the timeline of the job has them all
    timeline = await client.timeline(job.id)
    assert [attempt.name for attempt in timeline.attempts] == [
        *("build", "use", "again", "again", "late", "cancelled")
    ]
    assert [attempt.timings for attempt in timeline.attempts] == [
        task.timings for task in ended.execution or []
    ]
    assert (timeline.state, timeline.is_complete, len(timeline.tasks)) == ("CANCELLED", True, 5)
    # And they fill the time between its start and its end
    build = await client.tasks.get(str(attempt_of(ended, "build").id))
    assert build.timings
    assert build.started_at
    assert build.completed_at
    [run] = [timing for timing in build.timings if timing.phase == "run"]
    assert run.duration_ms >= 200
    last = build.timings[-1]
    seconds = (build.completed_at - build.started_at).total_seconds()
    assert 0 < last.started_ms + last.duration_ms <= seconds * 1000
