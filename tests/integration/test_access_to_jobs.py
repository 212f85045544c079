"""Permissions of jobs: who sees them in lists, by id, and in searches."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import (
    OPERATOR,
    PROTECTED,
    Headers,
    add_key,
    add_user,
    done,
    hash_cheaply,
    submit,
)

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Company:
    """Ann and Otto, who has the role ops; Ann's jobs: for all, for ops, for Bob, for herself."""

    api: Api
    ann: Headers
    bob: Headers
    otto: Headers

    async def names(self, headers: Headers, q: str = "") -> list[str]:
        """Of the jobs that are listed, newest first."""
        page = await self.api.get("/jobs", headers=headers, params={"q": q} if q else None)
        assert page["totalItems"] == len(page["items"])
        return [job["name"] for job in page["items"]]


@pytest.fixture
async def company(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Company]:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        await done(api, "POST", "/roles", OPERATOR, json={"slug": "ops", "name": "Operations"})
        ann, bob = await add_user(api, "ann"), await add_user(api, "bob")
        otto = await add_user(api, "otto", "ops")
        for name, permissions in (
            ("open", ""),
            ("operations", "permissions: [{role: ops}]"),
            ("bobs", "permissions: [{user: bob}]"),
            ("own", "permissions: [{user: ann}]"),
            ("public", "permissions: [{role: public}]"),
        ):
            await submit(api, ann, f"name: {name}\ntags: [t]\ntasks: [{{name: a}}]\n{permissions}")
        yield Company(api, ann, bob, otto)


ALL = ["public", "own", "bobs", "operations", "open"]


@pytest.mark.parametrize("q", ["", "tag:t", "pending", "tag:t pending"])
async def test_lists_counts_and_searches_hold_what_may_be_seen(company: Company, q: str) -> None:
    assert await company.names(company.ann, q) == ALL
    assert await company.names(OPERATOR, q) == ALL
    assert await company.names(company.bob, q) == ["public", "bobs", "open"]
    assert await company.names(company.otto, q) == ["public", "operations", "open"]
    assert await company.names(await add_key(company.api, "read"), q) == ["public", "open"]
    bobs_key = await add_key(company.api, "read", user="bob")
    assert await company.names(bobs_key, q) == ["public", "bobs", "open"]


async def test_words_find_only_what_may_be_seen(company: Company) -> None:
    assert await company.names(company.ann, "bobs") == ["bobs"]
    assert await company.names(company.otto, "bobs") == []


async def test_pages_of_what_may_be_seen_are_whole(company: Company) -> None:
    pages = [
        await company.api.get("/jobs", headers=company.bob, params={"size": 2, "page": number})
        for number in (1, 2)
    ]
    assert [[job["name"] for job in page["items"]] for page in pages] == [
        ["public", "bobs"],
        ["open"],
    ]
    assert [page["totalPages"] for page in pages] == [2, 2]


async def test_a_job_shows_who_made_it_and_who_may_see_it(company: Company) -> None:
    job = await submit(company.api, company.ann, _job("{role: ops}", "{user: bob}"))
    assert job["createdBy"]["username"] == "ann"
    whole = await company.api.get(f"/jobs/{job['id']}", headers=company.bob)
    assert whole["createdBy"]["id"] == job["createdBy"]["id"]
    assert set(whole["createdBy"]) == {"id", "username", "name", "createdAt"}
    role, user = (next(iter(each.items())) for each in whole["permissions"])
    assert (role[0], role[1]["slug"]) == ("role", "ops")
    assert (user[0], user[1]["username"], user[1]["name"]) == ("user", "bob", "Bob")
    assert "access" not in role[1]
    # As they are shown, they may be submitted again
    again = {"name": "x", "tasks": [{"name": "t"}], "permissions": whole["permissions"]}
    made = await done(company.api, "POST", "/jobs", company.ann, json=again)
    copy = await company.api.get(f"/jobs/{made['id']}", headers=company.bob)
    assert copy["permissions"] == whole["permissions"]
    again = await done(company.api, "POST", f"/jobs/{made['id']}/run-again", company.ann)
    copy = await company.api.get(f"/jobs/{again['id']}", headers=company.bob)
    assert copy["permissions"] == whole["permissions"]


