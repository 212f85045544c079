"""/templates: stored jobs with inputs, pushed, run, and whose they are."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.http.api import YAML, Api, api_on
from tests.support.http.authenticated_api import PROTECTED, add_user, hash_cheaply

pytestmark = pytest.mark.real

__all__ = ["hash_cheaply"]

THUMBS = """
template:
  name: thumbs
  version: {version}
  description: Small pictures.
  inputs:
    width: {{type: integer, default: 160, minimum: 16}}
    format: {{enum: [png, jpg]}}
    token: {{type: secret, required: false}}
name: thumbs
secrets: {{key: "s3cret-of-mine"}}
tasks:
  - name: resize
    env: {{WIDTH: "{{{{ inputs.width }}}}", TOKEN: "{{{{ secrets.token }}}}"}}
    run: echo $WIDTH
"""


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def push(api: Api, version: str = "1.0", **more: Any) -> tuple[int, Any]:
    text = THUMBS.format(version=version) + more.pop("text", "")
    headers = {**YAML, **more.pop("headers", {})}
    return await api.answer("POST", "/templates", data=text.encode(), headers=headers, **more)


async def run(api: Api, body: dict[str, Any], **more: Any) -> tuple[int, Any]:
    return await api.answer("POST", "/templates/thumbs/run", json=body, **more)


async def test_a_template_is_pushed_shown_and_pushed_again(api: Api) -> None:
    status, shown = await push(api)
    assert status == 200, shown
    assert (shown["version"], shown["revision"], shown["status"]) == ("1.0", 1, "active")
    assert list(shown["inputSchema"]["properties"]) == ["width", "format", "token"]
    assert shown["inputSchema"]["required"] == ["format"]
    assert shown["definition"]["secrets"] == {"key": "[REDACTED]"}
    await push(api, "1.1")
    assert (await push(api, "1.1"))[1]["revision"] == 2
    assert (await push(api, "2.0", params={"dryRun": "true"}))[1]["dryRun"] is True

    listed = await api.get("/templates?q=SMALL")
    assert [(one["version"], one["versions"]) for one in listed["items"]] == [("1.1", 2)]
    assert (await api.get("/templates?kind=app"))["items"] == []
    versions = await api.get("/templates/thumbs")
    assert [one["version"] for one in versions["versions"]] == ["1.1", "1.0"]
    text = await (
        await api.client.get("/templates/thumbs/versions/1/definition?format=yaml")
    ).text()
    assert text.startswith("# Fill in the values of `secrets`")
    assert "template:" in text
    assert "type: secret" in text
    assert "s3cret" not in text
    again = await api.answer("POST", "/templates", data=text.encode(), headers=YAML)
    assert again[0] == 200, again


async def test_a_job_of_a_template_has_its_inputs_and_keeps_them(api: Api) -> None:
    await push(api)
    status, job = await run(api, {"inputs": {"format": "jpg"}, "secrets": {"token": "t0ken"}})
    assert status == 200, job
    assert job["inputs"] == {"width": "160", "format": "jpg"}
    assert job["template"] == {"name": "thumbs", "version": "1.0"}
    await push(api, "1.1")

    shown = await api.get(f"/jobs/{job['id']}")
    assert shown["template"] == {"name": "thumbs", "version": "1.0"}
    assert shown["secrets"] == {"key": "[REDACTED]", "token": "[REDACTED]"}
    _, newest = await run(api, {"inputs": {"format": "png", "width": "32"}, "name": "mine"})
    assert (newest["name"], newest["template"]["version"]) == ("mine", "1.1")
    assert newest["inputs"]["width"] == "32"
    for text, count in (("thumbs", 2), ("thumbs@1", 2), ("thumbs@1.0", 1), ("humbs", 0)):
        assert (await api.get(f"/jobs?q=template:{text}"))["totalItems"] == count
    assert (await api.get("/jobs?template=thumbs@1.1"))["totalItems"] == 1
    _, again = await api.answer("POST", f"/jobs/{job['id']}/run-again")
    assert again["template"] == {"name": "thumbs", "version": "1.0"}
    assert again["inputs"] == {"width": "160", "format": "jpg"}


async def test_a_job_of_a_template_is_held_or_begins_at_a_time(api: Api) -> None:
    await push(api)
    at = "2100-06-01T12:00:00Z"
    _, job = await run(api, {"inputs": {"format": "jpg"}, "hold": True, "startAt": at})
    shown = await api.get(f"/jobs/{job['id']}")
    assert (shown["state"], shown["hold"], shown["startAt"]) == ("PENDING", True, at)
    _, job = await run(api, {"inputs": {"format": "jpg"}, "startAt": at})
    shown = await api.get(f"/jobs/{job['id']}")
    assert (shown.get("hold"), shown["startAt"]) == (None, at)
    status, refused = await run(api, {"inputs": {"format": "jpg"}, "startAt": "soon"})
    assert (status, refused["errors"][0]["field"]) == (400, "startAt")


async def test_inputs_that_break_rules_are_all_named(api: Api) -> None:
    await push(api)
    status, answer = await run(api, {"inputs": {"width": 3, "widht": 1}})
    assert status == 400
    assert [(one["field"], one["rule"]) for one in answer["errors"]] == [
        ("inputs.widht", "the template has no such input, did you mean 'width'?"),
        ("inputs.format", "is required"),
        ("inputs.width", "must be at least 16"),
    ]
    assert (await run(api, {"version": "x"}))[1]["message"].startswith('version: "x" is not')
    assert (await run(api, {"version": "3"}))[0] == 404


async def test_an_inactive_version_makes_no_job_and_a_deleted_one_is_gone(api: Api) -> None:
    for version in ("1.0", "2.0"):
        await push(api, version)
    await api.answer("PUT", "/templates/thumbs/versions/2.0/deactivate")

    body = {"inputs": {"format": "png"}}
    assert (await run(api, body))[1]["template"]["version"] == "1.0"
    status, answer = await run(api, body | {"version": "2"})
    assert (status, answer["message"]) == (409, "template thumbs@2.0 is inactive")
    assert (await api.get("/templates/thumbs"))["latest"] == "1.0"
    await api.answer("PUT", "/templates/thumbs/versions/2.0/activate")
    assert (await run(api, body))[1]["template"]["version"] == "2.0"

    assert (await api.answer("DELETE", "/templates/thumbs/versions/2.0"))[0] == 200
    assert (await run(api, body))[1]["template"]["version"] == "1.0"
    assert (await api.answer("DELETE", "/templates/thumbs"))[0] == 200
    assert (await run(api, body))[0] == 404


async def test_a_name_belongs_to_who_pushed_it_and_permissions_say_who_else_sees_it(
    postgres_dsn: str,
) -> None:
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        ann, bob, cid = [await add_user(api, name) for name in ("ann", "bob", "cid")]
        private = "permissions: [{user: bob, access: view}]\n"
        assert (await push(api, headers=ann, text=private))[0] == 200

        status, answer = await push(api, "9.0", headers=bob)
        assert status == 409
        assert answer["message"] == "template.name: 'thumbs' belongs to somebody else"
        assert (await run(api, {"inputs": {"format": "png"}}, headers=bob))[0] == 200
        assert (await run(api, {"inputs": {"format": "png"}}, headers=cid))[0] == 404
        for headers, expected in ((bob, 403), (cid, 404), (ann, 200)):
            path = "/templates/thumbs/versions/1.0/deactivate"
            assert (await api.answer("PUT", path, headers=headers))[0] == expected
            shown = await api.answer("GET", "/templates", headers=headers)
            assert len(shown[1]["items"]) == (0 if headers is cid else 1)


async def test_a_schedule_makes_jobs_of_the_newest_version_that_its_tag_allows(api: Api) -> None:
    await push(api)
    body = {"template": "thumbs@1", "inputs": {"format": "png"}, "schedule": {"cron": "0 0 1 1 *"}}
    status, made = await api.answer("POST", "/scheduled-jobs", json=body)
    assert status == 200, made
    assert made["template"] == {
        "tag": "thumbs@1",
        "version": "thumbs@1.0",
        "inputs": {"format": "png"},
    }
    path = f"/scheduled-jobs/{made['id']}"
    shown = await api.get(f"{path}/definition")
    assert {name: shown[name] for name in ("template", "inputs")} == {
        "template": "thumbs@1",
        "inputs": {"format": "png"},
    }
    await push(api, "1.1")
    await push(api, "2.0")
    _, run_ = await api.answer("POST", f"{path}/trigger")
    job = await api.get(f"/jobs/{run_['jobId']}")
    assert job["template"] == {"name": "thumbs", "version": "1.1"}
    assert job["inputs"] == {"width": "160", "format": "png"}
    for width, status in (("320", 200), ("wide", 400)):
        given = {"inputs": {"width": width}}
        answered, run_ = await api.answer("POST", f"{path}/trigger", json=given)
        assert answered == status, run_
        if status == 200:
            job = await api.get(f"/jobs/{run_['jobId']}")
            assert job["inputs"] == {"width": width, "format": "png"}

    for version in ("1.0", "1.1"):
        await api.answer("PUT", f"/templates/thumbs/versions/{version}/deactivate")
    status, answer = await api.answer("POST", f"{path}/trigger")
    assert status == 409
    assert "template thumbs@1.1 is inactive" in answer["message"]
    status, answer = await api.answer("PATCH", path, json={"name": "other"})
    assert (status, answer["message"]) == (
        400,
        "name: is of template thumbs@1: submit another schedule",
    )
    assert (await api.answer("PATCH", path, json={"schedule": {"cron": "@daily"}}))[0] == 200
    wrong = body | {"template": "thumbs@2", "inputs": {"format": "gif"}}
    status, answer = await api.answer("POST", "/scheduled-jobs", json=wrong)
    assert (status, answer["errors"][0]["field"]) == (400, "inputs.format")


async def test_the_inputs_of_a_schedule_of_a_template_are_edited(api: Api) -> None:
    await push(api)
    body = {"template": "thumbs@1", "inputs": {"format": "png"}, "schedule": {"cron": "0 0 1 1 *"}}
    _, made = await api.answer("POST", "/scheduled-jobs", json=body)
    path = f"/scheduled-jobs/{made['id']}"
    await push(api, "1.1")
    edit = {"inputs": {"width": 32}, "schedule": {"cron": "0 0 2 1 *"}}
    status, edited = await api.answer("PATCH", path, json=edit)
    assert status == 200, edited
    assert edited["template"] == {
        "tag": "thumbs@1",
        "version": "thumbs@1.1",
        "inputs": {"format": "png", "width": "32"},
    }
    assert edited["cron"] == "0 0 2 1 *"
    whole = await api.get(path)
    assert whole["inputs"] == {"format": "png", "width": "32"}
    status, refused = await api.answer("PATCH", path, json={"inputs": {"width": 3}})
    assert (status, refused["errors"][0]["field"]) == (400, "inputs.width")


async def test_a_time_that_has_no_job_for_want_of_its_template_is_among_the_runs(api: Api) -> None:
    await push(api)
    body = {"template": "thumbs", "inputs": {"format": "png"}, "schedule": {"cron": "* * * * *"}}
    _, made = await api.answer("POST", "/scheduled-jobs", json=body)
    path = f"/scheduled-jobs/{made['id']}"
    why = "template thumbs@1.0 is inactive"
    await api.answer("PUT", "/templates/thumbs/versions/1.0/deactivate")
    assert (await api.answer("PATCH", path, json={"inputs": {"width": 32}}))[0] == 409
    assert (await api.get(f"{path}/runs"))["items"] == []
    hold_back = "UPDATE schedules SET error = $1, next_at = now() - interval '1 minute'"
    await api.pool.execute(hold_back, why)
    runs = await api.get(f"{path}/runs")
    assert [(run["state"], run["reason"]) for run in runs["items"]] == [("HELD", why)]
    assert (runs["size"], runs["totalItems"], runs["totalPages"]) == (1, 1, 1)
    assert (await api.get(f"{path}/runs?state=SKIPPED"))["items"] == []


BACALHAU = """
template:
  name: resize
  version: "1.0"
  inputs: {width: {type: integer, default: 160}, n: {type: integer}}
