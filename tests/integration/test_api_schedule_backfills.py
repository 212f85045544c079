"""POST /scheduled-jobs/{id}/backfill: the jobs of times that have passed, each once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from services.coordinator import schedule_commands
from services.coordinator.schedule_commands import ScheduleCommands
from tests.support.http.api import Api, api_on

pytestmark = pytest.mark.real

TASK = {"name": "a", "run": "true"}
DAY = {"from": "2026-06-01T00:00:00Z", "to": "2026-06-01T23:59:59Z"}
HOURLY = {"cron": "0 */6 * * *"}


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def add(api: Api, **schedule: Any) -> str:
    job = {"name": "x", "tags": ["t"], "tasks": [TASK], "schedule": schedule}
    status, summary = await api.answer("POST", "/scheduled-jobs", json=job)
    assert status == 200, summary
    return f"/scheduled-jobs/{summary['id']}"


async def fill(api: Api, path: str, **body: Any) -> Any:
    status, answer = await api.answer("POST", f"{path}/backfill", json=DAY | body)
    assert status == 200, answer
    return answer


async def times_of_jobs(api: Api) -> list[datetime]:
    rows = await api.pool.fetch("SELECT schedule_at FROM jobs ORDER BY schedule_at")
    return [row["schedule_at"] for row in rows]


def hours(answer: Any) -> list[str]:
    return [each["scheduledAt"][11:13] for each in answer["firings"]]


async def test_a_backfill_creates_a_job_for_each_time_of_the_range_and_none_twice(api: Api) -> None:
    path = await add(api, **HOURLY)
    before = await api.get(path)
    # Both ends count
    first = await fill(api, path, to="2026-06-01T12:00:00Z")
    assert (first["created"], first["existing"], hours(first)) == (3, 0, ["00", "06", "12"])
    answers = await asyncio.gather(*(fill(api, path) for _ in range(3)))
    assert sorted(each["created"] for each in answers) == [0, 0, 1]
    assert len(await times_of_jobs(api)) == 4
    ids = {each["jobId"] for answer in answers for each in answer["firings"]}
    assert ids == {row["id"] for row in await api.pool.fetch("SELECT id FROM jobs")}
    runs = await api.get(f"{path}/runs")
    assert [run["kind"] for run in runs["items"]] == ["BACKFILLED"] * 4
    after = await api.get(path)
    assert {name: after.get(name) for name in ("nextAt", "runs", "lastAt")} == {
        name: before.get(name) for name in ("nextAt", "runs", "lastAt")
    }
    # A job that was deleted has run all the same
    await api.pool.execute("DELETE FROM jobs")
    assert (await fill(api, path))["existing"] == 4


async def test_a_dry_run_says_the_same_and_does_nothing(api: Api) -> None:
    path = await add(api, **HOURLY)
    await fill(api, path, to="2026-06-01T06:00:00Z")
    dry = await fill(api, path, dryRun=True)
    assert (dry.pop("dryRun"), len(await times_of_jobs(api))) == (True, 2)
    assert dry == await fill(api, path)


async def test_a_part_of_a_second_belongs_to_no_time_before_it(api: Api) -> None:
    path = await add(api, **HOURLY)
    found = await fill(api, path, **{"from": "2026-06-01T06:00:00.5Z"})
    assert hours(found) == ["12", "18"]


@pytest.mark.parametrize(
    ("overlap", "asked", "created", "held"),
    [
        ("allow", None, 4, 0),
        ("allow", "bufferAll", 0, 4),
        ("skip", None, 0, 4),
        ("skip", "allow", 4, 0),
        ("bufferOne", None, 0, 4),
        ("cancelOther", None, 0, 4),
    ],
)
async def test_jobs_that_may_not_overlap_wait_for_one_another(
    api: Api, overlap: str, asked: str | None, created: int, held: int
) -> None:
    path = await add(api, **HOURLY, overlap=overlap)
    body = {"overlap": asked} if asked else {}
    answer = await fill(api, path, **body)
    assert (answer["created"], answer["held"]) == (created, held)
    assert len((await api.get(path)).get("held", [])) == held
    assert await api.pool.fetchval("SELECT count(*) FROM schedule_ends") == (1 if held else 0)
    # Nor does what waits already wait twice
    again = await fill(api, path, **body)
    assert (again["created"], again["held"], again["existing"]) == (0, 0, 4)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"from": None}, "from: is required"),
        ({"from": "yesterday"}, 'from: "yesterday" is not allowed'),
        ({"to": "2026-05-01T00:00:00Z"}, "from: must not be after to"),
        ({"to": "2096-05-01T00:00:00Z"}, "to: must not be in the future"),
        ({"overlap": "skip"}, "overlap: "),
        ({"until": 1}, "until: unknown field"),
        (
            {"from": "2025-06-01T00:00:00Z"},
            "more than 500 times, the most of one backfill: the last that fits is 2025-10-03T18:",
        ),
    ],
)
async def test_a_range_that_is_none_is_refused(api: Api, body: Any, message: str) -> None:
    path = await add(api, **HOURLY)
    status, answer = await api.answer("POST", f"{path}/backfill", json=DAY | body)
    assert (status, message in answer["message"]) == (400, True), answer
    assert await times_of_jobs(api) == []


async def test_an_edit_between_two_parts_of_a_backfill_ends_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule_commands, "_AT_ONCE", 1)
    path = await add(api, **HOURLY)
    one_part = ScheduleCommands._backfilled

    async def edited_after(*args: Any) -> Any:
        done = await one_part(*args)
        await api.pool.execute("UPDATE schedules SET version = 2")
        return done

    monkeypatch.setattr(ScheduleCommands, "_backfilled", edited_after)
    status, answer = await api.answer("POST", f"{path}/backfill", json=DAY)
    assert (status, answer["message"]) == (
        409,
        "it was edited meanwhile; ask again for the rest of the range",
    )
    monkeypatch.undo()
    rest = await fill(api, path)
    assert (rest["created"], rest["existing"]) == (3, 1)
    assert len(await times_of_jobs(api)) == 4


async def test_endpoints_that_ask_are_told_of_jobs_that_were_made_by_request(api: Api) -> None:
    path = await add(api, **HOURLY)
    url = {"url": "http://hooks.test/x", "events": ["schedule.Fired"]}
    assert (await api.answer("POST", "/webhooks", json=url))[0] == 200
    await fill(api, path, to=DAY["from"])
    await api.answer("POST", f"{path}/trigger")
    rows = await api.pool.fetch("SELECT event, data FROM webhook_notices ORDER BY id")
    assert [row["event"] for row in rows] == ["schedule.Fired"] * 2
    assert rows[0]["data"]["scheduledAt"].startswith("2026-06-01T00:00:00")
    assert (rows[0]["data"]["name"], rows[0]["data"]["tags"]) == ("x", ["t"])