async def test_the_one_who_submits_a_job_sees_it_always(company: Company) -> None:
    key = await add_key(company.api, "submit", "read")
    for headers in (company.ann, key):
        job = await submit(company.api, headers, _job("{user: bob}"))
        assert (await company.api.get(f"/jobs/{job['id']}", headers=headers))["id"] == job["id"]
    other = await add_key(company.api, "read")
    assert (await company.api.answer("GET", f"/jobs/{job['id']}", headers=other))[0] == 404


async def test_who_sees_a_job_without_the_scope_may_not_act_on_it(company: Company) -> None:
    job = await submit(company.api, company.ann, _job("{user: bob}"))
    reader = await add_key(company.api, "read", user="bob")
    path = f"/jobs/{job['id']}/cancel"
    assert await company.api.answer("PUT", path, headers=reader) == (
        403,
        {"message": "requires the scope operate"},
    )
    assert (await company.api.answer("PUT", path, headers=company.otto))[0] == 404
    assert company.api.batcher.done == []
    await done(company.api, "PUT", path, company.bob)
    assert company.api.batcher.done == [("cancel", job["id"])]


@pytest.mark.parametrize(
    ("permission", "message"),
    [
        ("{user: zoe}", 'permissions[0].user: "zoe" is not allowed: there is no such user'),
        ("{role: zoo}", 'permissions[0].role: "zoo" is not allowed: there is no such role'),
        ("{role: ops, user: bob}", "permissions[0]: must name either a role or a user"),
        ("{}", "permissions[0]: must name either a role or a user"),
        (
            "{user: bob, access: read}",
            "permissions[0].access: \"read\" is not allowed: must be 'view'",
        ),
    ],
)
async def test_permissions_name_one_that_exists(
    company: Company, permission: str, message: str
) -> None:
    before = len(company.api.batcher.submitted)
    headers = {**company.ann, "Content-Type": "text/yaml"}
    data = _job(permission).encode()
    status, answer = await company.api.answer("POST", "/jobs", data=data, headers=headers)
    assert status == 400
    assert re.match(rf"{re.escape(message)}.* \(line 3, column ", answer["message"])
    assert len(company.api.batcher.submitted) == before


async def test_a_client_that_only_submits_may_wait_for_its_own_job(company: Company) -> None:
    company.api.batcher.finish_with = "done"
    key = await add_key(company.api, "submit")
    job = await submit(company.api, key, _job("{user: bob}") + "wait: {timeout: 10s}\n")
    assert (job["state"], job["result"]) == ("COMPLETED", "done")


async def test_who_may_only_view_a_job_is_told_so(company: Company) -> None:
    job = await submit(company.api, company.ann, _job("{user: bob, access: view}"))
    path = f"/jobs/{job['id']}"
    shown = await company.api.get(path, headers=company.bob)
    assert [each["access"] for each in shown["permissions"]] == ["view"]
    for headers, access in ((company.bob, "view"), (company.ann, "operate")):
        assert (await company.api.get(path, headers=headers))["access"] == access
        assert (await company.api.get(f"{path}/summary", headers=headers))["access"] == access
        listed = (await company.api.get("/jobs", headers=headers))["items"]
        assert [one["access"] for one in listed if one["id"] == job["id"]] == [access]
    refused = (403, {"message": "you may view this job, but not operate it"})
    for method, act in (("PUT", "cancel"), ("PUT", "restart"), ("POST", "run-again")):
        answer = await company.api.answer(method, f"{path}/{act}", headers=company.bob)
        assert answer == refused
    await company.api.set_job(job["id"], state="COMPLETED")
    assert await company.api.answer("DELETE", path, headers=company.bob) == refused
    for headers, gone in ((company.bob, 0), (company.ann, 1)):
        answer = await company.api.answer("DELETE", "/jobs?q=completed", headers=headers)
        assert answer == (200, {"deleted": gone, "remaining": 0})
    again = {"name": "x", "tasks": [{"name": "t"}], "permissions": shown["permissions"]}
    made = await done(company.api, "POST", "/jobs", company.ann, json=again)
    path = f"/jobs/{made['id']}"
    assert await company.api.answer("PUT", f"{path}/cancel", headers=company.bob) == refused
    # A run again is shared with the same people
    made = await done(company.api, "POST", f"{path}/run-again", company.ann)
    path = f"/jobs/{made['id']}"
    assert (await company.api.get(path, headers=company.bob))["permissions"] == shown["permissions"]
    assert await company.api.answer("PUT", f"{path}/cancel", headers=company.bob) == refused