Name: resize
Type: batch
Count: "{{ inputs.n }}"
Tasks:
  - Name: main
    Engine: {Type: docker, Params: {Image: alpine, Parameters: [echo, "{{ inputs.width }}"]}}
"""


async def test_a_job_of_bacalhau_is_a_template_whose_jobs_and_schedules_are_bacalhaus(
    api: Api,
) -> None:
    async def document(job_id: str) -> Any:
        return (await api.get(f"/api/v1/orchestrator/jobs/{job_id}"))["Job"]

    status, shown = await api.answer("POST", "/templates", data=BACALHAU.encode(), headers=YAML)
    assert status == 200, shown
    assert (shown["language"], shown["inputSchema"]["required"]) == ("bacalhau", ["n"])
    path = "/templates/resize/versions/1/definition?format=yaml"
    text = await (await api.client.get(path)).text()
    again = await api.answer("POST", "/templates", data=text.encode(), headers=YAML)
    assert (again[0], again[1]["revision"]) == (200, 2), again

    made = []
    for width in ("320", "640"):
        body = {"inputs": {"n": 2, "width": width}}
        status, job = await api.answer("POST", "/templates/resize/run", json=body)
        assert status == 200, job
        assert (job["name"], job["template"]["version"]) == ("resize", "1.0")
        made.append(await document(job["id"]))
    assert [job["Count"] for job in made] == [2, 2]
    assert made[1]["Tasks"][0]["Engine"]["Params"]["Parameters"] == ["echo", "640"]
    assert made[0]["Name"] != made[1]["Name"]
    refused = await api.answer("POST", "/templates/resize/run", json={"inputs": {"n": -1}})
    assert (refused[0], refused[1]["errors"][0]["field"]) == (400, "Count")

    asked = {"template": "resize", "inputs": {"n": 3}, "schedule": {"cron": "0 0 1 1 *"}}
    status, schedule = await api.answer("POST", "/scheduled-jobs", json=asked)
    assert status == 200, schedule
    path = f"/scheduled-jobs/{schedule['id']}"
    status, edited = await api.answer("PATCH", path, json={"inputs": {"n": 4}})
    assert status == 200, edited
    _, run_ = await api.answer("POST", f"{path}/trigger")
    job = await document(run_["jobId"])
    assert (job["Count"], job["Name"]) == (4, f"resize-{run_['jobId'][:8]}")
