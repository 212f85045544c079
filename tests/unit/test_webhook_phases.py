"""What endpoints are told of the phases of a job of ByteNite: each once, by the change that begins
it."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from services.webhook_dispatcher.following import owed_for
from services.webhook_dispatcher.happenings import Changes
from services.webhook_dispatcher.matching import Matcher
from services.webhook_dispatcher.store.endpoints import Endpoint
from services.webhook_dispatcher.store.feed import Place, Row
from shared.jobspec.bytenite.phases import ORDER, Phase
from shared.process.sealing import Sealer
from tests.support.jobs.job_rows import JOB_ROW

_AT = datetime(2026, 1, 2, tzinfo=UTC)
_JOB: Mapping[str, Any] = {**JOB_ROW, "readers": [], "sealed": None, "has_phases": True}


def _job(state: str) -> dict[str, Any]:
    return {"state": state}


def _stage(position: int, state: str, **more: Any) -> dict[str, Any]:
    return {"state": state, "position": position, "task_id": f"s{position}", **more}


def _run() -> Iterator[dict[str, Any]]:
    yield from map(_job, ["PENDING", "PENDING"])
    for position in range(1, 5):
        yield from (_stage(position, state) for state in ("PENDING", "SCHEDULED"))
        if position == 1:
            yield _job("SCHEDULED")
        yield _stage(position, "RUNNING")
        if position == 1:
            yield _job("RUNNING")
            yield from (_stage(1, state, attempt=1) for state in ("SCHEDULED", "RUNNING"))
        if position == 2:
            chunk = {**_stage(2, "COMPLETED"), "task_id": "c", "parent_id": "s2"}
            yield from (chunk, {**_stage(2, "RUNNING"), "is_progress": True})
        yield _stage(position, "COMPLETED", attempt=int(position == 1))
    yield _job("COMPLETED")


def _told(
    event: str,
    job: Mapping[str, Any] = _JOB,
    filter_: str | None = None,
    run: Iterable[dict[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    endpoint = Endpoint(
        id="e",
        owner="ann",
        events=[event],
        filter=filter_,
        tags=frozenset(),
        format="tork",
        payload="full",
        hears_since=_AT,
        readers=None,
    )
    matcher = Matcher([endpoint])
    fields = {"job_id": "j", "at": _AT}
    changes = [{**fields, "version": n, **change} for n, change in enumerate(run or _run())]
    row = Row(Place(0, 0), _AT, changes)
    owed = owed_for(row, Changes(matcher, {"j": job}, {}, Sealer()), matcher)
    return list({one.id: orjson.loads(one.body) for one in owed}.values())


def test_each_phase_of_a_job_is_told_once_in_their_order() -> None:
    told = _told("job.PhaseChange")
    assert [one["phase"] for one in told] == [p for p in ORDER if p is not Phase.FAILED]
    assert {one["event"] for one in told} == {"job.PhaseChange"}
    assert all(one["id"] == JOB_ROW["id"] and "jobId" not in one for one in told)


def test_phases_are_told_again_when_chunks_run_again() -> None:
    chunks = _stage(2, "RUNNING", begins_run=True)
    again = [_job("PENDING"), _job("SCHEDULED"), chunks, _stage(2, "COMPLETED"), _job("COMPLETED")]
    told = [one["phase"] for one in _told("job.PhaseChange", run=[*_run(), *again])]
    assert told[-3:] == [Phase.PARTITIONED, Phase.TASKS_COMPLETED, Phase.COMPLETE]


def test_a_job_without_phases_tells_of_none() -> None:
    assert _told("job.PhaseChange", {**_JOB, "has_phases": False}) == []


def test_a_filter_reads_the_phase_and_changes_of_the_job_have_it() -> None:
    (merging,) = _told("job.PhaseChange", filter_=f"job.phase == '{Phase.MERGING}'")
    assert merging["phase"] == Phase.MERGING
    phases = [one.get("phase") for one in _told("job.StateChange")]
    assert phases == [Phase.NEW, Phase.STARTED, Phase.STARTED, None, Phase.COMPLETE]
