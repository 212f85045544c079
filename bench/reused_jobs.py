"""(q) Looking for a job that does the same work, among a million that have ended."""

import time
from collections.abc import Sequence
from itertools import count
from statistics import median, quantiles

import aiohttp
import asyncpg

from bench.client import Json
from bench.run import Run
from bench.searching import JOBS, QUICK_JOBS, fill_jobs
from bench.services import COORDINATOR, Services
from bench.table import Table
from tests.support.servers.bulk_rows import bulk_rows, numbers
from tests.support.services.cluster import Service

_ROUNDS, _QUICK_ROUNDS = 100, 40
_CROWD = 10_000
"""How many jobs have completed the same work, or failed at it."""
_WARM_UP = 3

# As submissions leave them: a place for each task, and a few inputs. No two are alike.
FINGERPRINTS = """
INSERT INTO job_fingerprints (job_id, fingerprint, owner, parts, created_at)
SELECT id, md5(id) || md5(id), '',
       jsonb_build_object('format', 'a', 'inputs.source', left(id, 12), 'tasks[0].run', 'b',
                          'tasks[0].image', 'c', 'tasks[0].env.A', left(id, 12), 'output', 'd'),
       created_at
FROM jobs WHERE NOT EXISTS (SELECT FROM job_fingerprints f WHERE f.job_id = jobs.id)
"""
ALIKE = """
INSERT INTO job_fingerprints (job_id, fingerprint, owner, parts, created_at, has_failed)
SELECT j.id, $2, '', '{}', j.created_at, j.state = 'FAILED'
FROM jobs j WHERE starts_with(j.name, $1)
"""
ARTIFACTS = """
INSERT INTO artifacts (task_id, attempt, name, job_id, object, file_name, size, sha256)
SELECT t.id, 0, 'out', t.job_id, t.job_id || '/' || t.id || '/0.1/out', 'out', 0, 'sum'
FROM tasks t JOIN jobs j ON j.id = t.job_id WHERE j.name = $1
"""
ANALYZE = "VACUUM ANALYZE jobs, job_fingerprints, tasks, artifacts"

_Timed = dict[str, list[float]]


async def measure(run: Run) -> Table:
    jobs = QUICK_JOBS if run.quick else JOBS
    rounds = _QUICK_ROUNDS if run.quick else _ROUNDS
    services = Services(run.ground, run.profile)
    try:
        coordinator = await services.start(COORDINATOR)
        async with aiohttp.ClientSession() as session:
            asking = _Asking(session, coordinator)
            await fill_jobs(run.ground.dsn, jobs)
            await _fill(run.ground.dsn, asking)
            times = await asking.rounds(rounds)
    finally:
        await services.stop_all()
    bare = times["submitted without reuse"]
    return Table(
        f"(q) the same work looked for among {jobs:,} jobs that ended, {rounds} rounds in turns",
        ("asked", "p50 ms", "p95 ms", "to a submission without reuse"),
        [_row(name, own, bare) for name, own in times.items()],
        (f"{_CROWD:,} alike: as many jobs did the same work, each kept a file",),
    )


class _Asking:
    """Of one coordinator. Jobs of the same `size` do the same work."""

    def __init__(self, session: aiohttp.ClientSession, coordinator: Service) -> None:
        self._session = session
        self._url = coordinator.url
        self._new = count(1)

    async def fingerprint(self, kind: str) -> str:
        answer = await self._post("/jobs/reuse/check", _job(kind))
        return str(answer["fingerprint"])

    async def rounds(self, rounds: int) -> _Timed:
        """Milliseconds."""
        times: _Timed = {}
        for number in range(rounds + _WARM_UP):
            for name, path, body, is_hit in self._asked():
                began = time.perf_counter()
                answer = await self._post(path, body)
                taken = (time.perf_counter() - began) * 1000
                if bool(answer.get("reused") or answer.get("jobId")) is not is_hit:
                    raise RuntimeError(f"{name}: {answer}")
                if number >= _WARM_UP:
                    times.setdefault(name, []).append(taken)
        return times

    def _asked(self) -> Sequence[tuple[str, str, Json, bool]]:
        check = "/jobs/reuse/check"
        return (
            ("submitted without reuse", "/jobs", _job("plain", reuse=False), False),
            ("submitted, one is the answer", "/jobs", _job("one"), True),
            ("submitted, none is alike", "/jobs", _job(f"new {next(self._new)}"), False),
            ("submitted, 10,000 alike completed", "/jobs", _job("completed"), True),
            ("checked, one is the answer", check, _job("one"), True),
            ("checked, none is alike: the nearest miss", check, _job("none"), False),
            ("checked, 10,000 alike completed", check, _job("completed"), True),
            ("checked, 10,000 alike failed", check, _job("failed"), False),
        )

    async def _post(self, path: str, body: Json) -> Json:
        async with self._session.post(self._url + path, json=body) as response:
            answer: Json = await response.json()
            if not response.ok:
                raise RuntimeError(f"{path}: {response.status} {answer}")
            return answer


def _job(kind: str, *, reuse: bool = True) -> Json:
    task = {"name": "step", "run": "true", "env": {"KIND": kind}}
    return {"name": "bench", "inputs": {"kind": kind}, "tasks": [task], "reuse": reuse}


async def _fill(dsn: str, asking: _Asking) -> None:
    """Beside the jobs that are there: one that completed, and crowds."""
    ended = {
        "completed": {"state": "'COMPLETED'", "completed_at": "now()"},
        "failed": {"state": "'FAILED'", "failed_at": "now()", "error": "'exit code 1'"},
    }
    connection = await asyncpg.connect(dsn)
    try:
        for kind, many in (("one", 1), ("completed", _CROWD), ("failed", _CROWD)):
            at = "now() - make_interval(secs => n)"
            state = ended.get(kind, ended["completed"])
            made = {"id": f"'{kind}' || n", "name": f"'{kind}'", "position": "1", "created_at": at}
            await connection.execute(bulk_rows("jobs", numbers(1, many), **made, **state))
            task = {"id": f"'{kind}-task' || n", "job_id": f"'{kind}' || n", **state}
            await connection.execute(bulk_rows("tasks", numbers(1, many), **task))
            await connection.execute(ARTIFACTS, kind)
            await connection.execute(ALIKE, kind, await asking.fingerprint(kind))
        await connection.execute(FINGERPRINTS)
        await connection.execute(ANALYZE)
    finally:
        await connection.close()


def _row(name: str, times: Sequence[float], bare: Sequence[float]) -> tuple[str, ...]:
    cuts = quantiles(times, n=20, method="inclusive")
    ratio = median(own / its for own, its in zip(times, bare, strict=True))
    return name, f"{cuts[9]:.1f}", f"{cuts[18]:.1f}", f"{ratio:.2f}"
