"""/dead-letters over HTTP: what nobody could use, looked at and dealt with."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.broker.protocol import BrokerUnavailable, Outgoing
from shared.messages.queues import DEAD_LETTERS, node_queue
from tests.support.http.api import Api, api_on

pytestmark = pytest.mark.real

RUN_TASK = {
    "kind": "run_task",
    "v": 9,
    "definition": {"run": "echo hush-hush", "env": {"API_SECRET": "x"}},
    "sealed": '{"run": "in clear"}',
}
SECRETIVE = "name: x\nsecrets: {word: hush-hush}\ntasks: [{name: a}]"


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def dead_letter(
    api: Api, body: bytes, *, queue: str = "default", reason: str = "why"
) -> None:
    async with api.broker.consume(queue, prefetch=1) as consumer:
        await api.broker.publish([Outgoing(queue, body, "m1")])
        [delivery] = await consumer.batch(1)
        await delivery.dead_letter(reason)


async def listed(api: Api) -> list[Any]:
    items: list[Any] = (await api.get("/dead-letters"))["items"]
    return items


async def size(api: Api, queue: str) -> int:
    stats = await api.broker.queue_stats(queue)
    return stats.size if stats else 0


async def test_dead_letters_are_listed_newest_first_and_stay_where_they_are(api: Api) -> None:
    assert (await api.get("/dead-letters"))["items"] == []
    await dead_letter(api, b"no JSON", reason="undecodable")
    await dead_letter(api, b'{"kind": "novelty"}', queue="completions", reason="unknown")

    first = await api.get("/dead-letters")

    assert first["totalItems"] == 2
    newest, oldest = first["items"]
    assert newest.pop("id") != oldest.pop("id")
    assert newest.pop("at") >= oldest.pop("at")
    assert newest == {
        "queue": "completions",
        "reason": "unknown",
        "kind": "novelty",
        "messageId": "m1",
        "size": 19,
    }
    assert oldest == {
        "queue": "default",
        "reason": "undecodable",
        "messageId": "m1",
        "size": 7,
    }
    assert [each["id"] for each in await listed(api)] == [
        each["id"] for each in (await api.get("/dead-letters"))["items"]
    ]
    page = await api.get("/dead-letters", params={"page": "2", "size": "1"})
    assert [each["size"] for each in page["items"]] == [7]
    assert page["totalPages"] == 2


async def test_two_who_look_at_the_same_time_both_see_all(api: Api) -> None:
    await dead_letter(api, b"a")
    pages = await asyncio.gather(*(listed(api) for _ in range(5)))
    assert all(len(items) == 1 for items in pages)


async def test_a_dead_letter_is_shown_whole_without_secrets_that_are_known(api: Api) -> None:
    job = await api.submit(SECRETIVE)
    await dead_letter(api, json.dumps({**RUN_TASK, "job_id": job["id"]}).encode())
    [listed_] = await listed(api)

    shown = await api.get(f"/dead-letters/{listed_['id']}")

    contents = json.loads(shown.pop("contents"))
    assert shown == listed_
    assert contents["definition"] == {
        "run": "echo [REDACTED]",
        "env": {"API_SECRET": "[REDACTED]"},
    }
    assert contents["sealed"] == "[REDACTED]"


BODIES = [b"", b"\xff\x00", b"[" * 2000, b"[" * 500 + b"]" * 500, b"null"]
BODIES += [b'{"job_id": "\\u0000"}', b'{"job_id": ' + b"9" * 500 + b"}"]


@pytest.mark.parametrize("body", BODIES)
async def test_a_dead_letter_of_any_bytes_can_be_shown(api: Api, body: bytes) -> None:
    await dead_letter(api, body)
    [letter] = await listed(api)
    assert (await api.get(f"/dead-letters/{letter['id']}"))["size"] == len(body)


async def test_what_a_dead_letter_calls_itself_is_shown_up_to_a_length(api: Api) -> None:
    await dead_letter(api, b'{"kind": "' + b"k" * 100_000 + b'"}')
    [letter] = await listed(api)
    assert letter["kind"] == "k" * 64 + "…"


async def test_a_requeued_letter_lies_in_its_queue_as_it_was(api: Api) -> None:
    await dead_letter(api, b"one", queue="highcpu")
    await dead_letter(api, b"two", queue="highcpu")
    letter = (await listed(api))[1]

    status, _ = await api.answer("POST", f"/dead-letters/{letter['id']}/requeue")

    assert status == 200
    assert [each["size"] for each in await listed(api)] == [3]
    async with api.broker.peek("highcpu", 5) as [delivery]:
        assert (delivery.body, delivery.message_id) == (b"one", "m1")
    status, answer = await api.answer("POST", f"/dead-letters/{letter['id']}/requeue")
    assert status == 404
    assert "no such dead letter" in answer["message"]


async def test_a_letter_that_can_not_be_sent_again_stays(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await dead_letter(api, b"one")
    [letter] = await listed(api)

    async def away(_: object) -> None:
        raise BrokerUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(api.broker, "publish", away)
        status, _ = await api.answer("POST", f"/dead-letters/{letter['id']}/requeue")
    assert status == 503
    assert await listed(api) == [letter]


async def test_a_letter_without_a_queue_to_go_back_to_says_so_and_can_be_deleted(api: Api) -> None:
    await dead_letter(api, b"one", queue=node_queue("gone"))
    await api.broker.delete_queue(node_queue("gone"))
    await api.broker.publish([Outgoing(DEAD_LETTERS, b"by hand", "m2")])
    for letter, reason in zip(await listed(api), ("no longer exists", "not name"), strict=True):
        status, answer = await api.answer("POST", f"/dead-letters/{letter['id']}/requeue")
        assert status == 409
        assert reason in answer["message"]
        assert (await api.answer("DELETE", f"/dead-letters/{letter['id']}"))[0] == 200
    assert await size(api, DEAD_LETTERS) == 0


async def test_purging_throws_all_away_and_the_next_letter_is_kept(api: Api) -> None:
    for n in range(3):
        await dead_letter(api, str(n).encode())
    assert await api.answer("DELETE", "/dead-letters") == (200, {"deleted": 3})
    assert await api.answer("DELETE", "/dead-letters") == (200, {"deleted": 0})
    await dead_letter(api, b"next")
    assert len(await listed(api)) == 1


async def test_an_unknown_letter_is_not_found(api: Api) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/requeue")):
        assert (await api.answer(method, f"/dead-letters/nope{path}"))[0] == 404


async def test_a_dead_letter_names_the_job_and_the_task_it_speaks_of(api: Api) -> None:
    told = {"kind": "claimed", "tasks": [{"job_id": "j1", "task_id": "t1"}], "job_id": 5}
    await dead_letter(api, json.dumps(told).encode())
    await dead_letter(api, b'{"job_id": "no id at all"}')
    strange, [letter] = (await listed(api))[0], (await listed(api))[1:]
    assert (letter["jobId"], letter["taskId"]) == ("j1", "t1")
    assert "jobId" not in strange


async def test_those_of_a_queue_are_listed_and_requeued_together(api: Api) -> None:
    for n in range(3):
        await dead_letter(api, b"%d" % n)
    await dead_letter(api, b"other", queue="completions")
    await dead_letter(api, b"gone", queue=node_queue("n9"))
    await api.broker.delete_queue(node_queue("n9"))

    found = await api.get("/dead-letters", params={"queue": "default", "size": "2"})
    assert (found["totalItems"], len(found["items"])) == (3, 2)
    of_queue = await api.answer("POST", "/dead-letters/requeue?queue=default")
    rest = await api.answer("POST", "/dead-letters/requeue")

    assert of_queue == (200, {"requeued": 3, "kept": 0})
    assert rest == (200, {"requeued": 1, "kept": 1})
    assert (await size(api, "default"), await size(api, "completions")) == (3, 1)
    assert [each["queue"] for each in await listed(api)] == ["node.n9"]
