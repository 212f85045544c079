"""`conveyor webhooks listen`: what it prints, what it verifies, how it ends."""

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from cli.main import conveyor
from cli.webhooks.received import Received
from shared.process.signing import new_secret, read_secret, signature
from tests.support.ports import free_port

SECRET = new_secret()
JOB = {"id": "j1", "name": "nightly", "state": "RUNNING", "progress": 40.0}


class Listener:
    def __init__(self, process: asyncio.subprocess.Process, head: str) -> None:
        self.process = process
        self.head = head
        self.url = head.split()[2].removesuffix(";")

    async def post(self, body: object, secret: str = "", id_: str = "d1", **headers: str) -> int:
        content = json.dumps(body).encode()
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["webhook-id"] = id_
        if secret:
            at = int(time.time())
            headers["webhook-timestamp"] = str(at)
            headers["webhook-signature"] = signature([read_secret(secret)], id_, at, content)
        async with aiohttp.request("POST", self.url, data=content, headers=headers) as answer:
            return answer.status

    async def end(self, number: signal.Signals = signal.SIGINT) -> tuple[list[str], str]:
        """The lines that it has printed, and what it says at the end."""
        self.process.send_signal(number)
        output, errors = await self.process.communicate()
        assert self.process.returncode == 0, errors.decode()
        return output.decode().splitlines(), errors.decode().splitlines()[-1]


@asynccontextmanager
async def listening(*options: str) -> AsyncIterator[Listener]:
    address = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "webhooks", "listen", "--address", address, *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        head = [(await process.stderr.readline()).decode() for _ in range(7)]
        yield Listener(process, "".join(head))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_each_request_is_a_line_and_says_whether_its_signature_holds() -> None:
    async with listening("--secret", new_secret(), "--secret", SECRET) as listener:
        assert "conveyor webhooks add http://127.0.0.1" in listener.head
        assert "CONVEYOR_WEBHOOK_ALLOWED_NETWORKS=127.0.0.0/8,::1/128" in listener.head
        event = {"conveyor_event": "job.Progress", "conveyor_sequence": "7"}
        statuses = [
            await listener.post(JOB, SECRET, **event),
            await listener.post(JOB, SECRET, **event),
            await listener.post(JOB, new_secret(), "d2", **event),
            await listener.post(JOB, "", "d3", **event),
        ]
        lines, total = await listener.end()
    assert statuses == [200, 200, 401, 401]
    said = "job.Progress       running    nightly 40 %  #7"
    assert [line.split("  ", 1)[1] for line in lines] == [
        f"{said}  signature valid",
        f"{said}  signature valid  repeated",
        f"{said}  no signature by this secret  answered 401",
        f"{said}  no header webhook-timestamp  answered 401",
    ]
    assert total == "4 requests, 1 repeated, 2 without a valid signature"


async def test_whole_requests_are_lines_of_json_and_any_status_can_be_answered() -> None:
    async with listening("--json", "--status", "503") as listener:
        assert await listener.post(JOB) == 503
        [line], total = await listener.end(signal.SIGTERM)
    request = json.loads(line)
    assert (request["body"], request["status"], request["signature"]) == (JOB, 503, "unsigned")
    assert request["headers"]["webhook-id"] == "d1"
    assert total == "1 request"


@pytest.mark.parametrize(
    ("headers", "body", "line"),
    [
        ({}, JOB, "POST               running    nightly 40 %  unsigned"),
        (
            {"Conveyor-Event": "task.StateChange", "Conveyor-Sequence": "3"},
            {"jobId": "j", "name": "a\x1b[31m\nb", "state": "FAILED", "error": "exit code 1"},
            "task.StateChange   failed     a [31m b: exit code 1  #3  unsigned",
        ),
        (
            {"Webhook-Signature": "v1,x"},
            {"type": "schedule.Fired", "timestamp": "…", "data": {"id": "s1", "name": "every"}},
            "schedule.Fired                every  not verified",
        ),
        (
            {},
            {"type": "endpoint.Test"},
            'endpoint.Test                 {"type": "endpoint.Test"}  unsigned',
        ),
        ({}, [1, {"name": "x"}], 'POST                          [1, {"name": "x"}]  unsigned'),
        ({}, None, "POST                          null  unsigned"),
    ],
)
def test_what_a_line_tells_of_each_kind_of_body(
    headers: Mapping[str, str], body: Any, line: str
) -> None:
    received = Received.read("/", headers, json.dumps(body).encode(), [], 0.0)
    assert received.line(is_repeated=False).plain == line


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 100_000, b"{'a': 1}"])
def test_what_is_no_json_is_shown_as_text(content: bytes) -> None:
    received = Received.read("/", {}, content, [], 0.0)
    assert received.body == content.decode("utf-8", "replace")
    assert len(received.line(is_repeated=False)) < 120


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--secret", "s3cret"), "a secret must be whsec_ and the base64 of 24 to 64"),
        (("--address", "localhost"), "'localhost' must be host:port such as 127.0.0.1:9999"),
        (("--status", "100"), "100 is not in the range 200<=x<=599"),
    ],
)
def test_an_option_that_can_not_be_is_refused_and_no_secret_quoted(
    options: tuple[str, ...], reason: str
) -> None:
    result = CliRunner().invoke(conveyor, ["webhooks", "listen", *options])
    assert result.exit_code == 2
    assert reason in result.stderr
    assert "s3cret" not in result.stderr


def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = CliRunner().invoke(conveyor, ["webhooks", "listen", "--address", address])
    assert result.exit_code == 1
    assert f"can't listen on {address} (--address): Address already in use" in result.stderr
