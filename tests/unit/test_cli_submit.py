"""`conveyor submit`: what is posted, what is shown, and the exit code."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from aiohttp import web

from tests.support.http.command_line import run_command
from tests.support.http.fake_api import FakeApi, OneByOne, event_stream, fake_api, page, refusal

JOB_FILE = "name: hello\ntasks: [{name: greet, run: 'true'}]\n"
SUMMARY = {"id": "j1", "name": "hello", "state": "PENDING", "position": 0, "taskCount": 1}
NO_ADDRESS = "http://127.0.0.1:1"


def whole(state: str, *execution: dict[str, Any], **fields: Any) -> dict[str, Any]:
    tasks = [{"name": "greet"}]
    return {**SUMMARY, "state": state, "tasks": tasks, "execution": list(execution), **fields}


def task_event(version: int, state: str, **fields: Any) -> tuple[str, str, dict[str, Any]]:
    data = {"jobId": "j1", "taskId": "t1", "name": "greet", "version": version, "state": state}
    return "task", f"1-{version}", {**data, **fields}


def job_event(version: int, state: str, progress: float) -> tuple[str, str, dict[str, Any]]:
    data = {"jobId": "j1", "version": version, "state": state, "progress": progress}
    return "job", f"1-{version}", data


def log_event(number: int, contents: str) -> tuple[str, str, dict[str, Any]]:
    return "log", f"2-{number}", {"taskId": "t1", "number": number, "contents": contents}


END: tuple[str, str, dict[str, Any]] = ("end", "", {})


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with fake_api() as fake:
        fake.answers["POST /jobs"] = SUMMARY
        yield fake


async def test_the_id_alone_goes_to_standard_output(api: FakeApi) -> None:
    result = await run_command(api.url, "submit", "-", stdin=JOB_FILE)
    assert (result.exit_code, result.stdout) == (0, "j1\n")
    assert "submitted hello" in result.stderr
    (asked,) = api.asked
    assert asked.body.decode() == JOB_FILE
    assert asked.headers["Content-Type"] == "application/yaml"
    assert "Authorization" not in asked.headers


async def test_json_is_exactly_what_the_api_answered(api: FakeApi) -> None:
    result = await run_command(api.url, "submit", "-", "--json", stdin=JOB_FILE)
    assert json.loads(result.stdout) == SUMMARY


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({"CONVEYOR_API_KEY": "k"}, "Bearer k"),
        ({"CONVEYOR_USER": "ann", "CONVEYOR_PASSWORD": "pw"}, "Basic YW5uOnB3"),
    ],
)
async def test_a_key_or_a_login_from_the_environment_is_sent(
    api: FakeApi, environment: dict[str, str], sent: str
) -> None:
    await run_command(api.url, "submit", "-", stdin=JOB_FILE, **environment)
    assert api.asked[0].headers["Authorization"] == sent


async def test_inputs_and_secrets_of_the_command_line_join_those_of_the_file(
    api: FakeApi, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("from a file\n")
    await run_command(
        api.url,
        *("submit", "-", "--input", "n=3", "--input", "text=a=b", "--input", 'list=["x"]'),
        *("--secret", f"token=@{tmp_path}/token", "--secret", "PASSPHRASE"),
        stdin='{"name": "hello", "inputs": {"n": 1, "m": 2}}',
        PASSPHRASE="from the environment",
    )
    job = json.loads(api.asked[0].body)
    assert job["inputs"] == {"n": "3", "m": 2, "text": "a=b", "list": ["x"]}
    assert job["secrets"] == {"token": "from a file", "PASSPHRASE": "from the environment"}


_REGIONS = "name: x\ninputs: {regions: a}\ntasks: [{name: t, env: {A: '{{ inputs.zone }}'}}]\n"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("regoins", "standard input has no such input, did you mean 'regions'?"),
        ("other", "standard input has no such input and no expression reads it"),
    ],
)
async def test_an_input_that_the_file_does_not_know_is_refused(
    api: FakeApi, name: str, said: str
) -> None:
    result = await run_command(api.url, "submit", "-", "--input", f"{name}=b", stdin=_REGIONS)
    assert (result.exit_code, result.stderr) == (2, f"conveyor: --input {name}: {said}\n")
    assert api.asked == []


@pytest.mark.parametrize("name", ["regions", "zone"])
async def test_an_input_that_the_file_sets_or_reads_is_sent(api: FakeApi, name: str) -> None:
    result = await run_command(api.url, "submit", "-", "--input", f"{name}=b", stdin=_REGIONS)
    assert result.exit_code == 0


async def test_warnings_of_the_api_are_told_with_their_lines(api: FakeApi) -> None:
    warning = {"field": "tasks[0].run", "message": "run is not evaluated", "line": 3, "column": 5}
    api.answers["POST /jobs"] = api.answers["POST /jobs"] | {"warnings": [warning]}
    result = await run_command(api.url, "submit", "--strict", "-", stdin=JOB_FILE)
    assert "standard input:3:5: warning: tasks[0].run: run is not evaluated\n" in result.stderr
    assert api.asked[0].query == {"strict": "true"}


async def test_waiting_tells_what_happens_and_ends_with_the_job_not_with_its_log(
    api: FakeApi,
) -> None:
    # Given a job whose events come over a connection that is lost once, and a log without an end
    api.answers["GET /jobs/j1"] = OneByOne(
        whole("PENDING"), whole("COMPLETED", result="hello world")
    )
    api.answers["GET /jobs/j1/events"] = OneByOne(
        event_stream(job_event(1, "RUNNING", 0), task_event(2, "RUNNING")),
        event_stream(task_event(3, "COMPLETED"), job_event(4, "COMPLETED", 100)),
    )
    result = await run_command(api.url, "submit", "--wait", "-", stdin=JOB_FILE)
    # I expect it to go on after the last event it has seen, and to tell everything once
    first, second = api.asked_for("GET /jobs/j1/events")
    assert "Last-Event-ID" not in first.headers
    assert second.headers["Last-Event-ID"] == "1-2"
    assert (result.exit_code, result.stdout) == (0, "hello world\n")
    assert result.stderr.splitlines() == [
        "submitted hello: j1",
        "job running",
        "greet | running",
        "greet | completed",
        "hello completed",
    ]


async def test_the_end_of_an_older_version_is_not_that_of_the_job(api: FakeApi) -> None:
    # Given a job that was updated: its events begin with those of the version before
    running, done = whole("RUNNING"), whole("COMPLETED")
    api.answers["GET /jobs/j1"] = OneByOne(running, running, done)
    api.answers["GET /jobs/j1/events"] = event_stream(
        job_event(1, "COMPLETED", 100), job_event(2, "PENDING", 0), job_event(3, "COMPLETED", 100)
    )
    result = await run_command(api.url, "submit", "--wait", "-", stdin=JOB_FILE)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (0, "hello completed")
    assert len(api.asked_for("GET /jobs/j1")) == 4


async def test_following_prints_the_log_whole_lines_in_order(api: FakeApi) -> None:
    api.answers["GET /jobs/j1"] = OneByOne(whole("PENDING"), whole("COMPLETED"))
    api.answers["GET /jobs/j1/events"] = event_stream(
        task_event(1, "RUNNING"), log_event(2, "ne\ntwo"), log_event(1, "o"), END
    )
    result = await run_command(api.url, "submit", "--follow", "-", stdin=JOB_FILE)
    assert result.stdout.splitlines() == ["greet | one", "greet | two"]


async def test_following_prints_a_last_line_without_an_end_when_its_task_ends(
    api: FakeApi,
) -> None:
    api.answers["GET /jobs/j1"] = OneByOne(whole("PENDING"), whole("COMPLETED"))
    second = {**log_event(1_000_001, "next worker\n")[2], "taskId": "t2"}
    api.answers["GET /jobs/j1/events"] = event_stream(
        log_event(1, "no end"),
        task_event(2, "COMPLETED"),
        ("log", "9-9", second),
        log_event(2, "late"),
        END,
    )
    result = await run_command(api.url, "submit", "--follow", "-", stdin=JOB_FILE)
    assert [line.split("| ")[1] for line in result.stdout.splitlines()] == [
        "no end",
        "next worker",
        "late",
    ]


async def test_a_server_without_events_is_polled(api: FakeApi) -> None:
    running = {"id": "t1", "name": "greet", "position": 1, "state": "RUNNING"}
    done = {**running, "state": "COMPLETED"}
    part = {"id": "p1", "taskId": "t1", "number": 1, "contents": "hi\n"}
    api.answers["GET /jobs/j1"] = OneByOne(
        whole("PENDING"), whole("RUNNING", running), whole("COMPLETED", done)
    )
    api.answers["GET /jobs/j1/log"] = OneByOne(page([part]), page([]))
    result = await run_command(api.url, "submit", "--follow", "-", stdin=JOB_FILE)
    assert (result.exit_code, result.stdout) == (0, "greet | hi\n")
    assert "greet | completed" in result.stderr


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
async def test_a_job_that_does_not_complete_gives_exit_code_1(api: FakeApi, state: str) -> None:
    api.answers["GET /jobs/j1"] = OneByOne(whole("PENDING"), whole(state, error="exit code 3: no"))
    api.answers["GET /jobs/j1/events"] = event_stream(END)
    result = await run_command(api.url, "submit", "--wait", "--json", "-", stdin=JOB_FILE)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["state"] == state
    assert f"hello {state.lower()}: exit code 3: no" in result.stderr


async def test_a_job_that_asks_the_api_to_wait_is_final_in_the_answer(api: FakeApi) -> None:
    api.answers["POST /jobs"] = whole("FAILED", error="no")
    result = await run_command(api.url, "submit", "-", stdin=JOB_FILE)
    assert result.exit_code == 1


async def test_a_refused_job_gives_exit_code_3_and_the_apis_words(api: FakeApi) -> None:
    api.answers["POST /jobs"] = refusal(400, "tasks[0].name: is required")
    result = await run_command(api.url, "submit", "-", stdin="name: x")
    assert result.exit_code == 3
    assert result.stderr == f"conveyor: {api.url}: tasks[0].name: is required\n"


async def test_broken_rules_are_listed_with_their_lines(api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("name: x\n")
    rule = "is for scheduled jobs: submit it to POST /scheduled-jobs"
    broken = {"field": "schedule", "rule": rule, "line": 4, "column": 1}
    api.answers["POST /jobs"] = refusal(400, "no", errors=[broken])
    refused = await run_command(api.url, "submit", str(file))
    assert refused.exit_code == 3
    assert refused.stderr.splitlines() == [
        f"{file}:4:1: schedule: {rule}",
        f"to create it: conveyor schedules create {file}",
    ]
    edited = await run_command(api.url, "submit", str(file), "--input", "a=b")
    assert f"{file}: schedule: {rule}" in edited.stderr


async def test_a_job_is_run_again_with_other_inputs(api: FakeApi) -> None:
    api.answers["GET /jobs/hello/summary"] = {"id": "j0"}
    api.answers["POST /jobs/j0/run-again"] = whole("PENDING")
    result = await run_command(api.url, "run-again", "hello", "--input", "a=1", "--secret", "b=2")
    assert (result.exit_code, result.stdout) == (0, "j1\n")
    [asked] = api.asked_for("POST /jobs/j0/run-again")
    assert json.loads(asked.body) == {"inputs": {"a": "1"}, "secrets": {"b": "2"}}


async def test_whoever_is_not_known_is_told_what_to_set(api: FakeApi) -> None:
    api.answers["POST /jobs"] = refusal(401, "who are you?")
    result = await run_command(api.url, "submit", "-", stdin=JOB_FILE)
    assert "CONVEYOR_API_KEY" in result.stderr


async def test_an_api_that_is_away_gives_exit_code_3_and_its_address() -> None:
    result = await run_command(NO_ADDRESS, "submit", "-", stdin=JOB_FILE)
    assert result.exit_code == 3
    assert result.stderr.startswith(f"conveyor: can't reach {NO_ADDRESS}: Connection refused")


async def test_https_where_there_is_no_tls_is_said_to_be_that(api: FakeApi) -> None:
    url = api.url.replace("http://", "https://")
    result = await run_command(url, "submit", "-", stdin=JOB_FILE)
    assert result.exit_code == 3
    assert f"can't reach {url}: it doesn't speak TLS" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--input", "novalue"), "must be like name=value"),
        (("--input", "a=1", "--input", "a=2"), "'a' is given more than once"),
        (("--secret", "a=1", "--secret", "a=1"), "--secret: 'a' is given more than once"),
        (("--file", f"a={__file__}", "--file", f"a={__file__}"), "--file: 'a' is given more than"),
        (("--secret", "NOT_IN_THE_ENVIRONMENT"), "neither name=value nor"),
        (("--secret", "a=@/no/such/file"), "No such file"),
        (("--follow", "--json"), "cannot be combined"),
        (("--url", "localhost"), "must be like http://127.0.0.1:8000"),
        (("--url", "http://me:pw@localhost"), "must not hold a login"),
        (("--input", "a=1"), "a job must be a mapping"),
        (("--idempotency-key", "a b"), "1 to 255 visible ASCII"),
    ],
)
async def test_a_wrong_command_line_is_a_usage_error(arguments: tuple[str], words: str) -> None:
    result = await run_command(NO_ADDRESS, "submit", "-", *arguments, stdin="- no job")
    assert result.exit_code == 2
    assert words in result.stderr


async def test_ctrl_c_leaves_the_job_running_and_says_how_to_cancel_it(api: FakeApi) -> None:
    # Given a command that waits for a job
    is_waiting = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        is_waiting.set()
        await asyncio.Event().wait()
        return response

    api.answers |= {"GET /jobs/j1": whole("RUNNING"), "GET /jobs/j1/events": endless}
    process = await asyncio.create_subprocess_exec(
        # Whoever runs the tests in the background has them ignore Ctrl-C.
        *("env", "--default-signal=INT", sys.executable, "-m", "cli", "submit", "--wait", "-"),
        cwd=Path(__file__).parents[2],
        env={**os.environ, "CONVEYOR_URL": api.url},
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(JOB_FILE.encode())
    process.stdin.close()
    await asyncio.wait_for(is_waiting.wait(), 30)
    # When Ctrl-C is pressed
    process.send_signal(signal.SIGINT)
    _, stderr = await process.communicate()
    # I expect no word to the API
    assert process.returncode == 130
    assert stderr.decode().splitlines()[1:] == ["the job continues. To stop it: conveyor cancel j1"]
    assert all(not asked.what.startswith("PUT") for asked in api.asked)


async def test_a_dry_run_tells_what_would_be_submitted_and_its_warnings(api: FakeApi) -> None:
    warning = {"field": "tasks[0].queue", "message": "no worker serves it", "line": 2, "column": 9}
    api.answers["POST /jobs"] = {"name": "hello", "taskCount": 1, "warnings": [warning]}
    result = await run_command(api.url, "submit", "--dry-run", "-", stdin=JOB_FILE)

    (asked,) = api.asked
    assert (asked.query["dryRun"], "Idempotency-Key" in asked.headers) == ("true", False)
    assert result.exit_code == 0
    assert result.stdout == "standard input: valid, hello would be submitted with 1 task\n"
    assert "standard input:2:9: warning: tasks[0].queue: no worker serves it" in result.stderr
    with_file = await run_command(api.url, "submit", "--dry-run", "-", "--file", "a=b", stdin="")
    assert with_file.exit_code == 2


@pytest.mark.parametrize("command", [("submit", "-"), ("run", "greeting@1")])
async def test_a_job_of_a_file_or_a_template_is_held_or_begins_at_a_time(
    api: FakeApi, command: tuple[str, str]
) -> None:
    api.answers["POST /templates/greeting/run"] = SUMMARY
    waits = ("--hold", "--start-at", "2030-06-01T12:00:00Z")
    result = await run_command(api.url, *command, *waits, "--json", stdin=JOB_FILE)
    assert result.exit_code == 0, result.stderr
    sent = yaml.safe_load(api.asked[-1].body)
    assert (sent["hold"], str(sent["startAt"])) == (True, "2030-06-01T12:00:00Z")

    refused = await run_command(api.url, *command, "--hold", "--wait", stdin=JOB_FILE)
    assert (refused.exit_code, len(api.asked)) == (2, 1)
    assert "--hold can't be used with --wait" in refused.stderr
