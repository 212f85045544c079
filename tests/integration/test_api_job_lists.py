"""GET /jobs: pages, search and filters; and finding one job by what people call it."""

from collections.abc import AsyncIterator

import pytest

from tests.support.http.api import Api, api_on
from tests.support.jobs.definitions import HELLO


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def test_jobs_are_listed_newest_first_in_pages(api: Api) -> None:
    for number in range(5):
        await api.submit(HELLO.replace("name: hello", f"name: job {number}", 1))
    page = await api.get("/jobs?page=2&size=2")
    assert [job["name"] for job in page.pop("items")] == ["job 2", "job 1"]
    assert page == {"number": 2, "size": 2, "totalPages": 3, "totalItems": 5}


async def test_a_page_out_of_range_is_brought_back(api: Api) -> None:
    await api.submit(HELLO)
    assert (await api.get("/jobs?page=0&size=1000"))["size"] == 1
    assert (await api.get("/jobs?page=-3&size=0"))["number"] == 1
    assert (await api.get("/jobs?page=99"))["items"] == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("page=x", 'page: "x" is not allowed: must be a whole number'),
        ("size=1.5", 'size: "1.5" is not allowed: must be a whole number'),
        ("q=%00", 'q: "\\u0000" is not allowed: must not hold NUL characters'),
        (
            "q=" + 1001 * "a",
            f'q: "{59 * "a"}… is not allowed: must have at most 1000 characters',
        ),
    ],
)
async def test_a_wrong_parameter_is_refused_with_the_rule(
    api: Api, query: str, message: str
) -> None:
    assert await api.answer("GET", f"/jobs?{query}") == (400, {"message": message})


async def test_an_empty_parameter_is_one_that_is_not_given(api: Api) -> None:
    page = await api.get("/jobs?page=&size=&q=")
    assert (page["number"], page["size"], page["totalPages"]) == (1, 0, 0)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("video", {"convert video", "upload"}),
        ("convert VIDEO", {"convert video"}),
        ("failed", {"upload", "failed things"}),
        ("running", {"convert video"}),
        ("running video", {"convert video"}),
        ("completed video", set()),
        ("tag:media", {"convert video", "failed things"}),
        ("tags:media,net", {"convert video", "upload", "failed things"}),
        ("video tag:net", {"upload"}),
        ("media", {"convert video", "failed things"}),
        ("nothing", set()),
        ("!!", set()),
        ("", {"convert video", "upload", "failed things"}),
    ],
)
async def test_search_finds_words_states_and_tags(api: Api, query: str, names: set[str]) -> None:
    task = "tasks: [{name: t}]"
    first = await api.submit(f"name: convert video\ntags: [media]\n{task}")
    second = await api.submit(f"name: upload\ndescription: of a video\ntags: [net]\n{task}")
    await api.submit(f"name: failed things\ntags: [media]\n{task}")
    await api.set_job(first["id"], state="RUNNING")
    await api.set_job(second["id"], state="FAILED", error="x")
    page = await api.get("/jobs", params={"q": query})
    assert {job["name"] for job in page["items"]} == names
    assert page["totalItems"] == len(names)


@pytest.mark.parametrize(
    "query",
    [
        *("build", "builds", "run", "video", "transcode", "order", "pipel", "trans", "weekly run"),
        *("v1.2.3", "v1.2", "2.3-rc1", "file.txt", "path/to/file.txt", "example.com"),
        *("a@example.com", "the builds", "tagged", "big-tag", "state:pending", "tag:big-tagged"),
        *("name:builds", 'name:"running builds"', "by:guest", "since:1h", "before:2100-01-01"),
    ],
)
async def test_search_knows_word_forms_parts_of_names_beginnings_and_filters(
    api: Api, query: str
) -> None:
    await api.submit(
        "name: Running builds weekly\ntags: [big-tagged]\ntasks: [{name: t}]\n"
        "description: transcoding videos of orders in pipelines, v1.2.3-rc1 path/to/file.txt"
        " for a@example.com\n"
    )
    await api.submit("name: other\ntasks: [{name: t}]\ndescription: v1 2x3 file of txt")
    page = await api.get("/jobs", params={"q": query})
    assert "Running builds weekly" in {job["name"] for job in page["items"]}
    is_a_filter = query.startswith(("state", "by", "since", "before"))
    assert page["totalItems"] == (2 if is_a_filter else 1)


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"state": "running,failed"}, ["one"]),
        ({"name": "two"}, ["two"]),
        ({"tag": "x", "by": "guest"}, ["two"]),
        ({"by": "ann"}, []),
        ({"since": "1h", "q": "one"}, ["one"]),
        ({"before": "1h"}, []),
        ({"name": "x"}, []),
    ],
)
async def test_filters_are_parameters_too(
    api: Api, parameters: dict[str, str], found: list[str]
) -> None:
    one = await api.submit("name: one\ntasks: [{name: t}]")
    await api.submit("name: two\ntags: [x]\ntasks: [{name: t}]")
    await api.set_job(one["id"], state="RUNNING")
    page = await api.get("/jobs", params=parameters)
    assert [job["name"] for job in page["items"]] == found


async def test_a_filter_that_can_not_be_read_is_a_400(api: Api) -> None:
    for parameters in {"q": "state:gone"}, {"since": "yesterday"}:
        status, answer = await api.answer("GET", "/jobs", params=parameters)
        assert status == 400
        assert "is not allowed: must be" in answer["message"]


async def test_a_job_is_found_by_its_id_the_beginning_of_it_or_its_name(api: Api) -> None:
    first = await api.submit(HELLO)
    await api.submit(HELLO.replace("name: hello", "name: night / one"))
    for text in (first["id"], first["id"][:4], "hello"):
        assert (await api.get(f"/jobs/{text}/summary"))["id"] == first["id"]
    assert (await api.get("/jobs/night%20%2F%20one/summary"))["name"] == "night / one"
    for text in (first["id"][:3], "HELLO", "zzzz", "%25"):
        assert (await api.answer("GET", f"/jobs/{text}/summary"))[0] == 404


async def test_a_name_that_several_jobs_have_is_answered_with_their_ids(api: Api) -> None:
    ids = [(await api.submit(HELLO))["id"] for _ in range(7)]
    status, answer = await api.answer("GET", "/jobs/hello/summary")
    assert status == 409
    assert answer["message"].startswith("several jobs match 'hello': ")
    assert sum(id_ in answer["message"] for id_ in ids) == 5
