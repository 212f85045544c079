"""The commands about jobs on a whole Conveyor in this process."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from cli.metrics import MODULES, specs_in
from tests.support.eventually import eventually
from tests.support.services.dev import running_dev
from tests.support.services.dispatcher import running_receiver
from tests.support.services.metrics import names, page_of, values

ROOT = Path(__file__).parents[2]

HELLO = """
name: hello
inputs: {name: nobody}
tasks:
  - name: greet
    var: greeting
    env: {NAME: "{{ inputs.name }}", TOKEN: "{{ secrets.token }}"}
    run: |
      echo "token of ${#TOKEN} letters"
      printf 'hello %s' "$NAME" > "$TORK_OUTPUT"
output: "{{ tasks.greeting }}"
"""
FAILING = "name: bad\ntasks: [{name: break, run: 'echo oh no; exit 3'}]\n"
LONG = "name: long\ntasks: [{name: wait, run: 'echo begun; sleep 600'}]\n"


@dataclass(frozen=True)
class Ended:
    exit_code: int
    stdout: str
    stderr: str


class Commands:
    """The command in processes of its own, as what is served here logs to this one's output."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def __call__(self, *arguments: str, stdin: str = "") -> Ended:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", *arguments),
            cwd=ROOT,
            env={**os.environ, "CONVEYOR_URL": self.url},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        stdout, stderr = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return Ended(process.returncode, stdout.decode(), stderr.decode())

    async def json(self, *arguments: str) -> Any:
        return json.loads((await self(*arguments, "--json")).stdout)


@pytest_asyncio.fixture
async def conveyor(tmp_path: Path) -> AsyncIterator[Commands]:
    async with running_dev(tmp_path) as url:
        yield Commands(url)


async def test_a_job_is_submitted_followed_and_shown(conveyor: Commands) -> None:
    options = ("--follow", "--input", "name=world", "--secret", "token=12345")
    result = await conveyor("submit", "-", *options, stdin=HELLO)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == ["greet | token of 5 letters", "hello world"]
    (job,) = (await conveyor.json("list", "--state", "completed", "hello"))["items"]
    shown = (await conveyor("get", job["id"])).stdout
    assert "✓ greet  completed" in shown
    log = "token of 5 letters\n"
    assert (await conveyor("logs", job["id"])).stdout == log
    assert (await conveyor("logs", "-f", job["id"])).stdout == log


async def test_a_job_that_fails_ends_the_wait_with_1_and_can_go_on(conveyor: Commands) -> None:
    result = await conveyor("submit", "-", "--wait", "--json", stdin=FAILING)
    assert result.exit_code == 1
    job = json.loads(result.stdout)
    assert "exit code 3" in job["error"]
    [attempt] = job["execution"]
    assert (attempt["failureCause"], attempt["exitCode"]) == ("exit", 3)
    assert (await conveyor("cancel", job["id"])).exit_code == 3
    assert (await conveyor("restart", job["id"])).exit_code == 0


async def test_a_job_that_runs_is_cancelled(conveyor: Commands) -> None:
    job_id = (await conveyor("submit", "-", stdin=LONG)).stdout.strip()
    assert (await conveyor("cancel", job_id)).stdout == f"{job_id} cancelled\n"
    assert (await conveyor.json("get", job_id))["state"] == "CANCELLED"


async def test_jobs_are_named_run_again_and_deleted(conveyor: Commands) -> None:
    first = await conveyor("submit", "-", "--secret", "token=abcdef", "--wait", stdin=HELLO)
    assert first.stdout == "hello nobody\n"
    again = await conveyor("run-again", "hello", "--input", "name=Ann", "--wait")
    assert again.stdout == "hello Ann\n"
    assert "several jobs match 'hello'" in (await conveyor("get", "hello")).stderr
    ids = (await conveyor("list", "-q", "--name", "hel*", "--since", "1h")).stdout.split()
    assert len(ids) == 2
    log = await conveyor("logs", ids[0][:12], "--task", "greet", "--tail", "1")
    assert log.stdout == "token of 6 letters\n"
    deleted = await conveyor("delete", "--name", "hello", "--yes")
    assert deleted.stdout == "2 jobs deleted\n"
    assert (await conveyor("get", ids[0])).exit_code == 3


async def test_a_template_is_pushed_and_run_with_inputs(conveyor: Commands) -> None:
    file = str(ROOT / "examples/template.yaml")
    assert (await conveyor("templates", "push", file)).stdout == "greeting@1.0\n"
    inputs = ("--input", "who=Ann", "--input", "style=loud", "--input", 'words=["hi"]')
    assert (await conveyor("run", "greeting@1", *inputs, "--wait")).stdout == "HI ANN\n\n"

    refused = await conveyor("run", "greeting", "--input", "times=20", "--input", "hwo=x")
    assert refused.exit_code == 3
    assert refused.stderr.splitlines() == [
        "--input hwo: the template has no such input, did you mean 'who'?",
        "--input times: 20 is not allowed: must be at most 10",
    ]
    shown = (await conveyor("templates", "get", "greeting")).stdout
    assert "string (plain, loud)" in shown
    again = (await conveyor("templates", "get", "greeting", "--file")).stdout
    assert (await conveyor("templates", "push", "-", stdin=again)).stdout == "greeting@1.0\n"
    assert (await conveyor("templates", "delete", "greeting")).stdout == "greeting deleted\n"
    assert (await conveyor("run", "greeting")).exit_code == 3


async def test_a_webhook_endpoint_is_added_tested_and_sent_again(conveyor: Commands) -> None:
    async with running_receiver() as receiver:
        receiver.answers = [404]
        added = await conveyor("webhooks", "add", receiver.url, "--description", "ci bot")
        assert added.stdout.startswith("whsec_"), added.stderr
        refused = await conveyor("webhooks", "test", "ci bot")
        assert (refused.exit_code, refused.stdout) == (1, "failed  answered 404\n")
        assert (await conveyor("webhooks", "test", "ci bot")).stdout == "delivered  200\n"
        [failed] = (await conveyor.json("webhooks", "deliveries", "ci bot", "--state", "failed"))[
            "items"
        ]
        assert "answered 404" in (await conveyor("webhooks", "delivery", failed["id"])).stdout
        assert (await conveyor("webhooks", "resend", failed["id"])).exit_code == 0
        await eventually(lambda: len(receiver.heard) == 3)
    assert [body["type"] for _, body in receiver.heard] == ["endpoint.Test"] * 3
    assert receiver.heard[0][0]["webhook-id"] == receiver.heard[2][0]["webhook-id"] == failed["id"]
    assert (await conveyor("webhooks", "rotate", "ci bot")).stdout != added.stdout
    await conveyor("webhooks", "disable", "ci bot")
    assert "disabled" in (await conveyor("webhooks", "list")).stdout


async def test_the_cluster_is_listed(conveyor: Commands) -> None:
    assert "default" in (await conveyor("queues")).stdout
    assert (await conveyor("nodes")).exit_code == 0


async def test_all_services_share_one_page_of_metrics(conveyor: Commands) -> None:
    await conveyor("submit", "-", "--wait", stdin=HELLO)
    async with aiohttp.ClientSession() as session:
        page = await page_of(session, conveyor.url)
    assert names(page) == {name for modules in MODULES.values() for name in specs_in(modules)}
    assert values(page)['conveyor_tasks_reported_total{outcome="succeeded"}'] == 1
