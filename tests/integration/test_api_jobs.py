"""/jobs over HTTP: submitting, listing, showing, cancelling."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from services.coordinator.settings import ApiSettings
from shared.apply.apply import Work
from shared.lifecycle import TaskState
from tests.support.eventually import eventually
from tests.support.http.api import JSON, UNAVAILABLE, YAML, Api, api_on
from tests.support.jobs.definitions import HELLO, task_definition

pytestmark = pytest.mark.real


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def test_a_yaml_job_is_answered_with_its_summary(api: Api) -> None:
    summary = await api.submit(HELLO)
    assert len(summary.pop("id")) == 32
    assert summary.pop("createdAt").endswith("Z")
    assert summary.pop("createdBy")["username"] == "guest"
    assert [warning["field"] for warning in summary.pop("warnings")] == ["tasks[0].queue"]
    assert summary == {
        "name": "hello",
        "description": "says it",
        "tags": ["greeting", "demo"],
        "inputs": {"who": "world", "times": "3"},
        "state": "PENDING",
        "position": 0,
        "taskCount": 1,
        "access": "operate",
    }


async def test_a_json_job_is_stored_as_it_was_submitted(api: Api) -> None:
    task = {"name": "a", "run": "true", "retry": {"limit": 2, "initialDelay": "1s"}}
    job = {"name": "x", "tasks": [task], "autoDelete": {"after": "6h"}, "output": "{{tasks.a}}"}
    status, summary = await api.answer("POST", "/jobs", json=job)
    assert status == 200
    [new] = api.batcher.submitted
    assert new.definition.tasks == (task_definition(task),)
    assert new.job.has_output
    assert new.job.auto_delete_after is not None
    shown = await api.get(f"/jobs/{summary['id']}")
    assert shown["tasks"] == [task]
    assert shown["autoDelete"] == {"after": "6h"}
    assert shown["execution"] == []


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        (JSON, b"{", "not valid JSON"),
        (YAML, b"a: [", "not valid YAML"),
        ({"Content-Type": "text/plain"}, b"{}", "content-type: text/plain is not allowed"),
        (JSON, b'{"name":"x","tasks":[{"name":"a","queue":"events"}]}', "tasks[0].queue"),
        (JSON, b'{"name":"x"}', "tasks: is required"),
        (JSON, b'{"name":"x","tasks":[{"name":"a"}],"priority":1}', "priority: unknown field"),
    ],
)
async def test_a_job_that_breaks_a_rule_is_refused_with_the_rule(
    api: Api, headers: dict[str, str], body: bytes, message: str
) -> None:
    status, answer = await api.answer("POST", "/jobs", data=body, headers=headers)
    assert status == 400
    assert message in answer["message"]
    assert api.batcher.submitted == []


async def test_a_body_over_the_limit_is_refused(api: Api) -> None:
    status, answer = await api.answer("POST", "/jobs", data=b"x" * 600_000, headers=YAML)
    message = "the body is too large: the limit is 512000 bytes"
    assert (status, answer) == (413, {"message": message})


async def test_a_missing_content_type_is_refused(api: Api) -> None:
    status, answer = await api.answer(
        "POST", "/jobs", data=b"name: x", skip_auto_headers=["Content-Type"]
    )
    assert status == 400
    assert answer["message"].startswith("content-type: must be one of")


async def test_an_unavailable_database_is_a_503_that_says_when_to_come_back(api: Api) -> None:
    api.batcher.fail = UNAVAILABLE
    response = await api.raw("POST", "/jobs", data=HELLO.encode(), headers=YAML)
    assert response.status == 503
    assert response.headers["Retry-After"] == "5"
    assert "unavailable" in (await response.json())["message"]


async def test_waiting_answers_with_the_whole_job_once_it_is_final(api: Api) -> None:
    api.batcher.finish_with = "42"
    job = await api.submit(HELLO + "wait: {timeout: 30s}\n")
    assert (job["state"], job["result"]) == ("COMPLETED", "42")
    assert job["execution"] == []


async def test_a_job_that_finishes_later_answers_all_who_wait(api: Api) -> None:
    waiting = [asyncio.create_task(api.submit(HELLO + "wait: {timeout: 30s}\n")) for _ in range(3)]
    await eventually(lambda: len(api.batcher.submitted) >= 3)
    assert not any(task.done() for task in waiting)
    for new in api.batcher.submitted:
        await api.set_job(new.job.id, state="FAILED", error="broken")
    jobs = await asyncio.gather(*waiting)
    assert [(job["state"], job["error"]) for job in jobs] == [("FAILED", "broken")] * 3


async def test_waiting_longer_than_asked_is_a_408_that_names_the_job(api: Api) -> None:
    body = (HELLO + "wait: {timeout: 10ms}\n").encode()
    status, answer = await api.answer("POST", "/jobs", data=body, headers=YAML)
    assert status == 408
    assert api.batcher.submitted[0].job.id in answer["message"]


async def test_a_job_shows_its_tasks_attempts_and_context(api: Api) -> None:
    job = await api.submit(HELLO)
    await api.set_job(job["id"], state="RUNNING", position=1, progress=50.0)
    definition = {"name": "say", "run": "true", "retry": {"limit": 2}, "workdir": "/x"}
    await api.add_task(
        job["id"], definition, id="a1", state=TaskState.FAILED, error="exit code 1: no"
    )
    await api.add_task(job["id"], definition, id="a2", attempt=1)
    await api.set_variable(job["id"], "first", "one")
    shown = await api.get(f"/jobs/{job['id']}")
    assert (shown["position"], shown["progress"], shown["taskCount"]) == (1, 50.0, 1)
    assert shown["context"] == {
        "job": {"id": job["id"], "name": "hello"},
        "inputs": {"who": "world", "times": "3"},
        "tasks": {"first": "one"},
    }
    failed, retried = shown["execution"]
    assert (failed["error"], failed["retry"]) == ("exit code 1: no", {"limit": 2})
    assert retried == {
        "id": "a2",
        "jobId": job["id"],
        "position": 1,
        "name": "say",
        "state": "SCHEDULED",
        "createdAt": "2024-05-01T00:00:00Z",
        "run": "true",
        "workdir": "/x",
        "queue": "default",
        "retry": {"limit": 2, "attempts": 1},
        "waiting": {"reason": "no_worker", "message": "no worker is online (queue 'default')"},
    }
    assert await api.get("/tasks/a2") == retried


@pytest.mark.parametrize("path", ["/jobs/nope", "/jobs/%00", "/jobs/x/log", "/tasks/nope"])
async def test_what_is_not_there_is_a_404(api: Api, path: str) -> None:
    status, answer = await api.answer("GET", path)
    assert status == 404
    assert answer["message"].startswith("no such")


async def test_a_job_can_be_cancelled_restarted_and_prioritized_when_its_state_allows_it(
    api: Api,
) -> None:
    job = await api.submit(HELLO)
    path = f"/jobs/{job['id']}"
    assert await api.answer("PUT", f"{path}/cancel") == (200, {"status": "OK"})
    assert await api.answer("PUT", f"{path}/restart") == (400, {"message": "job is PENDING"})
    await api.set_job(job["id"], state="CANCELLED")
    assert await api.answer("PUT", f"{path}/cancel") == (200, {"status": "OK"})
    assert await api.answer("PUT", f"{path}/restart") == (200, {"status": "OK"})
    assert api.batcher.done == [("cancel", job["id"]), ("restart", job["id"])]
    waits = (await api.submit(HELLO))["id"]
    for priority, status in ((7, 200), (10, 400), (None, 400)):
        body = {"priority": priority}
        answer = await api.answer("PUT", f"/jobs/{waits}/priority", json=body)
        assert answer[0] == status, answer
    assert api.batcher.done[-1] == ("priority 7", waits)
    assert await api.answer("PUT", "/jobs/nope/cancel") == (404, {"message": "no such job"})


async def test_secrets_show_nowhere(api: Api) -> None:
    job = await api.submit("""
