"""When a schedule fires next, before it is saved and after."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.http.api import YAML, Api, api_on

pytestmark = pytest.mark.real

TASK = {"name": "a", "run": "true"}
FROM = "2030-01-01T00:00:00Z"


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def add(api: Api, **schedule: Any) -> str:
    job = {"name": "x", "tasks": [TASK], "schedule": schedule}
    status, summary = await api.answer("POST", "/scheduled-jobs", json=job)
    assert status == 200, summary
    return f"/scheduled-jobs/{summary['id']}"


async def preview(api: Api, **body: Any) -> Any:
    status, answer = await api.answer("POST", "/scheduled-jobs/preview", json=body)
    assert status == 200, answer
    return answer["firings"]


@pytest.mark.parametrize(
    ("schedule", "times"),
    [
        ({"cron": "0 9 * * 1-5"}, ["2030-01-01T09:00", "2030-01-02T09:00", "2030-01-03T09:00"]),
        (
            {"cron": "0 9 31 3 *", "timezone": "Europe/Berlin"},
            ["2030-03-31T07:00", "2031-03-31T07:00", "2032-03-31T07:00"],
        ),
        (
            {"crons": ["0 0 L * *", "0 0 1 2 *"]},
            ["2030-01-31T00:00", "2030-02-01T00:00", "2030-02-28T00:00"],
        ),
        ({"at": "2030-06-01T12:00:00+02:00"}, ["2030-06-01T10:00"]),
        (
            {"interval": "36h", "startAt": "2030-01-05T00:00:00Z", "endAt": "2030-01-07T00:00:00Z"},
            ["2030-01-05T00:00", "2030-01-06T12:00"],
        ),
        ({"cron": "@daily", "maxRuns": 1}, ["2030-01-02T00:00"]),
    ],
)
async def test_a_preview_shows_the_next_times(api: Api, schedule: Any, times: list[str]) -> None:
    body = {"schedule": schedule, "from": FROM, "count": 3}
    assert [one["scheduledAt"] for one in await preview(api, **body)] == [f"{t}:00Z" for t in times]
    assert await api.pool.fetchval("SELECT count(*) FROM schedules") == 0


async def test_a_preview_begins_now_and_shows_ten_unless_told_otherwise(api: Api) -> None:
    firings = await preview(api, schedule={"interval": "1h"})
    [now] = await api.pool.fetchrow("SELECT now()")
    first, *_, last = (datetime.fromisoformat(one["scheduledAt"]) for one in firings)
    assert (len(firings), last - first) == (10, timedelta(hours=9))
    assert timedelta(minutes=59) < first - now <= timedelta(hours=1)
    assert len(await preview(api, schedule={"cron": "* * * * *"}, count=100)) == 100


async def test_jitter_is_shown_as_a_bound_before_and_as_a_time_after_it_is_saved(api: Api) -> None:
    schedule = {"cron": "0 9 * * *", "jitter": "30m"}
    [first, *_] = await preview(api, schedule=schedule, **{"from": FROM})
    assert first == {"scheduledAt": "2030-01-01T09:00:00Z", "latestAt": "2030-01-01T09:30:00Z"}
    path = await add(api, **schedule)
    [firing, *_] = (await api.get(f"{path}/next"))["firings"]
    at, due = (datetime.fromisoformat(firing[name]) for name in ("at", "scheduledAt"))
    assert timedelta(0) < at - due < timedelta(minutes=30)
    assert at == await api.pool.fetchval("SELECT look_at FROM schedules")


async def test_a_preview_may_be_asked_in_yaml(api: Api) -> None:
    body = b"schedule: {cron: 0 9 * * *}\nfrom: 2030-01-01T00:00:00Z\ncount: 1"
    status, answer = await api.answer("POST", "/scheduled-jobs/preview", data=body, headers=YAML)
    assert (status, answer) == (200, {"firings": [{"scheduledAt": "2030-01-01T09:00:00Z"}]})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "schedule: is required"),
        ({"schedule": {}}, "schedule: must have exactly one of cron, crons, interval and at"),
        ({"schedule": {"cron": "0 25 * * *"}}, "schedule.cron: "),
        ({"schedule": {"cron": "@daily"}, "count": 101}, "count: 101 is not allowed"),
        ({"schedule": {"cron": "@daily"}, "from": "today"}, 'from: "today" is not allowed'),
        ({"schedule": {"cron": "@daily"}, "to": FROM}, "to: unknown field"),
        ([], "the body must be a mapping of fields"),
    ],
)
async def test_a_preview_of_what_is_no_schedule_is_refused(
    api: Api, body: Any, message: str
) -> None:
    status, answer = await api.answer("POST", "/scheduled-jobs/preview", json=body)
    assert (status, message in answer["message"]) == (400, True), answer


async def test_a_scheduled_job_shows_its_schedule_and_what_comes_next(api: Api) -> None:
    schedule = {
        "crons": ["0 9 * * *", "0 21 * * *"],
        "timezone": "Asia/Kolkata",
        "maxRuns": 3,
        "overlap": "bufferAll",
        "catchUp": {"policy": "all", "window": "2h", "limit": 5},
        "pauseOnFailure": 2,
    }
    path = await add(api, **schedule)
    shown = await api.get(path)
    assert (shown["schedule"], shown["version"]) == (schedule, 1)
    assert len(shown["next"]) == 3
    assert shown["next"][0]["scheduledAt"] == shown["nextAt"]
    times = (await api.get(f"{path}/next?count=2"))["firings"]
    assert times == shown["next"][:2]
    # A firing that is due counts until it has fired
    await api.pool.execute("UPDATE schedules SET runs = 2, next_at = next_at - interval '1 day'")
    [late] = (await api.get(path))["next"]
    assert late["scheduledAt"] < shown["nextAt"]


async def test_a_paused_one_shows_what_would_come_and_an_ended_one_nothing(api: Api) -> None:
    path = await add(api, cron="@daily")
    await api.answer("PUT", f"{path}/pause")
    assert "next" not in await api.get(path)
    assert len((await api.get(f"{path}/next?count=2"))["firings"]) == 2
    await api.pool.execute("UPDATE schedules SET state = 'ENDED'")
    assert (await api.get(f"{path}/next"))["firings"] == []


async def test_a_schedule_of_before_its_rules_were_kept_shows_them_from_its_columns(
    api: Api,
) -> None:
    path = await add(api, cron="@daily", timezone="Asia/Tokyo", overlap="skip", catchUp="all")
    await api.pool.execute("UPDATE schedules SET rules = '{}'")
    assert (await api.get(path))["schedule"] == {
        "cron": "@daily",
        "timezone": "Asia/Tokyo",
        "overlap": "skip",
        "catchUp": "all",
    }
