"""With a key set, no secret stands in clear in any row or message, nor in any answer or webhook."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aio_pika
import aiohttp
import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shared.process.redaction import Redactor
from shared.process.sealing import generate_key
from tests.support.eventually import eventually
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Cluster

pytestmark = pytest.mark.real

PLAIN = "Mark-plain-51c2"
LINES = "Mark-line-one-77a\nMark-line-two-77b\n"
PASSWORD = "Mark-of-json-90ff"
OWN = "Mark-of-sub-job-3d1e"
REGISTRY = "Mark-registry-ab77"
LITERAL = "Mark-by-name-14c8"
INPUT = "Mark-input-by-name-66e0"
HEADER = "Mark-header-literal-8b2c"
STORED = "Mark-stored-apart-4e19"
URL_TOKEN = "Mark-in-url-2f90"
MARKS = [PLAIN, LINES, PASSWORD, OWN, REGISTRY, LITERAL, INPUT, HEADER, STORED]

TABLES = "SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'"


def output(text: str) -> str:
    return f"printf %s {text} > $TORK_OUTPUT; echo {text}"


def job(hook: str) -> dict[str, Any]:
    webhooks = [
        {"url": f"{hook}?t={URL_TOKEN}", "headers": {"Authorization": f"Bearer {HEADER}"}},
        {"url": hook, "event": "task.StateChange", "headers": {"X-A": "{{ secrets.plain }}"}},
    ]
    sub = {
        "name": "sub {{ secrets.plain }}",
        "secrets": {"own": OWN, "plain": "{{ secrets.plain }}"},
        "inputs": {"login": "{{ secrets.login }}", "my_password": LITERAL},
        "output": "{{ tasks.r }}",
        "webhooks": [
            {"url": hook + "?t={{ secrets.plain }}", "headers": {"X-A": "{{ secrets.plain }}"}}
        ],
        "tasks": [
            {"name": "own", "var": "r", "env": {"S": "{{ secrets.own }}"}, "run": output('"$S"')},
            {
                "name": "of an input",
                "env": {"S": "{{ fromJSON(inputs.login).pw }}", "T": "{{ inputs.my_password }}"},
                "run": output('"$S $T"'),
            },
        ],
    }
    return {
        "name": f"deploys {PLAIN}",
        "description": f"with {PLAIN}",
        "tags": [PLAIN],
        "secrets": {
            "plain": PLAIN,
            "lines": LINES,
            "login": json.dumps({"user": "ann", "pw": PASSWORD}),
        },
        "storedSecrets": {"stored": "team-token"},
        "inputs": {"db_password": INPUT, "note": f"it is {PLAIN}"},
        "output": "{{ tasks.plain }} {{ tasks.derived }} {{ tasks.stored }} {{ tasks.sub }}",
        "webhooks": webhooks,
        "tasks": [
            {
                "name": "env {{ secrets.plain }}",
                "var": "plain",
                "env": {"S": "{{ secrets.plain }}", "PASSWORD": LITERAL},
                "pre": [{"env": {"S": "{{ secrets.plain }}"}, "run": "echo pre $S"}],
                "post": [{"env": {"S": "{{ secrets.plain }}"}, "run": "echo post $S"}],
                "run": output("$S") + f"; echo {PLAIN}; echo 50 > $TORK_PROGRESS; sleep 2",
            },
            {
                "name": "lines",
                "var": "lines",
                "env": {"S": "{{ secrets.lines }}"},
                "run": output("$S") + '; echo "$S" | tail -2 >> $TORK_OUTPUT',
            },
            {
                "name": "derived",
                "var": "derived",
                "env": {"S": "{{ fromJSON(secrets.login).pw }}", "I": "{{ inputs.db_password }}"},
                "run": output('"$S $I"'),
            },
            {
                "name": "from results",
                "var": "again",
                "env": {"S": "{{ tasks.derived }}", "U": "{{ upper(tasks.plain) }}"},
                "run": 'printf "%s %s" $S $U | base64 | tee $TORK_OUTPUT',
            },
            {
                "name": "stored {{ secrets.stored }}",
                "var": "stored",
                "env": {"S": "{{ secrets.stored }}"},
                "run": output("$S") + f"; echo {STORED} >&2",
            },
            {
                "name": "fails",
                "env": {"S": "{{ secrets.plain }}"},
                "run": "echo failed with $S; exit 3",
                "allowFailure": True,
            },
            {
                "name": "never",
                "image": "none",
                "if": f"{{{{ secrets.plain != '{PLAIN}' }}}}",
                "registry": {"username": "u", "password": REGISTRY},
                "run": "true",
            },
            {
                "name": "each",
                "var": "list",
                "each": {
                    "list": "{{ [secrets.plain, fromJSON(secrets.login).pw] }}",
                    "task": {"name": "of", "env": {"S": "{{ item.value }}"}, "run": output("$S")},
                },
            },
            {
                "name": "parallel",
                "parallel": {"tasks": [{"env": {"S": "{{ tasks.list[1] }}"}, "run": output("$S")}]},
            },
            {"name": "sub", "var": "sub", "subjob": sub},
        ],
    }


class Receiver:
    """Answers with what it was sent; each delivery stays with its answer."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.headers: set[str | None] = set()

    async def on_post(self, request: web.Request) -> web.Response:
        self.calls.append((str(request.url), await request.text()))
        self.headers |= {request.headers.get("Authorization"), request.headers.get("X-A")}
        return web.Response(text=f"{request.url} {dict(request.headers)}")


