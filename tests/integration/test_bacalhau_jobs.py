"""Bacalhau's API of jobs: what is submitted, listed, shown, and refused."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from services.coordinator.api.bacalhau.job_views import EXECUTION_STATES, Desired, Observed
from shared.lifecycle import TaskState
from tests.support.bacalhau_clients.jobs import (
    JOBS,
    add_execution,
    batch_job,
    happens,
    own_id,
    put,
)
from tests.support.http.api import Api, api_on

pytestmark = pytest.mark.real


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def test_a_job_is_shown_as_it_was_submitted_with_what_the_server_adds(api: Api) -> None:
    submitted = batch_job("one", Labels={"env": "prod"}, Meta={"who": "ann"}, Count=3)
    status, answer = await api.answer("PUT", JOBS, json={"Job": submitted})
    assert status == 200
    assert set(answer) == {"JobID", "EvaluationID", "Warnings"}
    job = (await api.get(f"{JOBS}/one"))["Job"]
    assert {name: job[name] for name in ("Name", "Labels", "Meta", "Count")} == {
        "Name": "one", "Labels": {"env": "prod"}, "Meta": {"who": "ann"}, "Count": 3,
    }  # fmt: skip
    assert (job["ID"], job["Namespace"], job["Version"]) == (answer["JobID"], "default", 1)
    assert job["State"] == {"StateType": "Pending", "Message": "", "Details": {}}
    assert job["CreateTime"] <= job["ModifyTime"]
    ours = await api.get(f"/jobs/{own_id(answer['JobID'])}")
    assert ours["name"] == "one"


async def test_a_job_without_a_name_is_called_by_its_id(api: Api) -> None:
    job_id = await put(api, batch_job())
    assert (await api.get(f"{JOBS}/{job_id}"))["Job"]["Name"] == job_id


async def test_names_on_the_wire_are_of_any_case(api: Api) -> None:
    body = {"job": {"name": "lower", "type": "batch", "tasks": batch_job()["Tasks"]}}
    assert (await api.answer("POST", JOBS, json=body))[0] == 200
    assert (await api.get(f"{JOBS}/lower"))["Job"]["Type"] == "batch"


@pytest.mark.parametrize("form", [lambda i: i, lambda i: i[:10], lambda i: i[2:10], own_id])
async def test_a_job_is_found_by_what_begins_its_id(api: Api, form: Any) -> None:
    job_id = await put(api, batch_job("named"))
    assert (await api.get(f"{JOBS}/{form(job_id)}"))["Job"]["Name"] == "named"


async def test_names_belong_to_their_namespace(api: Api) -> None:
    here, there = await put(api, batch_job("x")), await put(api, batch_job("x", Namespace="n"))
    assert here != there
    for query, found in (("", here), ("?namespace=n", there), ("?namespace=default", here)):
        assert (await api.get(f"{JOBS}/x{query}"))["Job"]["ID"] == found
    assert (await api.answer("GET", f"{JOBS}/{here}?namespace=n"))[0] == 404
    assert (await api.get(f"{JOBS}/{there}"))["Job"]["Namespace"] == "n"
    for query, count in (("", 2), ("?namespace=*", 2), ("?namespace=n", 1)):
        assert len((await api.get(f"{JOBS}{query}"))["Items"]) == count


async def test_an_ambiguous_beginning_is_a_conflict(api: Api) -> None:
    ids = [await put(api, batch_job()) for _ in range(2)]
    async with api.pool.acquire() as connection:
        await connection.execute("SET session_replication_role = replica")
        for number, job_id in enumerate(ids):
            new = f"abcdef{number:026}"
            for table, column in (("jobs", "id"), ("job_identities", "job_id"),
                                  ("job_versions", "job_id")):  # fmt: skip
                text = f"UPDATE {table} SET {column} = $2 WHERE {column} = $1"
                await connection.execute(text, own_id(job_id), new)
        await connection.execute("SET session_replication_role = origin")
    status, answer = await api.answer("GET", f"{JOBS}/j-abcdef")
    assert (status, answer["Code"], answer["Hint"]) == (409, "ResourceInUse", "Use full job ID")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["a", "b", "c"]),
        ({"reverse": "true"}, ["c", "b", "a"]),
        ({"order_by": "modified_at", "reverse": "True"}, ["c", "b", "a"]),
        ({"labels": "env=prod"}, ["a", "b"]),
        ({"labels": "env!=prod"}, ["c"]),
        ({"labels": "env in (prod,x),!gpu"}, ["a"]),
        ({"labels": "gpu"}, ["b"]),
        ({"labels": "cores>8"}, ["b"]),
        ({"labels": "cores<8"}, ["a"]),
        ({"labels": "env notin (prod)"}, ["c"]),
        ({"name": "b"}, ["b"]),
        ({"state": "completed"}, ["c"]),
        ({"state": "Running,queued"}, ["a", "b"]),
        ({"since": "1h"}, ["a", "b", "c"]),
        ({"before": "1h"}, []),
        ({"limit": "2"}, ["a", "b"]),
    ],
)
async def test_lists_are_filtered_and_ordered(
    api: Api, query: Mapping[str, str], found: list[str]
) -> None:
    a = await put(api, batch_job("a", Labels={"env": "prod", "cores": "4"}))
    b = await put(api, batch_job("b", Labels={"env": "prod", "gpu": "a100", "cores": "16"}))
    c = await put(api, batch_job("c"))
    await add_execution(api, a, "RUNNING")
    await add_execution(api, b, "PENDING")
    await api.set_job(own_id(c), state="COMPLETED")
    assert [job["Name"] for job in (await api.get(JOBS, params=query))["Items"]] == found


@pytest.mark.parametrize("reverse", ["", "true"])
async def test_pages_follow_each_other_though_jobs_come_between(api: Api, reverse: str) -> None:
    for name in "abcde":
        await put(api, batch_job(name))
    found, token = [], ""
    while True:
        asked = {"limit": "2", "next_token": token, "reverse": reverse}
        page = await api.get(JOBS, params={k: v for k, v in asked.items() if v})
        found += [job["Name"] for job in page["Items"]]
        await put(api, batch_job())
        if not (token := page["NextToken"]) or len(found) > 5:
            break
    expected = list("edcba" if reverse else "abcde")
    assert found[: len(expected)] == expected
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("executions", "state"),
    [
        ([], "Pending"),
        (["PENDING"], "Queued"),
        (["SCHEDULED"], "Running"),
        (["RUNNING", "PENDING"], "Running"),
        (["FAILED", "PENDING"], "Queued"),
    ],
)
async def test_the_state_of_a_job_is_what_its_executions_do(
    api: Api, executions: list[str], state: str
) -> None:
    job_id = await put(api, batch_job())
    for index, one in enumerate(executions):
        await add_execution(api, job_id, one, index)
    shown = (await api.get(f"{JOBS}/{job_id}"))["Job"]["State"]
    assert shown["StateType"] == state
    assert bool(shown["Message"]) == (state == "Queued")
    assert [job["State"] for job in (await api.get(JOBS))["Items"]] == [shown]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("COMPLETED", "Completed"), ("FAILED", "Failed"), ("CANCELLED", "Stopped")],
)
async def test_a_job_that_has_ended_says_how(api: Api, ours: str, theirs: str) -> None:
    job_id = await put(api, batch_job())
    await api.set_job(own_id(job_id), state=ours, error="why" if ours == "FAILED" else None)
    state = (await api.get(f"{JOBS}/{job_id}"))["Job"]["State"]
    assert (state["StateType"], state["Message"]) == (theirs, "why" if ours == "FAILED" else "")


def test_every_state_of_an_execution_has_its_name() -> None:
    assert set(EXECUTION_STATES) == set(TaskState)


async def test_executions_are_shown_with_what_they_wrote(api: Api) -> None:
    job_id = await put(api, batch_job("x", Count=2))
    failed = await add_execution(api, job_id, "FAILED", 1, exit_code=3)
    await api.add_log(failed, "oh no\n" + "h" * 3000, stderr=[(1, 1)])
    await add_execution(api, job_id, "RUNNING", 0)
    page = await api.get(f"{JOBS}/x/executions", params={"order_by": "created_at"})
    by_index = {one["PartitionIndex"]: one for one in page["Items"]}
    assert by_index[0]["ComputeState"]["StateType"] == Observed.RUNNING
    assert by_index[0]["DesiredState"]["StateType"] == Desired.RUNNING
    assert by_index[1]["ComputeState"] == {"StateType": 10, "Message": "it broke"}
    output = by_index[1]["RunOutput"]
    assert (output["ExitCode"], len(output["Stdout"]), output["StdoutTruncated"]) == (3, 2048, True)
    assert (output["stderr"], output["StderrTruncated"]) == ("oh no\n", False)
    assert by_index[1]["JobID"] == job_id
    whole = await api.get(f"{JOBS}/x?include=executions&limit=1")
    assert len(whole["Executions"]["Items"]) == 1
    paged = await api.get(f"{JOBS}/x/executions?limit=1")
    rest = await api.get(f"{JOBS}/x/executions?limit=1&next_token={paged['NextToken']}")
    assert rest["Items"][0]["ID"] != paged["Items"][0]["ID"]
    assert rest["NextToken"] == ""


async def test_history_can_be_followed_to_its_end(api: Api) -> None:
    job_id = await put(api, batch_job("x"))
    await happens(api, job_id, "PENDING")
    first = await api.get(f"{JOBS}/x/history")
    assert [one["Event"]["Message"] for one in first["Items"]] == ["Job submitted"]
    task = await add_execution(api, job_id, "FAILED")
    for state in ("SCHEDULED", "RUNNING", "FAILED"):
        await happens(api, job_id, state, task)
    more = await api.get(f"{JOBS}/x/history", params={"next_token": first["NextToken"]})
    assert [one["SeqNum"] for one in more["Items"]] == [2, 3, 4]
    assert more["Items"][0]["Event"]["Message"] == "Requested execution on n1"
    assert more["Items"][2]["Event"]["Details"] == {"NewState": "Failed", "IsError": "true"}
    empty = await api.get(f"{JOBS}/x/history", params={"next_token": more["NextToken"]})
    assert (empty["Items"], empty["NextToken"]) == ([], more["NextToken"])
    await api.set_job(own_id(job_id), state="FAILED", error="why")
    await happens(api, job_id, "FAILED")
    last = await api.get(f"{JOBS}/x/history", params={"next_token": more["NextToken"]})
    assert [one["SeqNum"] for one in last["Items"]] == [5]
    assert last["NextToken"] == ""
    for query, count in (
        ({"event_type": "job"}, 2),
        ({"event_type": "execution"}, 3),
        ({"execution_id": f"e-{task.id[:8]}"}, 3),
        ({"execution_id": "e-00000000"}, 0),
        ({"node_id": "n1"}, 3),
        ({"since": "1"}, 5),
        ({"since": "99999999999"}, 0),
        ({"limit": "2"}, 2),
    ):
        assert len((await api.get(f"{JOBS}/x/history", params=query))["Items"]) == count, query
    with_history = await api.get(f"{JOBS}/x?include=history")
    assert len(with_history["History"]["Items"]) == 5


async def test_stopping_is_for_jobs_that_go_on(api: Api) -> None:
    job_id = await put(api, batch_job("x"))
    status, answer = await api.answer("DELETE", f"{JOBS}/x?reason=enough")
    assert (status, api.batcher.done) == (200, [("cancel", own_id(job_id))])
    assert answer["EvaluationID"]
    await api.set_job(own_id(job_id), state="CANCELLED")
    assert await api.answer("DELETE", f"{JOBS}/x") == (200, {"EvaluationID": ""})
    for state in ("COMPLETED", "FAILED"):
        await api.set_job(own_id(job_id), state=state, error="why" if state == "FAILED" else None)
        status, answer = await api.answer("DELETE", f"{JOBS}/x")
        assert (status, answer["Message"]) == (409, f"cannot stop job in state {state.title()}")
    assert (await api.answer("DELETE", f"{JOBS}/x?purge=true"))[0] == 200
    assert (await api.answer("GET", f"{JOBS}/x"))[0] == 404


async def test_what_would_change_is_shown(api: Api) -> None:
    await put(api, batch_job("x", Count=1))
    changed = {"Job": batch_job("x", Count=3)}
    for path in (f"{JOBS}/diff", f"{JOBS}/x/diff"):
        status, answer = await api.answer("PUT", path, json=changed)
        assert status == 200
        assert "-Count: 1" in answer["Diff"]
        assert "+Count: 3" in answer["Diff"]
    same = await api.answer("PUT", f"{JOBS}/diff", json={"Job": batch_job("x")})
    assert same[1]["Diff"] == ""
    nameless = await api.answer("PUT", f"{JOBS}/diff", json={"Job": batch_job()})
    assert (nameless[0], nameless[1]["Message"]) == (400, "invalid job spec: name is missing")
    unknown = await api.answer("PUT", f"{JOBS}/diff", json={"Job": batch_job("none")})
    assert (unknown[0], unknown[1]["Code"]) == (404, "NotFound")


async def test_what_waits_to_run_is_not_run_again(api: Api) -> None:
    await put(api, batch_job("x"))
    status, answer = await api.answer("PUT", f"{JOBS}/x/rerun", json={})
    assert (status, answer["Message"]) == (409, "cannot rerun job in state Pending")
    assert answer["Hint"]


@pytest.mark.parametrize("field", ["query", "body", "header"])
async def test_a_token_makes_one_job_of_two_submissions(api: Api, field: str) -> None:
    sent: dict[str, Any] = {"json": {"Job": batch_job()}}
    if field == "query":
        sent["params"] = {"idempotency_token": "t-1"}
    elif field == "body":
        sent["json"]["idempotencyToken"] = "t-1"
    else:
        sent["headers"] = {"Idempotency-Key": "t-1"}
    first = await api.answer("PUT", JOBS, **sent)
    again = await api.answer("PUT", JOBS, **sent)
    assert (first[0], again[0]) == (200, 200)
    assert first[1]["JobID"] == again[1]["JobID"]
    sent["json"] = {**sent["json"], "Job": batch_job("other")}
    other = await api.answer("PUT", JOBS, **sent)
    assert (other[0], other[1]["Code"]) == (409, "ResourceInUse")
    assert len((await api.get(JOBS))["Items"]) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Job: is required"),
        ({"Job": {}}, "empty/nil job"),
        ({"Job": {"Type": "batch"}}, "missing job tasks"),
        ({"Job": batch_job(Type="cron")}, 'invalid job type: "cron"'),
        ({"Job": batch_job(Count=-1)}, "job count must be >= 0"),
        ({"Job": batch_job(Type="ops", Count=2)}, "cannot specify count > 1"),
        ({"Job": batch_job(Nmae="x")}, "unknown field 'Nmae', did you mean 'Name'?"),
        ({"Job": batch_job(Constraints=[{"Key": "a", "Operator": "like", "Values": ["b"]}])},
         "constraint 1 validation failed: unknown operator 'like'"),
    ],
)  # fmt: skip
async def test_all_that_is_wrong_with_a_job_is_told_in_bacalhaus_words(
    api: Api, body: Any, message: str
) -> None:
    status, answer = await api.answer("PUT", JOBS, json=body)
    assert (status, answer["Code"]) == (400, "ValidationError"), answer
    assert message in answer["Message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", f"{JOBS}/none", 404, "job not found: none"),
        ("GET", f"{JOBS}/x?job_version=7", 404, "version 7 of job not found: x"),
        ("GET", f"{JOBS}/x?include=all", 400, "include: 'all' is not allowed"),
        ("GET", f"{JOBS}?order_by=id", 400, "order_by: 'id' is not allowed"),
        ("GET", f"{JOBS}?name=a%00", 400, "must not hold NUL characters"),
        ("GET", f"{JOBS}?next_token=zzz", 400, "next_token: must be the NextToken"),
        ("GET", f"{JOBS}?state=asleep", 400, "state: 'asleep' is not allowed"),
        ("GET", f"{JOBS}?since=x", 400, "since: "),
        ("GET", f"{JOBS}/x/history?event_type=y", 400, "must be all, job or execution"),
        ("GET", f"{JOBS}/x/logs?tail=x", 400, "tail: 'x' is not allowed"),
        ("GET", f"{JOBS}/x/logs?execution_id=e-00000000", 404, "execution not found"),
        ("DELETE", f"{JOBS}/none", 404, "job not found: none"),
        ("DELETE", f"{JOBS}/x?reason=%00", 400, "reason: "),
        ("GET", f"{JOBS}/a%00b", 404, "job not found: a"),
        ("GET", f"{JOBS}/x?namespace=%00", 400, "must not hold NUL characters"),
        ("GET", f"{JOBS}?namespace=%00", 400, "must not hold NUL characters"),
    ],
)
async def test_what_can_not_be_done_says_why(
    api: Api, method: str, path: str, status: int, message: str
) -> None:
    await put(api, batch_job("x"))
    found, answer = await api.answer(method, path)
    assert found == status, answer
    assert message in answer["Message"]
