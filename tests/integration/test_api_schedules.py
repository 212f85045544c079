"""/scheduled-jobs over HTTP: submitting, listing, showing, pausing, resuming, deleting."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, cast

import pytest

from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.schedules import ScheduleLoop
from services.scheduler.settings import ScheduleSettings
from shared.apply.batcher import Batcher
from shared.planning.planner import Planner
from shared.process.metrics import Metrics
from tests.support.http.api import JSON, YAML, Api, api_on
from tests.support.http.authenticated_api import PROTECTED, add_key, add_user, done
from tests.support.services.scheduler import no_grace

pytestmark = pytest.mark.real

NIGHTLY = """
name: nightly
schedule:
  cron: "0 3 * * *"
tasks:
  - name: build
    image: alpine:3.18.3
    run: make
"""
TASK = {"name": "a", "run": "true"}
DAILY = {"cron": "@daily"}


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def submit(api: Api, schedule: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """The summary of a scheduled job that must be accepted."""
    job = {"name": "x", "tasks": [TASK], "schedule": schedule or DAILY, **fields}
    status, summary = await api.answer("POST", "/scheduled-jobs", json=job)
    assert status == 200, summary
    assert isinstance(summary, dict)
    return summary


async def test_a_scheduled_job_is_answered_with_its_summary(api: Api) -> None:
    status, summary = await api.answer(
        "POST", "/scheduled-jobs", data=NIGHTLY.encode(), headers=YAML
    )
    assert status == 200
    assert len(summary.pop("id")) == 32
    created, following = (
        datetime.fromisoformat(summary.pop(name)) for name in ("createdAt", "nextAt")
    )
    assert following > created
    assert (following.hour, following.minute) == (3, 0)
    assert summary.pop("createdBy")["name"] == "Guest"
    assert [warning["field"] for warning in summary.pop("warnings")] == ["tasks[0].queue"]
    assert summary == {
        "name": "nightly",
        "state": "ACTIVE",
        "schedule": {"cron": "0 3 * * *"},
        "cron": "0 3 * * *",
        "timezone": "UTC",
        "overlap": "allow",
        "catchUp": "one",
    }


async def test_a_scheduled_job_is_shown_as_it_was_submitted(api: Api) -> None:
    fields = {
        "description": "all of it",
        "tags": ["night"],
        "inputs": {"n": "3"},
        "output": "{{ inputs.n }}",
        "defaults": {"queue": "slow", "retry": {"limit": 2}, "timeout": "5m"},
        "webhooks": [{"url": "http://hooks.test/x", "event": "job.StateChange"}],
        "autoDelete": {"after": "6h"},
        "timeout": "2h",
    }
    schedule = {"cron": "0 9 * * mon", "timezone": "Europe/Berlin", "overlap": "skip"}
    summary = await submit(api, {**schedule, "catchUp": "all"}, **fields)
    del summary["warnings"]
    shown = await api.get(f"/scheduled-jobs/{summary['id']}")
    submitted = {"tasks": [TASK], "schedule": {**schedule, "catchUp": "all"}}
    assert len(shown.pop("next")) == 5
    assert shown == summary | fields | submitted | {"version": 1, "access": "operate"}
    assert schedule.items() <= shown.items()
    assert shown["catchUp"] == "all"


async def test_the_time_zone_in_front_of_the_expression_counts(api: Api) -> None:
    summary = await submit(api, {"cron": "CRON_TZ=Asia/Kolkata 0 6 * * *"})
    assert summary["timezone"] == "Asia/Kolkata"
    assert summary["nextAt"].endswith("T00:30:00Z")


async def test_no_secret_is_ever_shown_or_stored_in_clear(api: Api) -> None:
    secrets = {"key": "hunter22"}
    registry = {"username": "me", "password": "tropical"}
    inner = {"name": "in", "run": "true", "env": {"PLAIN": "has hunter22 inside"}}
    subjob = {"name": "sub", "tasks": [inner], "secrets": {"deep": "underwater"}}
    tasks = [{"name": "a", "image": "i", "registry": registry}, {"name": "b", "subjob": subjob}]
    summary = await submit(api, secrets=secrets, tasks=tasks, description="hunter22")
    whole = await api.get(f"/scheduled-jobs/{summary['id']}")
    page = await api.get("/scheduled-jobs")
    row = await api.pool.fetchrow("SELECT * FROM schedules")
    for text in (*map(json.dumps, (summary, whole, page)), str(dict(row))):
        for secret in ("hunter22", "tropical", "underwater"):
            assert secret not in text
    assert whole["secrets"] == {"key": "[REDACTED]"}
    assert row["sealed"].startswith("fernet:")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schedule": None}, "schedule: is required"),
        (
            {"schedule": {}},
            "schedule: must have exactly one of cron, crons, interval and at, not none",
        ),
        (
            {"schedule": {"at": "2020-01-01T00:00:00Z"}},
            "schedule: all its times have passed: it must fire in the future",
        ),
        ({"schedule": {"cron": "0 0 * * * *"}}, "schedule.cron: .*five fields"),
        ({"schedule": {"cron": "0 25 * * *"}}, "schedule.cron: .*hour: 25: must be between 0"),
        ({"schedule": {"cron": "0 0 30 2 *"}}, "schedule.cron: .*never comes"),
        ({"schedule": DAILY | {"timezone": "Mars"}}, "schedule.timezone: .*time zone"),
        ({"schedule": DAILY | {"timezone": "posixrules"}}, "schedule.timezone: .*time zone"),
        ({"schedule": DAILY | {"timezone": "Factory"}}, "schedule.timezone: .*time zone"),
        ({"tasks": [TASK | {"if": "{{ schedul.id == '' }}"}]}, r"tasks\[0\].if: .*schedul"),
        ({"schedule": {"cron": "TZ=UTC @daily", "timezone": "Asia/Tokyo"}}, "schedule.cron: .*UTC"),
        ({"schedule": DAILY | {"overlap": "queue"}}, "schedule.overlap: .*'allow', 'skip'"),
        ({"schedule": DAILY | {"catchUp": "some"}}, "schedule.catchUp: .*must be"),
        ({"schedule": DAILY | {"crom": 1}}, "schedule.crom: unknown field"),
        ({"wait": {"timeout": "5s"}}, "wait: is only for POST /jobs"),
        ({"tasks": []}, "tasks: must have at least 1"),
    ],
)
async def test_a_broken_scheduled_job_is_refused_with_field_and_rule(
    api: Api, change: dict[str, Any], message: str
) -> None:
    job = {"name": "x", "tasks": [TASK], "schedule": DAILY, **change}
    status, answer = await api.answer("POST", "/scheduled-jobs", json=job)
    assert status == 400
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(answer["message"])


async def test_expressions_read_when_the_job_was_due_and_are_warned_of_what_is_not_there(
    api: Api,
) -> None:
    env = {"AT": "{{ schedule.scheduledAt }}", "WHEN": "{{ schedule.at }}"}
    summary = await submit(api, tasks=[TASK | {"env": env}])
    [warning] = [one for one in summary["warnings"] if one["field"].endswith(".WHEN")]
    assert "schedule has id and scheduledAt" in warning["message"]


async def test_a_job_that_is_not_scheduled_may_not_have_a_schedule(api: Api) -> None:
    job = {"name": "x", "tasks": [TASK], "schedule": DAILY}
    status, answer = await api.answer("POST", "/jobs", data=json.dumps(job), headers=JSON)
    assert status == 400
    assert "/scheduled-jobs" in answer["message"]


async def test_scheduled_jobs_are_listed_newest_first_by_page(api: Api) -> None:
    names = [f"job {number}" for number in range(3)]
    for name in names:
        await submit(api, name=name, tags=["night"])
    page = await api.get("/scheduled-jobs?size=2")
    assert [item["name"] for item in page.pop("items")] == names[:0:-1]
    assert page == {"number": 1, "size": 2, "totalPages": 2, "totalItems": 3}
    page = await api.get("/scheduled-jobs?size=2&page=2")
    assert [item["name"] for item in page["items"]] == names[:1]
    assert page["items"][0]["tags"] == ["night"]


async def test_pausing_and_resuming(api: Api) -> None:
    path = f"/scheduled-jobs/{(await submit(api))['id']}"
    assert await api.answer("PUT", f"{path}/pause") == (200, {"status": "OK"})
    paused = await api.get(path)
    assert paused["state"] == "PAUSED"
    assert "nextAt" not in paused
    assert await api.answer("PUT", f"{path}/resume") == (200, {"status": "OK"})
    assert (await api.get(path))["state"] == "ACTIVE"


async def test_why_it_is_paused_is_shown_until_it_is_resumed(api: Api) -> None:
    path = f"/scheduled-jobs/{(await submit(api, secrets={'key': 'hunter22'}))['id']}"
    note = "the database of hunter22 is being moved"
    await api.answer("PUT", f"{path}/pause", json={"note": note})
    shown = note.replace("hunter22", "[REDACTED]")
    assert (await api.get(path))["note"] == shown
    assert (await api.get("/scheduled-jobs"))["items"][0]["note"] == shown
    await api.answer("PUT", f"{path}/resume")
    assert "note" not in await api.get(path)


@pytest.mark.parametrize(
    ("act", "body", "message"),
    [
        ("pause", b'{"note": 1}', "note: 1 is not allowed: must be text"),
        ("pause", b'{"notes": "x"}', "notes: unknown field"),
        ("pause", b'{"note": "%s"}' % (b"x" * 1001), "must have at most 1000 characters"),
        ("pause", b'{"note": "\\u0000"}', "must not hold NUL characters"),
        ("pause", b'["x"]', "the body must be a JSON object"),
        ("pause", b"note", "not valid JSON"),
        ("resume", b'{"note": "x"}', "body: must be empty: this request has no fields"),
        ("delete", b'{"note": "x"}', "body: must be empty: this request has no fields"),
    ],
)
async def test_what_a_request_can_not_read_is_refused_and_changes_nothing(
    api: Api, act: str, body: bytes, message: str
) -> None:
    path = f"/scheduled-jobs/{(await submit(api))['id']}"
    before = await api.get(path)
    method, at = ("DELETE", path) if act == "delete" else ("PUT", f"{path}/{act}")
    status, answer = await api.answer(method, at, data=body, headers=JSON)
    assert (status, message in answer["message"]) == (400, True), answer
    assert await api.get(path) == before


@pytest.mark.parametrize("body", [b"", b"{}", b" null\n", b'{"note": null}'])
async def test_a_body_that_says_nothing_is_as_good_as_none(api: Api, body: bytes) -> None:
    path = f"/scheduled-jobs/{(await submit(api))['id']}"
    assert await api.answer("PUT", f"{path}/pause", data=body, headers=JSON) == (
        200,
        {"status": "OK"},
    )
    assert "note" not in await api.get(path)


async def test_time_that_passed_while_it_was_paused_is_not_caught_up(api: Api) -> None:
    path = f"/scheduled-jobs/{(await submit(api, {'cron': '@every 1h', 'catchUp': 'all'}))['id']}"
    await api.answer("PUT", f"{path}/pause")
    await api.pool.execute("UPDATE schedules SET created_at = created_at - interval '5 h 1 min'")
    await api.answer("PUT", f"{path}/resume")
    row = await api.pool.fetchrow("SELECT next_at - now() AS wait FROM schedules")
    assert 0 < row["wait"].total_seconds() <= 3600


@pytest.mark.parametrize(("act", "needed"), [("pause", "ACTIVE"), ("resume", "PAUSED")])
async def test_a_wrong_state_is_refused(api: Api, act: str, needed: str) -> None:
    path = f"/scheduled-jobs/{(await submit(api))['id']}"
    if act == "pause":
        await api.answer("PUT", f"{path}/pause")
    status, answer = await api.answer("PUT", f"{path}/{act}")
    rule = f"{needed} scheduled job can be {act.removesuffix('e')}ed"
    state, article = ("PAUSED", "an") if act == "pause" else ("ACTIVE", "a")
    assert (status, answer["message"]) == (400, f"it is {state}: only {article} {rule}")


async def test_a_zone_that_is_gone_keeps_a_schedule_from_being_resumed_and_nothing_else(
    api: Api,
) -> None:
    path = f"/scheduled-jobs/{(await submit(api))['id']}"
    await api.answer("PUT", f"{path}/pause")
    await api.pool.execute("UPDATE schedules SET timezone = 'Mars/Olympus'")
    status, answer = await api.answer("PUT", f"{path}/resume")
    assert (status, "such as Europe/Berlin, not Mars/Olympus" in answer["message"]) == (409, True)
    assert (await api.get(path))["state"] == "PAUSED"
    assert (await api.get(f"{path}/next")) == {"firings": []}


async def test_a_deleted_scheduled_job_is_gone(api: Api) -> None:
    path = f"/scheduled-jobs/{(await submit(api))['id']}"
    assert await api.answer("DELETE", path) == (200, {"status": "OK"})
    for method, at in (("GET", ""), ("DELETE", ""), ("PUT", "/pause"), ("PUT", "/resume")):
        status, answer = await api.answer(method, path + at)
        assert (status, answer["message"]) == (404, "no such scheduled job")


async def test_a_submitted_job_runs_with_its_secrets_when_its_time_has_come(api: Api) -> None:
    tasks = [{"name": "a", "image": "i", "registry": {"username": "me", "password": "tropical"}}]
    summary = await submit(api, secrets={"key": "hunter22"}, tasks=tasks)
    await api.pool.execute("UPDATE schedules SET next_at = now(), look_at = now()")
    sealer = api.batcher.sealer
    async with Batcher(api.pool, api.broker, Planner(sealer)) as batcher:
        metrics = SchedulerMetrics(Metrics(), no_grace())
        loop = ScheduleLoop(api.pool, batcher.outbox, Planner(sealer), ScheduleSettings(), metrics)
        await loop.fire_due_schedules()
    shown = await api.get(f"/scheduled-jobs/{summary['id']}")
    job = await api.pool.fetchrow("SELECT id, state, sealed, secret_names FROM jobs")
    assert (shown["lastJobId"], job["state"]) == (job["id"], "SCHEDULED")
    secrets = cast(dict[str, str], sealer.unseal(job["sealed"])["secrets"])
    assert set(secrets.values()) == {"hunter22", "tropical"}
    assert (await api.get(f"/jobs/{job['id']}"))["secrets"] == {"key": "[REDACTED]"}
    # The job says where it comes from, also when that is gone
    [item] = (await api.get("/jobs"))["items"]
    at = shown["lastAt"]
    assert item["schedule"] == {"id": summary["id"], "cron": "@daily", "scheduledAt": at}
    await api.answer("DELETE", f"/scheduled-jobs/{summary['id']}")
    assert (await api.get(f"/jobs/{job['id']}"))["schedule"] == {
        "id": summary["id"],
        "scheduledAt": at,
    }


async def test_a_scheduled_job_is_there_for_its_readers_alone(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        ann, eve = await add_user(api, "ann"), await add_user(api, "eve")
        job = {"name": "x", "tasks": [TASK], "schedule": DAILY, "permissions": [{"user": "ann"}]}
        made = await done(api, "POST", "/scheduled-jobs", ann, json=job)
        assert made["createdBy"]["username"] == "ann"
        path = f"/scheduled-jobs/{made['id']}"
        for method, at in (("GET", ""), ("PUT", "/pause"), ("PUT", "/resume"), ("DELETE", "")):
            status, _ = await api.answer(method, path + at, headers=eve)
            assert status == 404
        assert (await done(api, "GET", "/scheduled-jobs", eve))["totalItems"] == 0
        assert (await done(api, "GET", "/scheduled-jobs", ann))["totalItems"] == 1
        [permission] = (await done(api, "GET", path, ann))["permissions"]
        assert permission["user"]["username"] == "ann"
        await done(api, "PUT", f"{path}/pause", ann)


async def test_who_may_only_read_may_not_submit_or_pause(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        reader, submitter = await add_key(api, "read"), await add_key(api, "submit")
        job = {"name": "x", "tasks": [TASK], "schedule": DAILY}
        made = await done(api, "POST", "/scheduled-jobs", submitter, json=job)
        path = f"/scheduled-jobs/{made['id']}"
        for method, at, body in (
            ("POST", "/scheduled-jobs", job),
            ("PUT", f"{path}/pause", None),
            ("DELETE", path, None),
        ):
            status, _ = await api.answer(method, at, headers=reader, json=body)
            assert status == 403
        await done(api, "GET", path, reader)
