"""(r) Three stages over many files, again with one of them changed: what runs again, and why."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import yaml

from bench.client import Client, Json
from bench.run import Run
from bench.services import COORDINATOR, SCHEDULER, WORKER, Services
from bench.table import Table

_EXAMPLE = Path(__file__).parents[1] / "examples" / "pipeline.yaml"
FILES, QUICK_FILES = 1_000, 100
_CHANGED = 17
_SLOTS = {"CONVEYOR_RUNTIME_TYPE": "shell", "CONVEYOR_WORKER_QUEUES": "default:16"}
_STAGES = ("clean", "count", "sum")

TASKS = """
SELECT stage.name AS stage, t.child_index, t.id, t.reused_from, t.definition -> 'sources' AS sources
FROM tasks t LEFT JOIN tasks stage ON stage.id = coalesce(t.parent_id, t.id)
WHERE t.job_id = $1 AND t.kind = 'task' ORDER BY t.position, t.child_index
"""


async def measure(run: Run) -> Table:
    files = QUICK_FILES if run.quick else FILES
    texts = [f"file {number}" for number in range(files)]
    changes = {
        "first run": texts,
        "one file has a word more": _changed(texts, f"{texts[_CHANGED]} more"),
        "one file is in capitals": _changed(texts, texts[_CHANGED].upper()),
    }
    store = {"CONVEYOR_FILES_STORE": str(run.ground.folder / "files")}
    services = Services(run.ground, run.profile)
    database = await asyncpg.connect(run.ground.dsn)
    try:
        coordinator = await services.start(COORDINATOR, store)
        for name, settings in ((SCHEDULER, store), (WORKER, store | _SLOTS)):
            await services.start(name, settings)
        async with Client(run.ground, coordinator, services.running) as client:
            runs = {name: await _run(client, database, given) for name, given in changes.items()}
    finally:
        await database.close()
        await services.stop_all()
    before = runs["first run"][1]
    rows = [
        row
        for name, (seconds, tasks, near) in runs.items()
        for row in _rows(name, seconds, tasks, before, near)
    ]
    return Table(
        f"(r) `each` over {files:,} files, `each` over what it kept, and a task that takes all",
        ("run", "stage", "tasks", "ran", "reused", "seconds", "why they ran"),
        rows,
    )


_Tasks = Mapping[str, Sequence[asyncpg.Record]]
"""By stage."""


def _changed(texts: Sequence[str], text: str) -> Sequence[str]:
    return [*texts[:_CHANGED], text, *texts[_CHANGED + 1 :]]


async def _run(
    client: Client, database: asyncpg.Connection, texts: Sequence[str]
) -> tuple[float, _Tasks, str]:
    """Seconds, the tasks, and the places in which the job differs from the one before."""
    seconds, job_id = await client.run_one(_job(texts))
    rows = await database.fetch(TASKS, job_id)
    tasks = {stage: [row for row in rows if row["stage"] == stage] for stage in _STAGES}
    [submission] = (await client.get(f"/jobs/{job_id}/reuse"))["submissions"]
    differences = submission.get("nearestMiss", {}).get("differences", ())
    return seconds, tasks, ", ".join(f"`{place}`" for place in differences)


def _rows(
    name: str, seconds: float, tasks: _Tasks, before: _Tasks, near: str
) -> Sequence[tuple[str, ...]]:
    job = (name, "the job", "1", "1", "0", f"{seconds:.1f}", _differs(near))
    return job, *(_row(stage, tasks[stage], before[stage]) for stage in _STAGES)


def _differs(places: str) -> str:
    return f"{places} differs from the first run's" if places else "there is none before"


def _row(
    stage: str, tasks: Sequence[asyncpg.Record], before: Sequence[asyncpg.Record]
) -> tuple[str, ...]:
    ran = [task for task in tasks if task["reused_from"] is None]
    reasons = {_reason(task, earlier) for task, earlier in zip(tasks, before, strict=True)}
    why = " and ".join(sorted(reasons - {""}))
    return "", stage, f"{len(tasks)}", f"{len(ran)}", f"{len(tasks) - len(ran)}", "", why


def _reason(task: asyncpg.Record, earlier: asyncpg.Record) -> str:
    """Why it ran, by what the task of the same place took in the first run."""
    if task["reused_from"]:
        return ""
    if task["id"] == earlier["id"]:
        return "no task did this work before"
    [now], [then] = json.loads(task["sources"]), json.loads(earlier["sources"])
    return f"`sources[0].{next(_places(now, then))}` differs"


def _places(now: Any, then: Any) -> Any:  # noqa: ANN401 - JSON
    yield from (name for name in now if now[name] != then.get(name) and name != "at")


def _job(texts: Sequence[str]) -> Json:
    job: Json = yaml.safe_load(_EXAMPLE.read_text(encoding="utf-8"))
    return job | {"inputs": {"texts": texts}}