@pytest.mark.parametrize(
    ("default", "expected"), [("operate", (200, 200)), ("view", (200, 403)), ("none", (404, 404))]
)
async def test_a_setting_says_what_others_may_do_with_jobs_without_permissions(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, default: str, expected: tuple[int, int]
) -> None:
    hash_cheaply(monkeypatch)
    auth = PROTECTED.model_copy(update={"default_access": default})
    async with api_on(postgres_dsn, auth=auth) as api:
        ann, bob = await add_user(api, "ann"), await add_user(api, "bob")
        boss = await add_user(api, "boss", "admin")
        key = await add_key(api, "read", "submit", "operate")

        async def statuses(job_id: str, headers: Headers) -> tuple[int, int]:
            shown = await api.answer("GET", f"/jobs/{job_id}", headers=headers)
            acted = await api.answer("PUT", f"/jobs/{job_id}/cancel", headers=headers)
            return shown[0], acted[0]

        job = await submit(api, ann, "name: x\ntasks: [{name: a}]")
        again = await done(api, "POST", f"/jobs/{job['id']}/run-again", ann)
        for each in (job["id"], again["id"]):
            for other in (bob, key):
                assert await statuses(each, other) == expected
            for its_own in (ann, boss, OPERATOR):
                assert await statuses(each, its_own) == (200, 200)
        of_the_operator = await submit(api, OPERATOR, "name: x\ntasks: [{name: a}]")
        assert await statuses(of_the_operator["id"], bob) == expected
        shared = await submit(api, ann, _job("{role: public}"))
        assert await statuses(shared["id"], bob) == (200, 200)


@pytest.mark.parametrize("spelled", ["Bob", "BOB", "bob"])
async def test_permissions_name_users_and_roles_in_any_case(company: Company, spelled: str) -> None:
    job = await submit(company.api, company.ann, _job(f"{{user: {spelled}}}", "{role: OPS}"))
    for headers in (company.bob, company.otto):
        shown = await company.api.get(f"/jobs/{job['id']}", headers=headers)
        assert [
            str(each.get("user", each.get("role"))["name"]) for each in shown["permissions"]
        ] == [
            "Bob",
            "Operations",
        ]


def _job(*permissions: str) -> str:
    return f"name: x\ntasks: [{{name: a}}]\npermissions: [{', '.join(permissions)}]\n"


async def test_only_who_may_see_a_job_finds_it_by_name_and_runs_it_again(company: Company) -> None:
    api = company.api
    found = await api.get("/jobs/bobs/summary", headers=company.bob)
    again = f"/jobs/{found['id']}/run-again"
    status, new = await api.answer("POST", again, headers=company.bob)
    assert (status, new["createdBy"]["username"]) == (200, "bob")
    assert "bobs" in await company.names(company.ann)
    for stranger in (company.otto, await add_key(api, "read", "submit")):
        for text in ("bobs", found["id"][:8]):
            assert (await api.answer("GET", f"/jobs/{text}/summary", headers=stranger))[0] == 404
        assert (await api.answer("POST", again, headers=stranger))[0] == 404
        assert "bobs" not in await company.names(stranger)