@asynccontextmanager
async def opened_receiver() -> AsyncIterator[tuple[Receiver, str]]:
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/hook", receiver.on_post)
    async with TestServer(app) as server:
        yield receiver, str(server.make_url("/hook"))


class Tap:
    """All that is published to RabbitMQ."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def on_message(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        self.bodies.append(message.body)


@asynccontextmanager
async def tapped(rabbit: PrivateRabbit) -> AsyncIterator[Tap]:
    await asyncio.to_thread(rabbit.ctl, "trace_on")
    tap = Tap()
    async with await aio_pika.connect(rabbit.url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind("amq.rabbitmq.trace", "publish.#")
        await queue.consume(tap.on_message, no_ack=True)
        yield tap


async def rows(dsn: str) -> str:
    """Every row of every table as text, what is binary in it as well."""
    connection = await asyncpg.connect(dsn)
    texts = []
    for [table] in await connection.fetch(TABLES):
        found = await connection.fetch(f"SELECT t::text AS row FROM {table} t")
        texts += [f"{table}: {row['row']}" for row in found]
    await connection.close()
    text = "\n".join(texts)
    binary = re.findall(r"\\\\x((?:[0-9a-f]{2})+)", text)
    return "\n".join([text, *(bytes.fromhex(each).decode(errors="replace") for each in binary)])


def expect_hidden(place: str, text: str, *others: str) -> None:
    """None of the secrets, nor anything that is usually made of one, nor of `others`."""
    for secret in (*MARKS, *others, PLAIN.upper(), base64.b64encode(PASSWORD.encode()).decode()):
        shown = Redactor([secret]).text(text)
        assert shown == text, f"{place}: {secret!r} in {_around(text, shown)}"


def _around(text: str, shown: str) -> str:
    start = next(n for n, (a, b) in enumerate(zip(text, shown, strict=False)) if a != b)
    return text[max(start - 300, 0) : start + 100]


async def answers(session: aiohttp.ClientSession, url: str) -> Sequence[tuple[str, str]]:
    async def get(path: str) -> str:
        async with session.get(url + path) as response:
            assert response.status == 200, await response.text()
            return await response.text()

    jobs = json.loads(await get("/jobs"))["items"]
    paths = ["/jobs", "/scheduled-jobs", "/secrets", "/secrets/team-token"]
    for each in jobs:
        own = f"/jobs/{each['id']}"
        paths += [own, f"{own}/log", f"{own}/log?follow=true", f"{own}/events"]
        tasks = json.loads(await get(own))["execution"]
        paths += [f"/tasks/{task['id']}{part}" for task in tasks for part in ("", "/log")]
    return [(path, await get(path)) for path in paths]


async def test_no_secret_stands_in_clear_in_rows_messages_answers_or_webhooks(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, tmp_path: Path
) -> None:
    # Given a system with a key, of which all messages are read along
    cluster = Cluster(
        private_rabbit.url,
        private_postgres.tcp_dsn,
        tmp_path,
        CONVEYOR_ENCRYPTION_KEY=generate_key(),
    )
    for name in ("coordinator", "scheduler", "worker", "webhook_dispatcher"):
        cluster.start(name)
    url = cluster.services[0].url
    try:
        async with (
            tapped(private_rabbit) as tap,
            opened_receiver() as (receiver, hook),
            aiohttp.ClientSession() as session,
        ):
            await cluster.wait_up()
            # When a job has its secrets everywhere, one of them stored before
            stored = {"secret": STORED}
            async with session.put(f"{url}/secrets/team-token", json=stored) as response:
                expect_hidden("the stored secret", await response.text())
                assert response.status == 200
            submitted = job(hook) | {"wait": {"timeout": "120s"}}
            async with session.post(f"{url}/jobs", json=submitted) as response:
                answer = await response.text()
                assert response.status == 200, answer
            scheduled = job(hook) | {"schedule": {"cron": "0 0 1 1 *"}}
            async with session.post(f"{url}/scheduled-jobs", json=scheduled) as response:
                assert response.status == 200, await response.text()
            # Then all of it has worked
            assert json.loads(answer)["state"] == "COMPLETED", answer
            # And the receivers are told, at their URLs and in the headers that they asked for
            called = {f"{hook}?t={URL_TOKEN}", f"{hook}?t={PLAIN}"}
            await eventually(lambda: {str(call) for call, _ in receiver.calls} >= called)
            assert receiver.headers == {f"Bearer {HEADER}", PLAIN, None}
            # But none of them is seen elsewhere
            expect_hidden("the answer", answer)
            for path, text in await answers(session, url):
                expect_hidden(path, text)
            expect_hidden("rows", await rows(private_postgres.tcp_dsn), URL_TOKEN)
            for message in tap.bodies:
                expect_hidden("a message", message.decode(errors="replace"), URL_TOKEN)
            assert len(tap.bodies) > 50
            for _, body in receiver.calls:
                expect_hidden("the body of a webhook", body)
    finally:
        await asyncio.to_thread(cluster.close)
    for service in cluster.services:
        expect_hidden(service.name, service.log.read_text(), URL_TOKEN)
