"""Logs over HTTP: pages, newest part first."""

from collections.abc import AsyncIterator

import pytest

from tests.support.http.api import Api, api_on

pytestmark = pytest.mark.real


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


@pytest.fixture
async def job_id(api: Api) -> str:
    """A job with two tasks: three parts of a log and one."""
    job = await api.submit("name: x\ntasks: [{name: a}, {name: b}]")
    first = await api.add_task(job["id"], id="t1")
    second = await api.add_task(job["id"], id="t2", position=2)
    await api.add_log(first, "one", "Two", "three")
    await api.add_log(second, "four")
    return str(job["id"])


async def test_a_task_log_comes_in_pages_newest_part_first(api: Api, job_id: str) -> None:
    page = await api.get("/tasks/t1/log?size=2")
    parts = page.pop("items")
    assert [part["contents"] for part in parts] == ["three", "Two"]
    assert page == {"number": 1, "size": 2, "totalPages": 2, "totalItems": 3, "complete": False}
    assert len(parts[0].pop("id")) == 32
    assert parts[0] == {
        "number": 3,
        "taskId": "t1",
        "contents": "three",
        "createdAt": "2024-05-01T12:00:03Z",
    }
    assert [p["contents"] for p in (await api.get("/tasks/t1/log?size=2&page=2"))["items"]] == [
        "one"
    ]


async def test_a_job_log_holds_the_parts_of_all_its_tasks(api: Api, job_id: str) -> None:
    page = await api.get(f"/jobs/{job_id}/log")
    assert {part["contents"] for part in page["items"]} == {"one", "Two", "three", "four"}
    assert page["items"][0]["contents"] == "three"
    assert (page["size"], page["totalItems"]) == (4, 4)


@pytest.mark.parametrize(
    ("text", "found"), [("two", ["Two"]), ("O", ["Two", "one"]), ("%", []), ("", None)]
)
async def test_a_log_can_be_searched(
    api: Api, job_id: str, text: str, found: list[str] | None
) -> None:
    page = await api.get("/tasks/t1/log", params={"q": text})
    contents = [part["contents"] for part in page["items"]]
    assert contents == (["three", "Two", "one"] if found is None else found)
    assert page["totalItems"] == len(contents)


async def test_a_job_without_a_log_has_an_empty_page(api: Api) -> None:
    job = await api.submit("name: x\ntasks: [{name: a}]")
    page = await api.get(f"/jobs/{job['id']}/log?size=1000")
    assert page.pop("complete") is False
    assert page == {"number": 1, "size": 0, "totalPages": 0, "items": [], "totalItems": 0}
