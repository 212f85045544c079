"""What Postgres can't keep of what tasks have said or made: their jobs end all the same, and jobs
in the same batch are not hurt."""

import random
import string
from datetime import UTC, datetime
from typing import Any

import pytest

from services.coordinator.handlers import on_completions
from shared.lifecycle import TaskClaimed
from shared.messages import Finished, KeptArtifact, LogPart, Reports
from tests.support.jobs.batcher import LEASE
from tests.support.jobs.families import NODE, Play, Row

pytestmark = pytest.mark.real

NOISE = "".join(random.Random(1).choice(string.ascii_letters) for _ in range(20_000))
NULS = "a\0b\\u0000\x01\ufffe\U0010ffff"
KEPT = KeptArtifact(name="n", object="o", file_name=NULS, size=2**60, sha256="", published=[NULS])


async def finish(play: Play, row: Row, **report: Any) -> None:
    """Claimed, then reported as a worker does it."""
    job_id, task_id, dispatch = row["job_id"], row["id"], row["dispatch"]
    await play.happen(TaskClaimed(job_id, task_id, dispatch, NODE, LEASE))
    finished = [Finished(job_id=job_id, task_id=task_id, dispatch=dispatch, **report)]
    message = Reports(node_id=NODE, lease_seconds=30, finished=finished)
    assert await on_completions(play.rig.batcher, play.rig.pool, [message]) == [None]


@pytest.mark.parametrize(
    ("report", "state"),
    [
        ({"result": NULS}, "COMPLETED"),
        ({"result": "x" * (1 << 20)}, "COMPLETED"),
        ({"result": "\x01" * (1 << 20)}, "COMPLETED"),
        ({"artifacts": [KEPT, KEPT]}, "COMPLETED"),
        ({"error": NULS, "cause": "exit", "exit_code": 1}, "FAILED"),
        ({"error": "e", "cause": "exit", "exit_code": 2**32 - 1}, "FAILED"),
        ({"error": "e", "cause": "exit", "exit_code": -(2**63)}, "FAILED"),
    ],
    ids=[
        "nuls",
        "long",
        "long-in-json",
        "artifacts",
        "error-with-nuls",
        "great-exit-code",
        "least-exit-code",
    ],
)
async def test_a_job_ends_whatever_its_task_has_said(
    play: Play, report: dict[str, Any], state: str
) -> None:
    job_id = await play.submit_tasks(
        {"name": "t", "run": "x", "var": "v"}, output="{{ len(tasks.v) }}"
    )
    [row] = await play.waiting()
    await finish(play, row, **report)
    assert await play.state(job_id) == state


@pytest.mark.parametrize("number", [0, -5, 2**31, 2**62])
async def test_a_part_of_a_log_that_can_not_be_kept_does_not_cost_its_task_the_end(
    play: Play, number: int
) -> None:
    job_id = await play.submit_tasks({"name": "t", "run": "x"})
    [row] = await play.waiting()
    parts = [
        LogPart(
            job_id=job_id,
            task_id=row["id"],
            number=each,
            contents=NULS,
            created_at=datetime.now(UTC),
        )
        for each in (1, number)
    ]
    await finish(play, row, log=parts, log_parts=2)
    assert await play.state(job_id) == "COMPLETED"
    kept = await play.rig.pool.fetch("SELECT number, contents FROM task_log_parts")
    assert [(part["number"], part["contents"][:3]) for part in kept] == [(1, "a\ufffdb")]


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ({"run": "x", "var": "{{ tasks.noise }}"}, "var: is evaluated longer than 256"),
        (
            {"subjob": {"name": "{{ tasks.noise }}", "tasks": [{"run": "x"}]}},
            "subjob.name: is evaluated longer than 256",
        ),
        (
            {"subjob": {"name": "s", "description": "{{ tasks.noise }}", "tasks": [{"run": "x"}]}},
            "subjob.description: is evaluated longer than 10000",
        ),
        ({"run": "x", "queue": "{{ tasks.noise }}"}, "queue:"),
    ],
)
async def test_a_task_that_is_evaluated_to_what_can_not_be_kept_fails_with_the_reason(
    play: Play, task: dict[str, Any], reason: str
) -> None:
    first = {"name": "noise", "run": "x", "var": "noise"}
    job_id = await play.submit_tasks(first, {"name": "second", **task})
    beside = await play.submit_tasks({"name": "t", "run": "x"})
    await play.run(lambda row: NOISE if row["var"] == "noise" else None)
    job = await play.rig.job(job_id)
    assert job["state"] == "FAILED"
    assert job["error"].startswith(reason)
    assert await play.state(beside) == "COMPLETED"


STRANGE = r'fromJSON("[\"\\u0000\", \"\\ud800\", {\"\\u0000\": 1, \"\\udc00\": 2}]")'


async def test_what_expressions_make_of_strange_texts_can_be_kept(play: Play) -> None:
    inner = {"name": "{{ item.value }}", "run": "x", "env": {"A": "{{ item.value }}"}}
    job_id = await play.submit_tasks(
        {"name": "all", "each": {"list": f"{{{{ {STRANGE} }}}}", "task": inner}},
        {
            "name": "sub",
            "subjob": {
                "name": "s",
                "inputs": {"a": f"{{{{ {STRANGE} }}}}"},
                "tasks": [inner | {"name": "n", "env": {}}],
            },
        },
        output=STRANGE,
    )
    await play.run()
    assert await play.state(job_id) == "COMPLETED"
