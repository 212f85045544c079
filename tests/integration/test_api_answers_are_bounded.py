"""However big inputs, results and logs are, a list and a whole job stay small."""

import json

import pytest

from tests.support.http.api import api_on

pytestmark = pytest.mark.real

JSON = {"Content-Type": "application/json"}
LONG = "x" * 400_000  # compressed to some kilobytes in the table
MIXED = json.dumps(list(range(3000)))  # not so well


@pytest.mark.parametrize("text", [LONG, "x" * 9000, MIXED], ids=["long", "rather long", "mixed"])
async def test_a_list_leaves_out_what_is_long_and_says_so(postgres_dsn: str, text: str) -> None:
    async with api_on(postgres_dsn) as api:
        job = {"name": "big", "inputs": {"a": text}, "tasks": [{"name": "t", "run": "true"}]}
        status, made = await api.answer("POST", "/jobs", data=json.dumps(job), headers=JSON)
        assert (status, made["inputs"]) == (200, {"a": text})
        await api.set_job(made["id"], state="COMPLETED", result=text)
        for path in ("/jobs", "/jobs?q=big"):
            [listed] = (await api.get(path))["items"]
            assert listed["omitted"] == ["inputs", "result"]
            assert not {"inputs", "result"} & listed.keys()
        whole = await api.get(f"/jobs/{made['id']}")
        assert (whole["inputs"], whole["result"]) == ({"a": text}, text)
        assert "omitted" not in whole


async def test_a_list_of_usual_jobs_leaves_out_nothing(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn) as api:
        job = await api.submit("name: x\ninputs: {a: b}\ntasks: [{name: t}]")
        await api.set_job(job["id"], state="COMPLETED", result="r" * 8000)
        [listed] = (await api.get("/jobs"))["items"]
        assert (listed["inputs"], listed["result"]) == ({"a": "b"}, "r" * 8000)
        assert "omitted" not in listed


async def test_a_whole_job_leaves_out_what_is_long_of_its_tasks(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn) as api:
        job = await api.submit("name: x\ntasks: [{name: t}]")
        definition = {"name": "t", "env": {"A": MIXED}}
        await api.add_task(job["id"], definition, id="t1", result=LONG)
        await api.add_task(job["id"], id="t2", result="short")
        many = {"name": "t", "run": "true", "sources": [{"inline": MIXED, "target": "a"}]}
        await api.add_task(job["id"], many, id="t3")
        await api.set_variable(job["id"], "long", LONG)
        await api.set_variable(job["id"], "short", "s")
        whole = await api.get(f"/jobs/{job['id']}")
        long, short, taker = sorted(whole["execution"], key=lambda task: task["id"])
        assert long["omitted"] == ["result", "definition"]
        assert not {"result", "env"} & long.keys()
        assert (short["result"], "omitted" in short) == ("short", False)
        assert (taker["run"], taker["omitted"], "sources" in taker) == ("true", ["sources"], False)
        assert whole["context"]["tasks"] == {"short": "s"}
        task = await api.get("/tasks/t1")
        assert (task["result"], task["env"], "omitted" in task) == (LONG, {"A": MIXED}, False)


async def test_a_list_of_schedules_leaves_out_long_inputs(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn) as api:
        job = {"name": "x", "inputs": {"a": LONG}, "tasks": [{"name": "t"}]}
        body = json.dumps(job | {"schedule": {"cron": "0 * * * *"}})
        status, made = await api.answer("POST", "/scheduled-jobs", data=body, headers=JSON)
        assert status == 200, made
        [listed] = (await api.get("/scheduled-jobs"))["items"]
        assert "inputs" not in listed
        assert (await api.get(f"/scheduled-jobs/{made['id']}"))["inputs"] == {"a": LONG}
