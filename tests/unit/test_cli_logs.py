"""`conveyor logs`: whole lines, each once, from the beginning."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from cli.follow.patience import Patience
from tests.support.http.command_line import run_command
from tests.support.http.fake_api import FakeApi, OneByOne, fake_api, page, text_stream

NO_ADDRESS = "http://127.0.0.1:1"


def part(number: int, contents: str, task: str = "t1") -> dict[str, Any]:
    return {"id": f"{task}{number}", "taskId": task, "number": number, "contents": contents}


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with fake_api() as fake:
        yield fake


async def test_the_log_is_printed_from_its_beginning_over_all_pages(api: FakeApi) -> None:
    newest, older = [part(3, "d"), part(2, "b\nc\n")], [part(1, "a"), part(1, "x\n", "t2")]
    api.answers["GET /jobs/j1/log"] = OneByOne(page(newest), page(older), page([]))
    result = await run_command(api.url, "logs", "j1")
    assert result.stdout.splitlines() == ["x", "ab", "c", "d"]


async def test_a_last_line_without_an_end_comes_before_what_the_next_task_says(
    api: FakeApi,
) -> None:
    parts = [part(1, "b\n", "t2"), part(2, "end"), part(1, "no ")]
    api.answers["GET /jobs/j1/log"] = OneByOne(page(parts), page([]))
    result = await run_command(api.url, "logs", "j1")
    assert result.stdout.splitlines() == ["no end", "b"]


@pytest.mark.parametrize(("state", "printed"), [("COMPLETED", "a b"), ("RUNNING", "a")])
async def test_a_part_that_is_on_its_way_is_waited_for_once_the_job_has_ended(
    api: FakeApi, state: str, printed: str
) -> None:
    parts = [part(2, "b\n"), part(1, "a\n")]
    api.answers["GET /jobs/j1"] = {"id": "j1", "name": "x", "state": state}
    api.answers["GET /jobs/j1/log"] = OneByOne(
        page(parts[1:], complete=False), page([]), page(parts, complete=True), page([])
    )
    result = await run_command(api.url, "logs", "j1")
    assert result.stdout.split() == printed.split()


async def test_json_is_a_part_a_line(api: FakeApi) -> None:
    parts = [part(2, "b\n"), part(1, "a\n")]
    api.answers["GET /tasks/t1/log"] = OneByOne(page(parts), page([]))
    result = await run_command(api.url, "logs", "--task", "t1", "--json")
    assert [json.loads(line) for line in result.stdout.splitlines()] == parts[::-1]


async def test_following_goes_on_where_a_lost_connection_ended(api: FakeApi) -> None:
    async def broken(request: Any) -> Any:
        response = await text_stream("one\n", "two\n")(request)
        request.transport.close()
        return response

    api.answers["GET /jobs/j1/log"] = OneByOne(broken, text_stream("one\ntwo\nthree\n"))
    result = await run_command(api.url, "logs", "-f", "j1")
    assert result.stdout.splitlines() == ["one", "two", "three"]
    assert api.asked_for("GET /jobs/j1/log")[0].query == {"follow": "true"}


async def test_a_server_that_was_never_there_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def wait(*_: object) -> None:
        raise AssertionError("it waits")

    monkeypatch.setattr(Patience, "bear", wait)
    result = await run_command(NO_ADDRESS, "logs", "-f", "j1")
    assert result.exit_code == 3
    assert f"can't reach {NO_ADDRESS}" in result.stderr


async def test_a_server_that_can_not_follow_is_polled(api: FakeApi) -> None:
    def log_of(*parts: Any) -> Any:
        return page(parts[::-1])

    first, second = part(1, "one\n"), part(2, "two")
    api.answers["GET /jobs/j1/log"] = OneByOne(
        log_of(), log_of(first), page([]), log_of(first, second)
    )
    api.answers["GET /jobs/j1"] = {"id": "j1", "name": "x", "state": "COMPLETED"}
    result = await run_command(api.url, "logs", "-f", "j1")
    assert result.stdout.splitlines() == ["one", "two"]


async def test_neither_job_nor_task_is_a_usage_error(api: FakeApi) -> None:
    assert (await run_command(api.url, "logs")).exit_code == 2


def timed(number: int, contents: str, minute: int) -> dict[str, Any]:
    return part(number, contents) | {"createdAt": f"2024-05-01T12:{minute:02}:00.123Z"}


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (("--tail", "3"), ["three", "four", "five"]),
        (("-n", "1", "--search", "O"), ["four"]),
        (("--search", "T"), ["two", "three"]),
        (("--since", "2024-05-01T12:02:00+00:00"), ["ee", "four", "five"]),
        (("-t", "-n", "2"), ["2024-05-01T12:02:00Z four", "2024-05-01T12:03:00Z five"]),
        (("-f", "--tail", "2"), ["four", "five"]),
    ],
)
async def test_a_part_of_the_log_is_printed(
    api: FakeApi, options: tuple[str, ...], lines: list[str]
) -> None:
    parts = [timed(3, "ee\nfour\nfi", 2), timed(2, "o\nthr", 1), timed(1, "one\ntw", 0)]
    api.answers["GET /jobs/j1/log"] = by_page([[timed(4, "ve\n", 3)], parts[:1], parts[1:]])
    api.answers["GET /jobs/j1"] = {"id": "j1", "name": "x", "state": "COMPLETED"}
    result = await run_command(api.url, "logs", "j1", *options)
    assert result.stdout.splitlines() == lines


def by_page(pages: list[list[dict[str, Any]]]) -> Any:
    async def answer(request: Any) -> Any:
        number = int(request.query.get("page", 1))
        return web.json_response(page(pages[number - 1] if number <= len(pages) else []))

    return answer


async def test_only_as_much_is_read_as_the_last_lines_need(api: FakeApi) -> None:
    pages = [[timed(number, "a\nb\nc\n", 0)] for number in range(9, 0, -1)]
    api.answers["GET /jobs/j1/log"] = by_page(pages)
    result = await run_command(api.url, "logs", "j1", "--tail", "4")
    assert result.stdout.splitlines() == ["c", "a", "b", "c"]
    assert len(api.asked_for("GET /jobs/j1/log")) == 2


async def test_a_task_of_a_job_is_named(api: FakeApi) -> None:
    tasks = [
        {"id": "t1", "name": "build", "createdAt": "1", "state": "FAILED", "position": 1},
        {"id": "t2", "name": "build", "createdAt": "2", "state": "RUNNING", "position": 1},
    ]
    api.answers["GET /jobs/j1"] = {"id": "j1", "name": "x", "execution": tasks}
    api.answers["GET /tasks/t2/log"] = by_page([[part(1, "hello", "t2")]])
    result = await run_command(api.url, "logs", "j1", "--task", "build")
    assert result.stdout == "hello\n"
    unknown = await run_command(api.url, "logs", "j1", "--task", "deploy")
    assert "no task of this job has the id or name 'deploy'" in unknown.stderr
