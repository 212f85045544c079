"""GET /jobs: pages, search and filters; and finding one job by what people call it."""

from collections.abc import AsyncIterator

import pytest

from services.coordinator.store import job_counts
from shared.lifecycle import JobState
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
    assert page.pop("next").endswith(f",{(await api.get('/jobs?page=4&size=1'))['items'][0]['id']}")
    assert page == {"number": 2, "size": 2, "totalPages": 3, "totalItems": 5}


@pytest.mark.parametrize("search", ["", "&q=job", "&state=pending"])
async def test_what_follows_a_job_is_listed_while_jobs_come_and_go(api: Api, search: str) -> None:
    async def submit(name: str) -> str:
        job = await api.submit(HELLO.replace("name: hello", f"name: {name}", 1))
        await api.set_job(job["id"], state="PENDING")
        return str(job["id"])

    ids = [await submit(f"job {number}") for number in range(5)]
    page = await api.get(f"/jobs?size=2{search}")
    assert [job["id"] for job in page["items"]] == [ids[4], ids[3]]
    # When one comes and the last of the page goes
    newest = await submit("job that came later")
    await api.set_job(ids[3], state="COMPLETED")
    await api.raw("DELETE", f"/jobs/{ids[3]}")
    # I expect what followed it, and the end
    page = await api.get(f"/jobs?size=2&after={page['next']}{search}")
    assert [job["id"] for job in page["items"]] == [ids[2], ids[1]]
    page = await api.get(f"/jobs?size=2&after={page['next']}{search}")
    assert [job["id"] for job in page["items"]] == [ids[0]]
    assert "next" not in page
    # And the same from the oldest on
    page = await api.get(f"/jobs?size=3&order=oldest{search}")
    assert [job["id"] for job in page["items"]] == [ids[0], ids[1], ids[2]]
    page = await api.get(f"/jobs?size=3&order=oldest&after={page['next']}{search}")
    assert [job["id"] for job in page["items"]] == [ids[4], newest]


async def test_what_follows_a_job_that_waits_is_listed(api: Api) -> None:
    ids = [(await api.submit(HELLO))["id"] for _ in range(3)]
    for job_id in ids:
        await api.add_task(job_id, {"name": "a", "run": "true"}, id=f"task of {job_id}")
    page = await api.get("/jobs?q=waiting&size=2")
    rest = await api.get(f"/jobs?q=waiting&size=2&after={page['next']}")
    assert [job["id"] for job in (*page["items"], *rest["items"])] == ids[::-1]


async def test_the_queue_lists_what_is_not_started_by_priority_and_age(api: Api) -> None:
    ids = [(await api.submit(HELLO))["id"] for _ in range(7)]
    first, urgent, last, running, held, locked, over = ids
    for job_id, priority in ((first, 1), (urgent, 9), (last, 1)):
        await api.set_job(job_id, state="SCHEDULED")
        await api.add_task(job_id, {"name": "a"}, id=f"task of {job_id}")
        await api.pool.execute("UPDATE tasks SET priority = $2 WHERE job_id = $1", job_id, priority)
    await api.set_job(running, state="RUNNING")
    await api.set_job(over, state="FAILED")
    await api.pool.execute("UPDATE jobs SET started_at = NULL WHERE state = 'SCHEDULED'")
    await api.pool.execute("UPDATE jobs SET is_held = true WHERE id = $1", held)
    lock = {"by": None, "key": "k", "at": "2026-01-01T00:00:00Z"}
    until = {"expires_at": "2999-01-01T00:00:00Z"}
    await api.pool.execute("UPDATE jobs SET lock = $2 WHERE id = $1", locked, lock | until)
    page = await api.get("/jobs/queue?size=2")
    assert [job["id"] for job in page["items"]] == [urgent, first]
    assert (page["totalItems"], "next" in page) == (3, False)
    rest = await api.get("/jobs/queue?size=2&page=2")
    assert [job["id"] for job in rest["items"]] == [last]
    assert (await api.get("/jobs/queue?q=nothing"))["items"] == []
    assert await api.get("/jobs/queue/size") == {"size": 3, "most": 10_000}
    # When the lock has expired, I expect the job in the queue, behind what is older
    await api.pool.execute(
        "UPDATE jobs SET lock = $2 WHERE id = $1", locked, lock | {"expires_at": lock["at"]}
    )
    page = await api.get("/jobs/queue")
    assert [job["id"] for job in page["items"]] == [urgent, first, last, locked]
    shown = await api.get(f"/jobs/{over}")
    assert (shown["success"], shown["endedAt"]) == (False, shown["failedAt"])
    shown = await api.get(f"/jobs/{running}")
    assert (shown["running"], "success" in shown) == (True, False)


async def test_a_page_out_of_range_is_brought_back(api: Api) -> None:
    await api.submit(HELLO)
    assert (await api.get("/jobs?page=0&size=1000"))["size"] == 1
    assert (await api.get("/jobs?page=-3&size=0"))["number"] == 1
    assert (await api.get("/jobs?page=99"))["items"] == []


async def test_a_page_has_up_to_a_hundred_jobs(api: Api) -> None:
    for _ in range(21):
        await api.submit(HELLO)
    assert (await api.get("/jobs?size=100"))["size"] == 21


async def test_jobs_are_counted_by_state_as_they_are_searched_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, state in enumerate(("FAILED", "FAILED", "FAILED", "RUNNING", "PENDING")):
        job = await api.submit(f"name: job {number}\ntags: [t{number % 2}]\ntasks: [{{name: a}}]")
        await api.set_job(job["id"], state=state, **({"error": "x"} if state == "FAILED" else {}))
    none = dict.fromkeys((state.value for state in JobState), 0)
    all_states = none | {"FAILED": 3, "RUNNING": 1, "PENDING": 1}
    expected: dict[str, dict[str, int]] = {
        "": all_states,
        "?q=job": all_states,
        "?tag=t0": none | {"FAILED": 2, "PENDING": 1},
        "?q=state:running,failed": none | {"FAILED": 3, "RUNNING": 1},
        "?q=nothing": none,
    }
    for query, states in expected.items():
        assert await api.get(f"/jobs/counts{query}") == {"states": states, "most": 10_000}
    # When a search finds more than are counted I expect each state up to the limit
    monkeypatch.setattr(job_counts, "MOST", 2)
    for query, states in expected.items():
        capped = {state: min(count, 2) for state, count in states.items()}
        assert await api.get(f"/jobs/counts{query}") == {"states": capped, "most": 2}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("page=x", 'page: "x" is not allowed: must be a whole number'),
        ("size=1.5", 'size: "1.5" is not allowed: must be a whole number'),
        (
            "after=x",
            'after: "x" is not allowed: must be the createdAt and the id of a job, '
            "with a comma, as next of a page has them",
        ),
        ("order=name", 'order: "name" is not allowed: must be newest or oldest'),
        ("q=waiting&order=oldest", "order: jobs that wait are listed newest first, not oldest"),
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
