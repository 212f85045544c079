"""`conveyor submit` and `validate` of Bacalhau's job files: what is sent, shown, and refused."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.http.command_line import run_command
from tests.support.http.fake_api import FakeApi, OneByOne, event_stream, fake_api, refusal

EXAMPLES = Path(__file__).parent / "data" / "bacalhau"
PATH = "/api/v1/orchestrator/jobs"
JOBS = f"PUT {PATH}"
UUID = "0b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9"
ID = UUID.replace("-", "")
JOB = """\
Name: count
Type: batch
Tasks:
- Name: main
  Engine:
    Type: docker
    Params:
      Image: {{.image}}
      Parameters: [{{range $i := 2}}"{{$i}}",{{end}}]
"""
NO_ADDRESS = "http://127.0.0.1:1"


def _row(state: str, *execution: dict[str, Any], **fields: Any) -> dict[str, Any]:
    created = "2026-01-31T08:00:00Z"
    return {
        "id": ID,
        "name": "count",
        "state": state,
        "position": 0,
        "taskCount": 1,
        "tasks": [{"name": "main"}],
        "execution": list(execution),
        "createdAt": created,
        **fields,
    }


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with fake_api() as fake:
        fake.answers[f"GET {PATH}/j-{UUID}"] = {"Job": {"Type": "batch"}}
        fake.answers[JOBS] = {"JobID": f"j-{UUID}", "EvaluationID": "e", "Warnings": []}
        yield fake


async def test_a_job_file_is_rendered_checked_and_put_and_its_id_printed(api: FakeApi) -> None:
    result = await run_command(api.url, "submit", "-", "-V", "image=ubuntu:24.04", stdin=JOB)
    assert (result.exit_code, result.stdout) == (0, f"j-{UUID}\n")
    assert "submitted count: conveyor get j-0b1c2d3e" in result.stderr
    (asked,) = api.asked
    sent = json.loads(asked.body)
    params = {"Image": "ubuntu:24.04", "Parameters": ["0", "1"]}
    assert sent["Force"] is False
    assert sent["Job"]["Tasks"][0]["Engine"] == {"Type": "docker", "Params": params}
    assert sent["Job"]["Tasks"][0]["Resources"]["CPU"] == "", "defaults are the server's"
    assert asked.query["idempotency_token"]


async def test_a_warning_is_told_once_with_its_place(api: FakeApi) -> None:
    rule = "job version is ignored when submitting a job"
    api.answers[JOBS] = {"JobID": f"j-{UUID}", "Warnings": [rule, "another"]}
    text = f"Version: 2\n{JOB}"
    result = await run_command(api.url, "submit", "-", "-V", "image=a", stdin=text)
    assert result.stderr.splitlines()[:2] == [
        f"standard input:1:10: warning: Version: {rule}",
        "warning: another",
    ]


async def test_only_the_id_is_printed_if_that_is_wanted(api: FakeApi) -> None:
    options = ("--id-only", "--force", "-V", "image=a")
    result = await run_command(api.url, "submit", "-", *options, stdin=JOB)
    assert (result.stdout, result.stderr) == (f"j-{UUID}\n", "")
    assert json.loads(api.asked[0].body)["Force"] is True


@pytest.mark.parametrize(
    ("options", "environment", "image"),
    [
        (("-V", "image=a,tag=b"), {}, "a"),
        (("-V", "image=a,b"), {}, "a,b"),
        (("-V", "image=a", "-E", "*"), {"image": "b"}, "a"),
        (("-E", "*"), {"image": "b"}, "b"),
        (("-E", "im*"), {"image": "b"}, "b"),
        (("-E", "^ima"), {"image": "b"}, "b"),
        (("-E", "im.g."), {"image": "b"}, "b"),
    ],
)
async def test_variables_come_from_options_before_the_environment(
    api: FakeApi, options: tuple[str, ...], environment: dict[str, str], image: str
) -> None:
    result = await run_command(api.url, "submit", "-", *options, stdin=JOB, **environment)
    assert result.exit_code == 0
    job = json.loads(api.asked[0].body)["Job"]
    assert job["Tasks"][0]["Engine"]["Params"]["Image"] == image


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "standard input:8:16: variable 'image' is not given: set it with -V image=VALUE"),
        (("-V", "imag=a"), "variable 'image' is not given, did you mean 'imag'?"),
        (("-E", "mag"), "variable 'image' is not given"),
        (("--no-template",), "standard input:8:14: put quotes around a value with {{"),
        (("-V", "image"), "must be like name=value"),
        (("-E", "("), "is no regular expression"),
        (("-V", "image=", "-V", "x=1"), "'Image' cannot be empty"),
        (
            ("-V", "image=a", "--input", "x=1"),
            "--input, --secret, --file, --hold and --start-at are",
        ),
    ],
)
async def test_what_is_wrong_is_told_before_anything_is_sent(
    api: FakeApi, options: tuple[str, ...], told: str
) -> None:
    result = await run_command(api.url, "submit", "-", *options, stdin=JOB)
    assert result.exit_code == 2
    assert told in result.stderr
    assert api.asked == []


async def test_options_of_bacalhau_are_refused_for_a_job_of_our_own_language(api: FakeApi) -> None:
    text = "name: a\ntasks: [{name: b, run: 'true'}]\n"
    result = await run_command(api.url, "submit", "-", "-V", "a=b", stdin=text)
    assert result.exit_code == 2
    assert "standard input is no Bacalhau job" in result.stderr


async def test_a_job_of_bacalhau_may_have_its_names_in_small_letters(
    api: FakeApi, tmp_path: Path
) -> None:
    engine = "{type: docker, params: {image: x}}"
    file = tmp_path / "job.yaml"
    file.write_text(f"name: a\ntype: batch\ntasks: [{{name: m, engine: {engine}}}]\n")
    assert (await run_command(api.url, "validate", str(file))).exit_code == 0


async def test_json_with_braces_of_its_own_is_taken_as_it_stands(api: FakeApi) -> None:
    task = {"Name": "m", "Engine": {"Type": "docker", "Params": {"Image": "{{.x}}"}}}
    text = json.dumps({"Type": "batch", "Tasks": [task]})
    result = await run_command(api.url, "submit", "-", "--no-template", stdin=text)
    assert result.exit_code == 0
    assert b"{{.x}}" in api.asked[0].body


@pytest.mark.parametrize(("state", "exit_code"), [("COMPLETED", 0), ("FAILED", 1)])
async def test_a_job_that_fails_is_an_exit_code(api: FakeApi, state: str, exit_code: int) -> None:
    api.answers[f"GET /jobs/{ID}"] = _row(state, error="no node matches")
    result = await run_command(api.url, "submit", "-", "--wait", "-V", "image=a", stdin=JOB)
    assert result.exit_code == exit_code
    assert f"count {state.lower()}" in result.stderr


async def test_a_service_is_waited_for_until_it_runs(api: FakeApi) -> None:
    api.answers[f"GET {PATH}/j-{UUID}"] = {"Job": {"Type": "service"}}
    execution = {"id": "t", "parentId": "p", "name": "main", "position": 1}
    api.answers[f"GET /jobs/{ID}"] = OneByOne(
        _row("RUNNING", {**execution, "state": "PENDING"}),
        _row("RUNNING", {**execution, "state": "RUNNING"}),
    )
    text = JOB.replace("batch", "service")
    result = await run_command(api.url, "submit", "-", "--wait", "-V", "image=a", stdin=text)
    assert result.exit_code == 0
    assert "count runs: conveyor logs -f j-0b1c2d3e" in result.stderr


async def test_a_dry_run_shows_the_job_and_what_it_would_change(api: FakeApi) -> None:
    diff = f"PUT {PATH}/diff"
    options = ("submit", "-", "--dry-run", "-V", "image=a")
    result = await run_command(api.url, *options, stdin=JOB)
    assert "Image: a" in result.stdout
    assert "the new job count would be created" in result.stderr
    api.answers[diff] = {"Diff": "Count: 1 -> 2", "Warnings": []}
    result = await run_command(api.url, *options, stdin=JOB)
    assert "dry run: this would change\nCount: 1 -> 2" in result.stderr
    assert not api.asked_for(JOBS)
    away = await run_command(NO_ADDRESS, *options, stdin=JOB)
    assert away.exit_code == 0
    assert "not compared" in away.stderr


async def test_a_refusal_of_the_server_is_shown_in_its_words(api: FakeApi) -> None:
    api.answers[JOBS] = refusal(409, "", Message="no changes detected for new job spec")
    result = await run_command(api.url, "submit", "-", "-V", "image=a", stdin=JOB)
    assert result.exit_code == 3
    assert "no changes detected for new job spec" in result.stderr


async def test_strict_refuses_what_is_only_odd(api: FakeApi) -> None:
    example = str(EXAMPLES / "batch.yaml")
    result = await run_command(api.url, "submit", example, "--strict")
    assert (result.exit_code, api.asked) == (2, [])
    assert (await run_command(api.url, "submit", example)).exit_code == 0


@pytest.mark.parametrize("name", ["batch", "ops", "daemon", "service"])
async def test_the_examples_of_the_documents_are_valid_once_their_variables_are_given(
    name: str,
) -> None:
    example = str(EXAMPLES / f"{name}.yaml")
    given = "query=SELECT 1,OpenSearchEndpoint=https://s,AccessLogBucket=b,AWSRegion=eu"
    result = await run_command(NO_ADDRESS, "validate", example, "-V", given)
    assert result.stdout.startswith(f"{example}: valid\n")


async def test_all_variables_that_are_missing_are_told_at_once() -> None:
    result = await run_command(NO_ADDRESS, "validate", "--json", str(EXAMPLES / "daemon.yaml"))
    (found,) = json.loads(result.stdout)
    rules = [problem["rule"].split("'")[1] for problem in found["problems"]]
    assert rules == ["query", "OpenSearchEndpoint", "AccessLogBucket", "AWSRegion"]


async def test_history_is_read_page_by_page_and_followed_to_the_end(api: FakeApi) -> None:
    def item(message: str, execution: str = "") -> dict[str, Any]:
        event = {"Message": message, "Details": {"Hint": "look"} if execution else {}}
        time = "2026-01-31T08:00:00.5Z"
        return {"JobVersion": 2, "ExecutionID": execution, "Event": event, "Time": time}

    api.answers[f"GET {PATH}/count/history"] = OneByOne(
        {"Items": [item("Job submitted")], "NextToken": "a"},
        {"Items": [], "NextToken": "b"},
        {"Items": [item("Failed", f"e-{UUID}")], "NextToken": ""},
    )
    result = await run_command(api.url, "history", "count", "-f", "--namespace", "n")
    assert result.stdout == (
        "2026-01-31T08:00:00Z  v2              Job submitted\n"
        "2026-01-31T08:00:00Z  v2  e-0b1c2d3e  Failed (look)\n"
    )
    assert [asked.query.get("next_token") for asked in api.asked] == [None, "a", "b"]
    api.answers["GET /jobs/list/summary"] = {"id": ID}
    result = await run_command(api.url, "history", "list")
    assert (result.exit_code, "list is no job of Bacalhau" in result.stderr) == (3, True)
    assert api.asked[0].query["namespace"] == "n"


@pytest.mark.parametrize("command", ["history", "versions"])
async def test_a_name_is_found_in_any_namespace(api: FakeApi, command: str) -> None:
    api.answers["GET /jobs/logstash/summary"] = {"id": ID}
    api.answers[f"GET {PATH}/{ID}/{command}"] = {"Items": [], "NextToken": ""}
    result = await run_command(api.url, command, "logstash")
    assert (result.exit_code, result.stderr) == (0, "")


async def test_versions_are_a_table(api: FakeApi) -> None:
    def version(number: int) -> dict[str, Any]:
        engine = {"Type": "docker", "Params": {"Image": f"a:{number}"}}
        state = {"StateType": "Undefined" if number == 1 else "Running"}
        return {"Version": number, "State": state, "Count": 3, "Tasks": [{"Engine": engine}]}

    api.answers[f"GET {PATH}/count/versions"] = {"Items": [version(1), version(2)]}
    result = await run_command(api.url, "versions", "count")
    heading, *rows = result.stdout.splitlines()
    assert heading.split() == ["VERSION", "CHANGED", "STATE", "COUNT", "ENGINE"]
    assert [row.split()[-4] for row in rows] == ["Replaced", "Running"]
    assert [row.split()[-1] for row in rows] == ["a:1", "a:2"]


async def test_other_jobs_with_placed_tasks_have_versions_as_well(api: FakeApi) -> None:
    at, by = "2026-01-31T08:00:00Z", {"username": "ada"}
    versions = [
        {"version": n, "reason": "updated", "createdBy": by, "createdAt": at, "isCurrent": n == 2}
        for n in (2, 1)
    ]
    api.answers["GET /jobs/web/summary"] = {"id": ID}
    api.answers[f"GET /jobs/{ID}/versions"] = versions
    table = (await run_command(api.url, "versions", "web")).stdout.splitlines()
    assert [line.split()[0] for line in table] == ["VERSION", "2", "1"]
    assert table[1].endswith("ada  current, updated")
    api.answers[f"POST /jobs/{ID}/rollback"] = {"version": 3}
    result = await run_command(api.url, "rerun", "web", "-v", "1")
    assert (result.exit_code, result.stdout) == (0, f"{ID}\n")
    assert api.asked_for(f"POST /jobs/{ID}/rollback")[0].query["version"] == "1"


async def test_a_job_without_versions_is_not_run_again_by_version(api: FakeApi) -> None:
    api.answers["GET /jobs/list/summary"] = {"id": ID}
    api.answers[f"GET /jobs/{ID}/versions"] = []
    result = await run_command(api.url, "rerun", "list")
    assert (result.exit_code, result.stdout) == (3, "")
    assert f"{ID} has no versions: conveyor run-again" in result.stderr
    assert (await run_command(api.url, "versions", "list")).stdout == "no versions\n"


async def test_a_version_is_run_again_and_waited_for(api: FakeApi) -> None:
    rerun = f"PUT {PATH}/count/rerun"
    api.answers[rerun] = {"JobID": f"j-{UUID}", "JobVersion": 4, "Warnings": []}
    result = await run_command(api.url, "rerun", "count", "-v", "2")
    assert (result.exit_code, result.stdout) == (0, f"j-{UUID}\n")
    assert "submitted count version 4" in result.stderr
    assert json.loads(api.asked_for(rerun)[0].body) == {"JobVersion": 2}
    api.answers[f"GET /jobs/{ID}"] = _row("FAILED")
    assert (await run_command(api.url, "rerun", "count", "--wait")).exit_code == 1


@pytest.mark.parametrize("text", [f"j-{UUID}", "j-0b1c2d3e", "count"])
async def test_other_commands_take_the_ids_of_bacalhau(api: FakeApi, text: str) -> None:
    start = ID if text == f"j-{UUID}" else text.removeprefix("j-")
    api.answers[f"GET /jobs/{start}/summary"] = {"id": ID}
    api.answers[f"GET /jobs/{ID}"] = _row("COMPLETED")
    result = await run_command(api.url, "get", text, "--json")
    assert json.loads(result.stdout)["id"] == ID


async def test_what_an_older_version_did_and_wrote_is_not_shown(api: FakeApi) -> None:
    # Given a job whose second version has just been submitted
    def event(kind: str, place: int, **data: Any) -> tuple[str, str, dict[str, Any]]:
        return kind, f"1-{place}", {"jobId": ID, "version": place, **data}

    api.answers[f"PUT {PATH}/count/rerun"] = {"JobID": f"j-{UUID}", "JobVersion": 2}
    api.answers[f"GET {PATH}/j-{UUID}"] = {"Job": {"Type": "batch", "Version": 2}}
    times = [{"createdAt": f"2026-01-31T08:0{minute}:00Z"} for minute in (5, 0)]
    api.answers[f"GET /jobs/{ID}/versions"] = times
    api.answers[f"GET /jobs/{ID}"] = OneByOne(_row("PENDING"), _row("PENDING"), _row("COMPLETED"))
    api.answers[f"GET /jobs/{ID}/events"] = event_stream(
        event("job", 1, state="COMPLETED", at="2026-01-31T08:01:00Z"),
        event("log", 2, taskId="a", number=1, contents="old", createdAt="2026-01-31T08:02:00Z"),
        event("log", 3, taskId="b", number=1, contents="new", createdAt="2026-01-31T08:06:00Z"),
        event("job", 4, state="COMPLETED", at="2026-01-31T08:07:00Z"),
        ("end", "", {}),
    )
    result = await run_command(api.url, "rerun", "count", "--follow")
    assert (result.exit_code, result.stdout) == (0, "b    | new\n")
    assert "job completed" not in result.stderr.splitlines()[:-2]


async def test_a_hint_of_the_api_is_shown(api: FakeApi) -> None:
    api.answers[f"PUT {PATH}/count/rerun"] = refusal(409, "", Message="no", Hint="Use --force")
    result = await run_command(api.url, "rerun", "count")
    assert "no (Use --force)" in result.stderr
