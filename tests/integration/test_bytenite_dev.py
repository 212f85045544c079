"""/v1/dev: apps, engines and templates, as ByteNite's clients push them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import PROTECTED, add_user, hash_cheaply

pytestmark = pytest.mark.real

__all__ = ["hash_cheaply"]

APP = {
    "name": "transcoder",
    "version": "1.0",
    "entrypoint": ["python", "main.py"],
    "platformConfig": {"container": "example/t:1", "privateImage": True, "token": "t0ken"},
    "deviceRequirements": {"minCpu": 2, "gpu": ["A100"]},
    "schema": {"type": "object", "properties": {"width": {"type": "integer"}}},
}
ENGINE = {**APP, "name": "cutter", "type": "partitioner", "platform": "docker"}
TEMPLATE = {"id": "transcode", "app": "transcoder@1", "partitioner": "cutter", "assembler": "zip"}


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def push(api: Api, noun: str, body: Any, **more: Any) -> tuple[int, Any]:
    return await api.answer("POST", f"/v1/dev/{noun}", json=body, **more)


async def test_apps_engines_and_templates_live_by_their_tags(api: Api) -> None:
    for noun, kind, body in (
        ("apps", "app", APP),
        ("engines", "engine", {"engine": ENGINE}),
        ("templates", "template", TEMPLATE),
    ):
        status, answer = await push(api, noun, body)
        assert status == 200, answer
        pushed = answer[kind]
        name = pushed.get("name") or pushed["id"]
        assert (pushed["tag"], pushed["status"]) == (f"{name}@1.0", "inactive")
        again = (await push(api, noun, body))[1][kind]
        assert (again["revision"], again["hash"]) == (2, pushed["hash"])

        for act, status_then in (("activate", "active"), ("deactivate", "inactive")):
            assert (await api.answer("POST", f"/v1/dev/{noun}/{name}@1/{act}"))[1] == {"ok": True}
            shown = await api.get(f"/v1/dev/{noun}/{name}/status")
            assert (shown["status"], shown["revision"]) == (status_then, 2)
        listed = await api.get(f"/v1/dev/{noun}?limit=1")
        assert listed["pagination"] == {
            "total": 1,
            "offset": 0,
            "hasPrevious": False,
            "hasNext": False,
        }
        assert listed["data"][0] == (await api.get(f"/v1/dev/{noun}/{name}"))[kind]
    for noun, name in (
        ("templates", "transcode"),
        ("engines", "cutter"),
        ("apps", "transcoder"),
    ):
        assert (await api.answer("DELETE", f"/v1/dev/{noun}/{name}@1.0"))[0] == 200
        status, gone = await api.answer("GET", f"/v1/dev/{noun}/{name}")
        assert (status, gone["code"], gone["error"]["code"]) == (404, 5, "not_found")


async def test_a_token_is_kept_and_never_shown_and_a_schema_is(api: Api) -> None:
    _, answer = await push(api, "apps", APP)
    app = answer["app"]
    assert app["platformConfig"]["token"] == "[REDACTED]"
    assert app["paramsSchema"]["properties"] == {"width": {"type": "integer"}}
    assert app["entrypoint"] == ["python", "main.py"]


async def test_what_is_wrong_with_a_push_is_told_field_by_field_in_their_form(api: Api) -> None:
    bad = {**ENGINE, "name": "a b", "version": "1", "type": None, "schema": {"$ref": "http://x"}}
    status, answer = await push(api, "engines", bad)
    assert status == 422
    assert answer["error"]["code"] == "validation_failed"
    fields = [one["field"] for one in answer["details"]]
    assert fields == ["name", "version", "type", "paramsSchema.$ref"]
    assert (await push(api, "templates", {**TEMPLATE, "ap": 1}))[0] == 422
    status, answer = await push(api, "templates", {**TEMPLATE, "assembler": "a b"})
    assert status == 422
    rules = [(one["field"], one["rule"]) for one in answer["details"]]
    assert rules == [
        ("app", "there is no such app"),
        ("partitioner", "there is no such engine"),
        ("assembler", "must be a name, or a name with a version: name@1 or name@1.2"),
    ]
    assert (await api.answer("POST", "/v1/dev/apps", data=b"{"))[0] == 400


async def test_what_is_pushed_is_its_owners_until_it_is_published(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        ann, bob = [await add_user(api, name) for name in ("ann", "bob")]
        await push(api, "apps", APP, headers=ann)
        path = "/v1/dev/apps/transcoder"
        assert (await api.answer("GET", path, headers=bob))[0] == 404
        status, answer = await push(api, "apps", {**APP, "version": "9.0"}, headers=bob)
        assert (status, answer["error"]["code"]) == (409, "name_taken")
        assert (await api.answer("POST", f"{path}/publish", headers=ann))[0] == 200
        shown = (await api.answer("GET", path, headers=bob))[1]["app"]
        assert (shown["owner"], shown["isPublic"]) == ("ann", True)
        await push(api, "templates", {**TEMPLATE, "partitioner": "lines"}, headers=ann)
        listed = await api.answer("GET", "/v1/computing/jobs/templates", headers=ann)
        assert [one["owner"] for one in listed[1]["templates"]] == ["ann"]
        draft = {"templateId": "transcode", "params": {"partitioner": {"linesPerChunk": 1}}}
        _, made = await api.answer("POST", "/v1/computing/jobs", json=draft, headers=ann)
        assert made["templateInfo"]["owner"] == "ann"
        assert (await api.answer("DELETE", path, headers=bob))[0] == 403
        assert (await api.answer("POST", f"{path}/unpublish", headers=ann))[0] == 200
        assert (await api.answer("GET", path, headers=bob))[0] == 404
