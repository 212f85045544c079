"""PATCH /scheduled-jobs/{id}: some fields are changed, and all of it is checked."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, cast

import pytest

from tests.support.http.api import JSON, YAML, Api, api_on
from tests.support.http.authenticated_api import PROTECTED, add_user, done, hash_cheaply

pytestmark = pytest.mark.real

TASK = {"name": "a", "run": "true"}
DAILY = {"cron": "@daily"}


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def add(api: Api, **fields: Any) -> str:
    """The path of a new scheduled job."""
    job = {"name": "x", "tasks": [TASK], "schedule": DAILY, **fields}
    status, summary = await api.answer("POST", "/scheduled-jobs", json=job)
    assert status == 200, summary
    return f"/scheduled-jobs/{summary['id']}"


async def patch(api: Api, path: str, change: Any, **headers: str) -> tuple[int, Any]:
    return await api.answer("PATCH", path, json=change, headers=headers)


async def kept(api: Api) -> dict[str, Any]:
    """What its jobs are made of."""
    row = await api.pool.fetchrow("SELECT spec, sealed FROM schedules")
    if row["sealed"] is None:
        return dict(row["spec"])
    return cast(dict[str, Any], api.batcher.sealer.unseal(row["sealed"])["spec"])


async def test_an_edit_changes_the_fields_that_it_names(api: Api) -> None:
    path = await add(api, description="old", tags=["a"], inputs={"n": "1", "m": "2"})
    before = await api.get(path)
    change = {"description": None, "tags": ["b", "c"], "inputs": {"n": "3", "m": None}}
    status, summary = await patch(api, path, change)
    assert status == 200, summary
    after = await api.get(path)
    expected = before | {"tags": ["b", "c"], "inputs": {"n": "3"}, "version": 2}
    del expected["description"]
    assert after == expected
    del summary["warnings"]
    assert summary.items() <= after.items()


async def test_an_edit_of_its_times_moves_the_next_one(api: Api) -> None:
    path = await add(api, schedule={"cron": "0 3 * * *", "timezone": "Asia/Tokyo"})
    status, summary = await patch(api, path, {"schedule": {"timezone": None, "jitter": "10m"}})
    assert (status, summary["timezone"], summary["nextAt"][11:]) == (200, "UTC", "03:00:00Z")
    row = await api.pool.fetchrow("SELECT next_at, look_at FROM schedules")
    assert row["next_at"] < row["look_at"]
    status, summary = await patch(api, path, {"schedule": {"cron": None, "interval": "1h"}})
    assert (status, "cron" in summary) == (200, False)
    assert (await api.get(path))["schedule"] == {"interval": "1h", "jitter": "10m"}


async def test_what_is_secret_stays_where_it_is_not_named_or_sent_back_as_shown(api: Api) -> None:
    secrets = {"key": "hunter22", "other": "tropical"}
    tasks = [TASK | {"env": {"PASSWORD": "underwater", "A": "1"}}]
    path = await add(api, secrets=secrets, tasks=tasks, inputs={"API_SECRET": "in clear"})
    shown = await api.get(path)
    assert shown["tasks"][0]["env"]["PASSWORD"] == "[REDACTED]"
    change = {
        "secrets": shown["secrets"] | {"other": "new one"},
        "inputs": shown["inputs"],
        "tasks": [shown["tasks"][0] | {"env": shown["tasks"][0]["env"] | {"A": "2"}}],
    }
    status, _ = await patch(api, path, change)
    assert status == 200
    stored = await kept(api)
    assert stored["secrets"] == {"key": "hunter22", "other": "new one"}
    assert stored["inputs"] == {"API_SECRET": "in clear"}
    assert stored["tasks"][0]["env"] == {"PASSWORD": "underwater", "A": "2"}
    row = await api.pool.fetchrow("SELECT * FROM schedules")
    for secret in ("hunter22", "new one", "underwater"):
        assert secret not in str(dict(row))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": None}, "name: is required"),
        ({"tasks": []}, "tasks: must have at least 1"),
        ({"tasks": [TASK | {"env": {"A": "{{ nobody }}"}}]}, "unknown name 'nobody'"),
        ({"schedule": {"cron": "0 25 * * *"}}, "schedule.cron: "),
        ({"schedule": {"interval": "1h"}}, "must have exactly one of cron, crons, interval and at"),
        (
            {"schedule": {"endAt": "2020-01-01T00:00:00Z"}},
            "schedule: all its times have passed",
        ),
        ({"schedule": None}, "schedule: is required"),
        ({"id": "x"}, "id: unknown field"),
        ({"descripton": None}, "descripton: unknown field"),
        ({"schedule": {"jiter": None}}, "schedule.jiter: unknown field"),
        ({"permissions": [{"user": "nobody"}]}, "there is no such user"),
        (
            {"tasks": [{"name": "b", "run": "true", "env": {"PASSWORD": "[REDACTED]"}}]},
            "tasks[0].env.PASSWORD: has [REDACTED], which answers show in place of a secret",
        ),
        ({"inputs": {"n": "x" * 500_000}}, "the job would have"),
        ([], "a change must be a mapping of fields"),
        ("x", "a change must be a mapping of fields"),
    ],
)
async def test_an_edit_that_breaks_a_rule_is_refused_and_changes_nothing(
    api: Api, change: Any, message: str
) -> None:
    path = await add(api, inputs={"m": "y" * 20_000})
    before = await api.pool.fetchrow("SELECT * FROM schedules")
    status, answer = await patch(api, path, change)
    assert (status, message in answer["message"]) == (400, True), answer
    assert await api.pool.fetchrow("SELECT * FROM schedules") == before


async def test_an_edit_may_be_yaml_or_a_merge_patch_and_names_the_line_of_what_is_wrong(
    api: Api,
) -> None:
    path = await add(api)
    for content_type, body in (
        (YAML, b"tags: [a]\n"),
        ({"Content-Type": "application/merge-patch+json"}, b'{"tags": ["b"]}'),
        (JSON, b"{}"),
    ):
        status, _ = await api.answer("PATCH", path, data=body, headers=content_type)
        assert status == 200
    status, answer = await api.answer("PATCH", path, data=b"tags: []\nnme: x\n", headers=YAML)
    [problem] = answer["errors"]
    assert (status, problem["field"], problem["line"]) == (400, "nme", 2)
    status, answer = await api.answer(
        "PATCH", path, data=b"tags: []", headers={"Content-Type": "text/plain"}
    )
    assert (status, "content-type: " in answer["message"]) == (400, True)
    assert (await api.get(path))["tags"] == ["b"]


async def test_an_edit_of_another_version_than_it_was_made_of_is_refused(api: Api) -> None:
    path = await add(api)
    async with api.client.get(path) as response:
        first = response.headers["ETag"]
    assert first == '"1"'
    assert (await patch(api, path, {"tags": ["a"]}, **{"If-Match": first}))[0] == 200
    status, answer = await patch(api, path, {"tags": ["b"]}, **{"If-Match": first})
    assert (status, answer["message"]) == (412, 'If-Match: its version is "2" now')
    assert (await patch(api, path, {"tags": ["c"]}, **{"If-Match": '"7", "2"'}))[0] == 200
    assert (await patch(api, path, {"tags": ["d"]}, **{"If-Match": "*"}))[0] == 200
    assert (await api.get(path))["version"] == 4


async def test_edits_at_once_are_all_made_one_after_the_other(api: Api) -> None:
    path = await add(api)
    changes = [{"inputs": {f"n{n}": str(n)}} for n in range(8)]
    answers = await asyncio.gather(*(patch(api, path, change) for change in changes))
    assert {status for status, _ in answers} == {200}
    shown = await api.get(path)
    assert shown["inputs"] == {f"n{n}": str(n) for n in range(8)}
    assert shown["version"] == 9


async def test_a_paused_schedule_stays_paused_and_an_ended_one_goes_on_if_it_has_times_again(
    api: Api,
) -> None:
    path = await add(api)
    await api.answer("PUT", f"{path}/pause", json={"note": "why"})
    _, summary = await patch(api, path, {"schedule": {"cron": "@hourly"}})
    assert (summary["state"], summary["note"], summary.get("nextAt")) == ("PAUSED", "why", None)
    await api.pool.execute(
        "UPDATE schedules SET state = 'ENDED', runs = 3, ended_at = now(),"
        " rules = '{\"maxRuns\": 3}'"
    )
    _, summary = await patch(api, path, {"tags": ["a"]})
    assert (summary["state"], "endedAt" in summary) == ("ENDED", True)
    status, answer = await patch(api, path, {"schedule": {"maxRuns": 2}})
    assert (status, answer["message"]) == (
        400,
        "schedule.maxRuns: must be more than the 3 jobs it has created",
    )
    _, summary = await patch(api, path, {"schedule": {"maxRuns": 5}})
    assert (summary["state"], summary.get("endedAt")) == ("ACTIVE", None)
    assert datetime.fromisoformat(summary["nextAt"])


async def test_permissions_stay_unless_they_are_named_and_its_creator_keeps_it(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        ann, bob, eve = [await add_user(api, name) for name in ("ann", "bob", "eve")]
        job = {"name": "x", "tasks": [TASK], "schedule": DAILY}
        permissions = [{"user": "bob"}, {"user": "eve", "access": "view"}]
        made = await done(
            api, "POST", "/scheduled-jobs", ann, json=job | {"permissions": permissions}
        )
        path = f"/scheduled-jobs/{made['id']}"
        await done(api, "PATCH", path, bob, json={"tags": ["a"]})
        assert len((await done(api, "GET", path, eve))["permissions"]) == 2
        status, _ = await api.answer("PATCH", path, json={"tags": []}, headers=eve)
        assert status == 403
        await done(api, "PATCH", path, bob, json={"permissions": [{"user": "bob"}]})
        assert (await api.answer("GET", path, headers=eve))[0] == 404
        shown = await done(api, "GET", path, ann)
        assert (shown["createdBy"]["username"], len(shown["permissions"])) == ("ann", 1)
        assert json.dumps(await kept(api)).count("user") == 1
