"""Whatever lies on a queue, no consumer stops: what can't be used is dead-lettered with its reason,
and `conveyor dead-letters` deals with it."""

import asyncio
import json
import math
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aio_pika
import aiohttp
import pamqp.encode
import pytest

from shared.messages import encode
from shared.messages.queues import (
    COMPLETIONS,
    DEAD_LETTERS,
    DEFAULT_TASK_QUEUE,
    EVENTS,
    HEARTBEATS,
    TELEMETRY,
    node_queue,
)
from tests.support.sample_messages import SAMPLES
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]


def reports(**fields: object) -> bytes:
    return json.dumps(
        {"kind": "reports", "v": 1, "node_id": "n", "lease_seconds": 3} | fields
    ).encode()


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "undecodable"),
    "no text": (b"\x00\xff\xfe" * 100, "undecodable"),
    "text that ends in the middle": (b'{"kind": "reports", "v": 1, "node', "undecodable"),
    "invalid UTF-8 in a text": (b'{"kind": "orders", "v": 1, "x": "\xc3\x28"}', "undecodable"),
    "half a surrogate": (rb'{"kind": "orders", "v": 1, "abandoned": ["\ud800"]}', "undecodable"),
    "no object": (b"[1, 2]", "undecodable"),
    "null": (b"null", "undecodable"),
    "deep brackets": (b"[" * 100_000, "undecodable"),
    "deep objects": (b'{"kind":' * 50_000 + b"1" + b"}" * 50_000, "undecodable"),
    "a megabyte": (b'{"kind": "' + b"x" * 1_000_000 + b'", "v": 1}', "undecodable"),
    "no kind": (b'{"v": 1}', "kind"),
    "an unknown kind": (b'{"kind": "tidings", "v": 1}', "tidings"),
    "a newer version": (encode(SAMPLES["reports"]).replace(b'"v":1', b'"v":2'), ".v: "),
    "a field of the wrong type": (reports(lease_seconds="soon"), "lease_seconds"),
    "a field that is missing": (b'{"kind": "reports", "v": 1}', "node_id"),
    "two of a kind": (b'{"kind": "reports", "kind": "heartbeat", "v": 1}', "undecodable"),
}
"""What it is, its bytes, and a word of the reason for which it is dead-lettered everywhere."""

NEVER_RIGHT: dict[str, bytes] = {
    "ids that Postgres can't keep": reports(
        claims=[{"job_id": "j\0", "task_id": "t\0", "dispatch": 1}]
    ),
    "a lease that is no number": reports(lease_seconds=math.nan),
    "a lease without end": reports(
        lease_seconds=1e300, claims=[{"job_id": "j", "task_id": "t", "dispatch": 1}]
    ),
}
"""Reports that can be read, and never be right."""


@pytest.fixture
async def cluster(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, tmp_path: Path
) -> AsyncIterator[Cluster]:
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path)
    for name in ("coordinator", "scheduler", "worker", "webhook_dispatcher"):
        cluster.start(name)
    await cluster.wait_up()
    yield cluster
    await asyncio.to_thread(cluster.close)
    async with await aio_pika.connect(private_rabbit.url) as connection:
        await (await connection.channel()).queue_delete(DEAD_LETTERS)


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        yield Api(session, cluster.services[0].url)


@pytest.fixture
async def exchange(
    cluster: Cluster, private_rabbit: PrivateRabbit
) -> AsyncIterator[aio_pika.abc.AbstractExchange]:
    async with await aio_pika.connect(private_rabbit.url) as connection:
        yield (await connection.channel()).default_exchange


async def all_queues(api: Api) -> list[str]:
    [node] = [node for node in await api.get("/nodes") if node["status"] == "UP"]
    own = node_queue(node["id"])
    return [COMPLETIONS, TELEMETRY, HEARTBEATS, EVENTS, DEFAULT_TASK_QUEUE, own]


