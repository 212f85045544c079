"""Windows of logs, searches in them, and their download."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.lifecycle import Task
from shared.messages import LogPart
from shared.postgres.pool import acquired
from shared.store.writing import Writes, write
from tests.support.http.api import Api, api_on

pytestmark = pytest.mark.real


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


@pytest.fixture
async def task(api: Api) -> Task:
    job = await api.submit("name: x\ntasks: [{name: a}]")
    return await api.add_task(job["id"], {"name": "a"})


async def add(api: Api, task: Task, number: int, contents: str, **fields: Any) -> None:
    part = LogPart(
        job_id=task.job_id,
        task_id=task.id,
        number=number,
        contents=contents,
        created_at=datetime(2026, 1, 1, 12, 0, number, tzinfo=UTC),
        **fields,
    )
    async with acquired(api.pool) as connection:
        await write(connection, Writes(log_parts=[part]))


def shown(answer: dict[str, Any]) -> Sequence[tuple[int, str]]:
    return [(line["number"], line["text"]) for line in answer["items"]]


async def test_any_window_of_a_log_is_read_by_its_lines(api: Api, task: Task) -> None:
    await add(api, task, 1, "one\ntwo\n", stderr=[(2, 2)])
    await add(api, task, 2, "thr")
    await add(api, task, 3, "ee", continues=True)
    await add(api, task, 4, "e\nfour\nfive", continues=True, stderr=[(2, 3)])
    path = f"/tasks/{task.id}/log/lines"
    whole = await api.get(path)
    texts = ["one", "two", "threee", "four", "five"]
    assert shown(whole) == list(enumerate(texts, 1))
    assert [line.get("stderr", False) for line in whole["items"]] == [
        *(False, True, False, True, True)
    ]
    assert (whole["totalLines"], whole["totalBytes"], whole["totalParts"]) == (5, 24, 4)
    assert shown(await api.get(f"{path}?first=2&size=2")) == [(2, "two"), (3, "threee")]
    assert shown(await api.get(f"{path}?first={10**12}")) == []
    assert shown(await api.get(f"{path}?first={-(10**12)}")) == list(enumerate(texts, 1))
    assert shown(await api.get(f"{path}?first=-2")) == [(4, "four"), (5, "five")]
    beyond = await api.get(f"{path}?first=9")
    assert (beyond["items"], beyond["first"]) == ([], 9)
    assert (whole["complete"], whole["trimmed"]) == (False, False)


async def test_lines_of_a_jobs_tasks_come_in_the_order_of_their_parts(api: Api, task: Task) -> None:
    other = await api.add_task(task.job_id, id="t2", position=2)
    await add(api, task, 1, "mine, ")
    await add(api, other, 2, "other\n")
    await add(api, task, 2, "whole\n", continues=True)
    await add(api, task, 3, "last\n")
    answer = await api.get(f"/jobs/{task.job_id}/log/lines")
    assert shown(answer) == [(1, "mine, whole"), (2, "other"), (3, "last")]
    assert [(line["taskId"], line["taskLine"]) for line in answer["items"]] == [
        *((task.id, 1), ("t2", 1), (task.id, 2))
    ]


async def test_a_log_whose_beginning_was_deleted_says_so(api: Api, task: Task) -> None:
    await add(api, task, 2, "second\n")
    answer = await api.get(f"/tasks/{task.id}/log/lines")
    assert (answer["trimmed"], shown(answer)) == (True, [(1, "second")])


async def test_a_long_line_is_cut_and_of_a_progress_bar_the_newest_is_shown(
    api: Api, task: Task
) -> None:
    await add(api, task, 1, "x" * 65_536)
    await add(api, task, 2, "y\n" + "\r10 %" * 10_000, continues=True)
    await add(api, task, 3, "\r20 %" * 5_000 + "\r30 %", continues=True)
    long, bar = (await api.get(f"/tasks/{task.id}/log/lines"))["items"]
    assert (len(long["text"]), long["truncated"]) == (65_536, True)
    assert bar["text"].endswith("30 %")
    assert "truncated" not in bar


MATCHES = {
    "q=two": [2],
    "q=TWO": [2],
    "q=TWO&case=true": [],
    "q=%5Et.o$&regex=true": [2],
    "q=GR%C3%96%C3%9FE": [4],
    "q=e": [1, 3, 4],
}


@pytest.mark.parametrize("query", MATCHES)
@pytest.mark.parametrize("kind", ["jobs", "tasks"])
async def test_lines_that_hold_a_text_are_found_by_their_place(
    api: Api, task: Task, query: str, kind: str
) -> None:
    await add(api, task, 1, "one\ntwo\nth")
    await add(api, task, 2, "ree\ndie größe\n", continues=True)
    id_ = task.job_id if kind == "jobs" else task.id
    answer = await api.get(f"/{kind}/{id_}/log/matches?{query}")
    assert answer == {"numbers": MATCHES[query], "more": False}


async def test_a_broken_pattern_is_refused(api: Api, task: Task) -> None:
    async with api.client.get(f"/tasks/{task.id}/log/matches?q=(&regex=true") as response:
        assert response.status == 400
        assert "is not a regular expression" in (await response.json())["message"]


async def test_patterns_that_take_for_ever_leave_the_api_to_others(api: Api, task: Task) -> None:
    await add(api, task, 1, f"{'a' * 78} \n" * 1000)
    endless = "%5Ea" + "(a%2B)" * 6 + "%5C1%5C2%5C3%5C4%5C5%5C6 "  # 77 is odd
    path = f"/tasks/{task.id}/log/matches?regex=true&q={endless}"
    async with asyncio.TaskGroup() as group:
        found = [group.create_task(api.raw("GET", path)) for _ in range(20)]
        await asyncio.wait(found, return_when=asyncio.FIRST_COMPLETED)
        assert (await api.raw("GET", "/jobs")).status == 200
    answers = [answer.result() for answer in found]
    assert {answer.status for answer in answers} == {400, 503}
    refused = [await answer.text() for answer in answers if answer.status == 400]
    assert "takes longer than 5 s" in refused[0]


async def test_a_log_is_downloaded_as_a_text(api: Api, task: Task) -> None:
    other = await api.add_task(task.job_id, {"name": "b"}, id="t2", position=2)
    await add(api, task, 1, "mine, ")
    await add(api, other, 1, "no line break")
    await add(api, task, 2, "whole\n", continues=True)
    path = f"/jobs/{task.job_id}/log?format=text"
    async with api.client.get(path) as response:
        assert response.headers["Content-Disposition"].startswith("attachment; filename=")
        assert await response.text() == "no line break\nmine, whole\n"
    async with api.client.get(f"{path}&names=true&timestamps=true") as response:
        assert await response.text() == (
            "2026-01-01T12:00:01.000+00:00 b | no line break\n"
            "2026-01-01T12:00:02.000+00:00 a | mine, whole\n"
        )


async def test_events_begin_after_the_place_that_the_lines_tell(api: Api, task: Task) -> None:
    await add(api, task, 1, "old\n")
    cursor = (await api.get(f"/jobs/{task.job_id}/log/lines"))["cursor"]
    path = f"/jobs/{task.job_id}/events?types=log&after={cursor}"
    async with api.client.get(path) as response:
        await add(api, task, 2, "new\n")
        while b"data:" not in (line := await response.content.readline()):
            pass
        assert b"new" in line
