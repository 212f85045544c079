"""`conveyor schedules`: what is asked, what is shown."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from tests.support.http.command_line import run_command
from tests.support.http.fake_api import FakeApi, fake_api, page, refusal

ID = "0123456789abcdef" * 2
PATH = f"/scheduled-jobs/{ID}"
AT = "2026-06-01T12:00:00Z"
SCHEDULE = {
    "id": ID,
    "name": "nightly",
    "state": "PAUSED",
    "note": "the database is being moved",
    "schedule": {"crons": ["0 3 * * *", "0 9 * * *"], "timezone": "UTC", "jitter": "5m"},
    "timezone": "UTC",
    "overlap": "allow",
    "catchUp": "one",
    "runs": 12,
    "version": 3,
    "inputs": {"n": "3", "secret": "[REDACTED]"},
    "tasks": [{"name": "a", "run": "true"}],
    "next": [{"scheduledAt": AT, "at": "2026-06-01T12:01:30Z"}],
}
RUNS = [
    {"kind": "SCHEDULED", "state": "FIRED", "scheduledAt": AT, "at": AT, "jobId": "j1",
     "jobState": "COMPLETED"},
    {"kind": "SCHEDULED", "state": "SKIPPED", "scheduledAt": AT, "until": "2026-06-01T13:00:00Z",
     "reason": "overlap is skip: a job is still active", "at": AT},
]  # fmt: skip


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with fake_api() as fake:
        fake.answers |= {f"GET {PATH}": SCHEDULE, f"GET {PATH}/runs": page(RUNS)}
        yield fake


def asked(api: FakeApi) -> tuple[str, Any]:
    last = api.asked[-1]
    return last.what, yaml.safe_load(last.body) if last.body else None


async def test_a_schedule_is_shown_with_its_rules_its_next_times_and_its_last_runs(
    api: FakeApi,
) -> None:
    result = await run_command(api.url, "schedules", "show", ID)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    for line in (
        "state     paused",
        "note      the database is being moved",
        "when      0 3 * * *, 0 9 * * *",
        "jitter    5m",
        "runs      12",
    ):
        assert line in lines, lines
    assert any("job at 2026-06-01T12:01:30Z" in line for line in lines)
    assert any("overlap is skip" in line for line in lines)
    result = await run_command(api.url, "schedules", "show", ID, "--json")
    assert json.loads(result.stdout) == SCHEDULE


@pytest.mark.parametrize(
    ("arguments", "what", "body", "answer", "shown"),
    [
        (["pause", ID], f"PUT {PATH}/pause", {}, {"status": "OK"}, f"{ID} paused"),
        (
            ["pause", ID, "--note", "x"],
            f"PUT {PATH}/pause",
            {"note": "x"},
            {"status": "OK"},
            f"{ID} paused",
        ),
        (["trigger", ID], f"POST {PATH}/trigger", {}, RUNS[0], "j1"),
        (
            ["trigger", ID, "--overlap", "bufferOne"],
            f"POST {PATH}/trigger",
            {"overlap": "bufferOne"},
            {"state": "HELD"},
            "held: the job is created when the one before it is final",
        ),
        (
            ["trigger", ID, "--input", "n=3", "--input", "list=[1]"],
            f"POST {PATH}/trigger",
            {"inputs": {"n": "3", "list": [1]}},
            RUNS[0],
            "j1",
        ),
        (
            ["backfill", ID, "--from", AT, "--dry-run"],
            f"POST {PATH}/backfill",
            {"from": AT, "dryRun": True},
            {
                "dryRun": True,
                "created": 1,
                "held": 0,
                "existing": 0,
                "firings": [{"scheduledAt": AT, "jobId": "j1", "state": "FIRED"}],
            },
            "1 job would be created, 0 held, 0 existed",
        ),
        (
            ["preview", "--cron", "0 3 * * *", "--cron", "@daily", "--jitter", "5m"],
            "POST /scheduled-jobs/preview",
            {"schedule": {"crons": ["0 3 * * *", "@daily"], "jitter": "5m"}},
            {"firings": [{"scheduledAt": AT, "latestAt": "2026-06-01T12:05:00Z"}]},
            "job before 2026-06-01T12:05:00Z",
        ),
    ],
)
async def test_a_command_asks_and_shows(
    api: FakeApi, arguments: list[str], what: str, body: Any, answer: Any, shown: str
) -> None:
    api.answers[what] = answer
    result = await run_command(api.url, "schedules", *arguments)
    assert (result.exit_code, asked(api)) == (0, (what, body)), result.output
    assert shown in result.output
    result = await run_command(api.url, "schedules", *arguments, "--json")
    assert json.loads(result.stdout) == answer


async def test_an_empty_text_stands_for_nothing_also_if_there_is_only_one(api: FakeApi) -> None:
    api.answers["GET /scheduled-jobs"] = {"items": [{"id": ID, "name": "nightly"}]}
    result = await run_command(api.url, "schedules", "pause", "")
    assert result.exit_code == 3
    assert "no scheduled job has the id or name ''" in result.stderr
    result = await run_command(api.url, "cancel", "")
    assert "no job has the id or name ''" in result.stderr


async def test_runs_are_a_table(api: FakeApi) -> None:
    result = await run_command(api.url, "schedules", "runs", ID, "--state", "skipped")
    assert result.stdout.splitlines()[1].split() == [
        *("2026-06-01T12:00:00Z", "fired", "j1", "completed"),
    ]
    assert api.asked[-1].query["state"] == "SKIPPED"


async def test_an_edit_sends_the_file_as_it_is_and_tells_its_lines(
    api: FakeApi, tmp_path: Path
) -> None:
    file = tmp_path / "change.yaml"
    file.write_text("schedule: {cron: '0 25 * * *'}\n")
    problem = {"field": "schedule.cron", "rule": "must be", "line": 1, "column": 12}
    api.answers[f"PATCH {PATH}"] = refusal(400, "schedule.cron: must be", errors=[problem])
    result = await run_command(api.url, "schedules", "edit", ID, str(file))
    assert (result.exit_code, result.stderr) == (3, f"{file}:1:12: schedule.cron: must be\n")
    api.answers[f"PATCH {PATH}"] = SCHEDULE
    result = await run_command(api.url, "schedules", "edit", ID, str(file))
    assert (result.exit_code, result.stdout) == (0, f"{ID} edited\n")
    assert api.asked[-1].body == file.read_bytes()


async def test_an_editor_sends_what_was_changed_for_the_version_that_was_read(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    api.answers[f"PATCH {PATH}"] = SCHEDULE
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\nsed -i -e "s/n: \'3\'/n: 1.10/" -e /jitter/d "$1"\n')
    script.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(script))
    result = await run_command(api.url, "schedules", "edit", ID)
    assert (result.exit_code, result.stdout) == (0, f"{ID} edited\n"), result.output
    last = api.asked[-1]
    assert last.body == b"schedule:\n  jitter: null\ninputs:\n  n: 1.10\n" or last.body == (
        b"inputs:\n  n: 1.10\nschedule:\n  jitter: null\n"
    )
    assert last.headers["If-Match"] == '"3"'
    script.write_text('#!/bin/sh\ntouch "$1"\n')
    result = await run_command(api.url, "schedules", "edit", ID)
    assert (result.exit_code, result.stderr) == (0, "nothing was changed\n")


async def test_a_preview_reads_the_schedule_of_a_job_file(api: FakeApi, tmp_path: Path) -> None:
    api.answers["POST /scheduled-jobs/preview"] = {"firings": []}
    file = tmp_path / "job.yaml"
    file.write_text("name: x\nschedule: {cron: 0 3 * * *, maxRuns: 5, catchUp: {window: 1h}}\n")
    result = await run_command(api.url, "schedules", "preview", str(file), "--count", "2")
    assert (result.exit_code, result.stderr) == (0, "it never fires\n")
    assert api.asked[-1].body == (
        b"schedule:\n  cron: 0 3 * * *\n  maxRuns: 5\n  catchUp:\n    window: 1h\ncount: 2\n"
    )
    result = await run_command(api.url, "schedules", "preview")
    assert (result.exit_code, "give either FILE, or options" in result.stderr) == (2, True)