name: uses hunter2-secret
secrets: {password: hunter2-secret, pin: "7"}
inputs: {api_password: visible-by-value, note: it is hunter2-secret}
webhooks: [{url: http://127.0.0.1/x, headers: {Authorization: Bearer abc}}]
tasks:
  - name: t
    image: x
    registry: {username: me, password: letmein}
    env: {DB_PASSWORD: plain-text, PLAIN: shown, KEY: "{{ secrets.password }}"}
""")
    await api.set_job(job["id"], state="FAILED", error="login hunter2-secret failed")
    await api.set_variable(job["id"], "a", "got hunter2-secret")
    task = await api.add_task(
        job["id"],
        {"name": "t", "env": {"A": "hunter2-secret"}, "registry": {"password": "letmein"}},
        state=TaskState.COMPLETED,
        result="hunter2-secret",
    )
    await api.add_log(task, "says hunter2-secret")
    paths = ["/jobs", *(f"/jobs/{job['id']}{part}" for part in ("", "/log"))]
    answers = [job, *[await api.get(p) for p in [*paths, "/tasks/t1", "/tasks/t1/log"]]]
    text = json.dumps(answers)
    for secret in ("hunter2", "visible-by-value", "Bearer abc", "letmein", "plain-text", '"7"'):
        assert secret not in text
    shown = await api.get(f"/jobs/{job['id']}")
    assert shown["context"]["secrets"] == {"password": "[REDACTED]", "pin": "[REDACTED]"}
    assert shown["error"] == "login [REDACTED] failed"
    assert shown["tasks"][0]["env"]["PLAIN"] == "shown"
    assert shown["tasks"][0]["registry"] == {"username": "me", "password": "[REDACTED]"}


async def test_a_null_input_is_an_empty_text_and_nulls_inside_lists_stay(api: Api) -> None:
    job = {"name": "x", "tasks": [{"name": "a"}], "inputs": {"none": None, "list": [None, {}]}}
    status, summary = await api.answer("POST", "/jobs", json=job)
    assert status == 200
    assert summary["inputs"] == {"none": "", "list": [None, {}]}


async def test_a_submission_too_many_is_a_503_that_says_when_to_come_back(
    postgres_dsn: str,
) -> None:
    # Given a coordinator that works on one submission at a time, and lets one wait
    one = ApiSettings(submissions_at_once=1, submissions_waiting=1)
    async with api_on(postgres_dsn, api=one) as api:
        perform, over = api.batcher.perform_one, asyncio.Event()

        async def perform_later(work: Work) -> object:
            await over.wait()
            return await perform(work)

        api.batcher.perform_one = perform_later  # type: ignore[method-assign]
        # When three come at once
        asked = [
            asyncio.ensure_future(api.raw("POST", "/jobs", data=HELLO, headers=YAML))
            for _ in range(3)
        ]
        [refused], waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        # Then one is sent away, others may read meanwhile, and the two are taken
        response = refused.result()
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        message = "too many submissions are waiting, try again later"
        assert (await response.json())["message"] == message
        assert (await api.get("/jobs"))["items"] == []
        over.set()
        assert [task.result().status for task in (await asyncio.wait(waiting))[0]] == [200, 200]


async def test_a_job_is_run_again_with_its_secrets_and_other_inputs(api: Api) -> None:
    job = {
        "name": "x",
        "description": "d",
        "tags": ["t"],
        "inputs": {"a": "1", "b": ["2"]},
        "secrets": {"token": "hunter2", "other": "one-secret"},
        "tasks": [
            {
                "name": "one",
                "image": "i",
                "registry": {"username": "u", "password": "hunter3"},
                "retry": {"limit": 2, "initialDelay": "5s"},
                "timeout": "90s",
            },
            {"name": "two", "needs": ["one"]},
        ],
        "output": "{{ inputs.a }}",
        "defaults": {"limits": {"cpus": "0.5"}},
        "timeout": "1h30m",
        "autoDelete": {"after": "6h"},
        "budget": "12.50",
        "concurrency": 3,
        "startRate": "10/m",
        "webhooks": [{"url": "https://ci.example/x"}],
    }
    _, first = await api.answer("POST", "/jobs", json=job)
    changes = {"inputs": {"a": 3}, "secrets": {"other": "two-secret"}}
    status, again = await api.answer("POST", f"/jobs/{first['id']}/run-again", json=changes)
    assert status == 200
    assert again["id"] != first["id"]
    one, two = api.batcher.submitted
    inputs = {**one.definition.inputs, "a": "3"}
    secrets = {**one.definition.secrets, "other": "two-secret"}
    assert two.definition == replace(one.definition, inputs=inputs, secrets=secrets)
    assert two.needs == one.needs
    plain = await api.answer("POST", f"/jobs/{again['id']}/run-again")
    assert plain[1]["inputs"] == {"a": "3", "b": ["2"]}
    assert "hunter" not in str(plain)
    assert (await api.answer("POST", f"/jobs/{'0' * 32}/run-again"))[0] == 404
    wrong = {"tasks": {"tasks": []}, "inputs.aa": {"inputs": {"aa": "4"}}}
    for field, body in wrong.items():
        status, refused = await api.answer("POST", f"/jobs/{again['id']}/run-again", json=body)
        assert (status, [error["field"] for error in refused["errors"]]) == (400, [field])
    assert refused["errors"][0]["rule"] == "the job has no such input, did you mean 'a'?"


async def test_what_was_hardly_meant_is_a_warning_in_the_answer_and_an_error_if_strict(
    api: Api,
) -> None:
    job = "name: x\ntasks:\n- name: t\n  queue: highcpuu\n  env: {A: '{{ inputs.pth }}'}\n"
    unserved, unknown = sorted((await api.submit(job))["warnings"], key=lambda w: -w["line"])[::-1]
    assert unserved["field"] == "tasks[0].queue"
    assert unserved["message"] == "no worker is online (queue 'highcpuu')"
    assert (unknown["field"], unknown["line"], unknown["column"]) == ("tasks[0].env.A", 5, 12)
    for path in ("/jobs", "/scheduled-jobs"):
        text = job + ("schedule: {cron: '@daily'}\n" if path != "/jobs" else "")
        status, refused = await api.answer(
            "POST", f"{path}?strict=true", data=text.encode(), headers={"Content-Type": "text/yaml"}
        )
        assert status == 400
        assert {error["field"] for error in refused["errors"]} == {
            "tasks[0].queue",
            "tasks[0].env.A",
        }
    assert (await api.get("/jobs"))["totalItems"] == 1