async def dead_lettered(api: Api, count: int) -> list[dict[str, Any]]:
    """All dead letters, once there are `count`."""
    letters: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(60):
            while len(letters) != count:
                letters = await all_dead_lettered(api)
    except TimeoutError:
        found = sorted((each["queue"], each["size"], each["reason"][:80]) for each in letters)
        raise AssertionError(f"{len(letters)} instead of {count}: {found}") from None
    return letters


async def all_dead_lettered(api: Api) -> list[dict[str, Any]]:
    letters: dict[str, dict[str, Any]] = {}  # between two pages others may have come
    page, pages = 1, 1
    while page <= pages:
        answer = await api.get(f"/dead-letters?size=20&page={page}")
        letters |= {letter["id"]: letter for letter in answer["items"]}
        page, pages = page + 1, answer["totalPages"]
    return list(letters.values())


async def conveyor(api: Api, *arguments: str, expected: int = 0) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "dead-letters", *arguments),
        cwd=ROOT,
        env={**os.environ, "CONVEYOR_URL": api.url, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode == expected, (out, errors)
    return out.decode()


async def all_work(cluster: Cluster, api: Api) -> None:
    """No process ended, every consumer lives, and a job goes through all of them."""
    await cluster.wait_up()
    job = await api.submit({"name": "after", "tasks": [{"name": "t", "run": "echo hello"}]})
    assert (await api.final(job["id"]))["state"] == "COMPLETED", cluster.logs()


async def test_what_can_not_be_read_is_dead_lettered_with_its_reason_from_every_queue(
    cluster: Cluster, api: Api, exchange: aio_pika.abc.AbstractExchange
) -> None:
    queues = await all_queues(api)
    for queue in queues:
        for body, _ in UNREADABLE.values():
            await exchange.publish(aio_pika.Message(body), queue)
    letters = await dead_lettered(api, len(queues) * len(UNREADABLE))
    for queue in queues:
        of_queue = [letter for letter in letters if letter["queue"] == queue]
        for body, word in UNREADABLE.values():
            assert any(
                letter["size"] == len(body) and word in letter["reason"] for letter in of_queue
            ), (queue, body[:80])
    await all_work(cluster, api)


async def test_messages_of_others_and_for_others_are_dead_lettered_whatever_their_properties(
    cluster: Cluster, api: Api, exchange: aio_pika.abc.AbstractExchange
) -> None:
    queues = await all_queues(api)
    headers = {
        "x-conveyor-queue": 7,
        "x-conveyor-reason": ["no", "text"],
        "x": {"y": [None, 2**40]},
    }
    odd: list[dict[str, Any]] = [
        {"message_id": "i" * 255},
        {"message_id": "ä#1#2#"},
        {"content_type": "image/png", "content_encoding": "gzip", "headers": headers},
        {"priority": 255, "reply_to": "x", "type": "y", "app_id": "z", "correlation_id": "c" * 255},
    ]
    changes, run_task = encode(SAMPLES["webhooks_due"]), encode(SAMPLES["run_task"])
    for queue in queues:
        foreign = run_task if queue != DEFAULT_TASK_QUEUE else changes
        for properties in odd:
            await exchange.publish(aio_pika.Message(foreign, **properties), queue)
    letters = await dead_lettered(api, len(queues) * len(odd))
    assert {letter["queue"] for letter in letters} == set(queues)
    assert all("unexpected kind" in letter["reason"] for letter in letters)
    await all_work(cluster, api)


async def test_properties_that_nobody_can_read_do_not_cut_off_who_receives_them(
    cluster: Cluster,
    api: Api,
    exchange: aio_pika.abc.AbstractExchange,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queues = await all_queues(api)
    written = {"shortstr": b"\x02\xff\xfe", "timestamp": b"\xff" * 8, "table": b"\0\0\0\3\1\xffV"}
    for name, as_bytes in written.items():
        whole = pamqp.encode.METHODS[name]
        monkeypatch.setitem(
            pamqp.encode.METHODS, name, partial(bytes_instead, whole=whole, written=as_bytes)
        )
    odd: list[dict[str, Any]] = [
        {name: MARK} for name in ("message_id", "correlation_id", "content_type", "type")
    ]
    odd += [{"timestamp": MARKED_TIME}, {"headers": {MARK: MARK}}]
    for queue in queues:
        for properties in odd:
            await exchange.publish(aio_pika.Message(b"x", **properties), queue)
    letters = await dead_lettered(api, len(odd) * len(queues))
    assert {letter["queue"] for letter in letters} == set(queues)
    await all_work(cluster, api)


MARK = "nobody can read this"
MARKED_TIME = datetime(2001, 2, 3, tzinfo=UTC)


def bytes_instead(value: Any, *, whole: Callable[[Any], bytes], written: bytes) -> bytes:
    """What is marked goes onto the wire as no client should write it."""
    return written if value in (MARK, {MARK: MARK}, MARKED_TIME) else whole(value)


async def test_reports_that_can_never_be_right_are_dead_lettered_and_others_in_the_batch_count(
    cluster: Cluster, api: Api, exchange: aio_pika.abc.AbstractExchange
) -> None:
    jobs = []
    for body in NEVER_RIGHT.values():
        spec = {"name": "beside", "tasks": [{"name": "t", "run": "echo hello"}]}
        jobs.append(await api.submit(spec))
        await exchange.publish(aio_pika.Message(body), COMPLETIONS)
    for job in jobs:
        assert (await api.final(job["id"]))["state"] == "COMPLETED"
    letters = await dead_lettered(api, len(NEVER_RIGHT))
    assert all(letter["queue"] == COMPLETIONS and letter["reason"] for letter in letters)
    await all_work(cluster, api)


async def test_a_task_whose_definition_can_not_be_read_fails_and_its_worker_goes_on(
    cluster: Cluster, api: Api, exchange: aio_pika.abc.AbstractExchange
) -> None:
    """Its message is of no task that there is: the claim is refused, and nothing runs."""
    for definition in ({"limits": "much"}, {"pre": 7}, {"mounts": ["x"]}, {"files": [1]}):
        body = json.loads(encode(SAMPLES["run_task-without-secrets"])) | {"definition": definition}
        await exchange.publish(aio_pika.Message(json.dumps(body).encode()), DEFAULT_TASK_QUEUE)
    await all_work(cluster, api)
    assert await dead_lettered(api, 0) == []


async def test_the_command_lists_shows_requeues_and_purges_what_was_dead_lettered(
    cluster: Cluster, api: Api, exchange: aio_pika.abc.AbstractExchange
) -> None:
    # Given bodies of all sorts among the dead letters
    bodies = [body for body, _ in UNREADABLE.values()]
    bodies += [b'{"kind": "x", "job_id": "\\u0000"}', b'{"kind": "y", "n": ' + b"9" * 400 + b"}"]
    for body in bodies:
        await exchange.publish(aio_pika.Message(body), COMPLETIONS)
    letters = await dead_lettered(api, len(bodies))

    # Then each is listed and can be shown
    listed: Sequence[dict[str, Any]] = json.loads(await conveyor(api, "list", "--json"))["items"]
    assert {letter["id"] for letter in listed} <= {letter["id"] for letter in letters}
    assert "tidings" in await conveyor(api, "list")
    for letter in letters:
        assert await api.get(f"/dead-letters/{letter['id']}")
    by_kind = {letter.get("kind"): letter for letter in letters}
    shown = await conveyor(api, "show", by_kind["tidings"]["id"])
    assert "tidings" in shown
    assert "completions" in shown

    # When some are sent again, they are dead-lettered again; purged, none is left
    await conveyor(api, "requeue", by_kind["tidings"]["id"], by_kind["x"]["id"])
    again = await dead_lettered(api, len(bodies))
    assert {letter["size"] for letter in again} == {letter["size"] for letter in letters}
    assert f"{len(bodies)} dead letters" in await conveyor(api, "purge", "--yes")
    assert await dead_lettered(api, 0) == []
    await all_work(cluster, api)
