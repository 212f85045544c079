"""Tasks that make tasks: they begin by sequence, once their creator has succeeded."""

from typing import Any

import orjson

from services.coordinator.handlers import on_completions
from shared.lifecycle import JobRestarted, RetryDue
from shared.messages import Finished, Reports, Spawned
from tests.integration.test_families_and_secrets import unsealed
from tests.support.jobs.families import NODE, STAYS, Fails, Makes, Play, Row, Verdict


def spawn(**fields: Any) -> dict[str, Any]:
    task = {"name": "part {{ item.index }}", "run": "x", "env": {"N": "{{ item.value.n }}"}}
    return {"name": "whole", "var": "all", "spawn": {"task": task, **fields}}


def made(sequence: int, n: int, name: str | None = None) -> Spawned:
    return Spawned(sequence=sequence, parameters=orjson.dumps({"n": n}).decode(), name=name)


def spawning(row: Row) -> dict[str, Any]:
    told: dict[str, Any] = row["definition"]["spawning"]
    return told


def maps_and_reduces(row: Row) -> Verdict:
    match row["sequence"]:
        case 0:
            return Makes([made(2, 0, "sum"), *(made(1, n) for n in (1, 2, 3))])
        case 1:
            return f"{row['definition']['env']['N']}!"
        case _:
            return "done"


async def test_children_begin_by_sequence_and_their_results_are_listed_in_that_order(
    play: Play,
) -> None:
    job_id = await play.submit_tasks(spawn(), output="{{ join(tasks.all, ' ') }}")
    seen: list[list[int]] = []

    def behave(row: Row) -> Verdict:
        seen[-1].append(row["sequence"])
        return maps_and_reduces(row)

    seen.append([])
    while await play.run_round(behave):
        seen.append([])

    assert seen == [[0], [1, 1, 1], [2], []]
    job = await play.rig.job(job_id)
    assert (job["state"], job["result"]) == ("COMPLETED", "1! 2! 3! done")
    whole = await play.task(job_id, "whole")
    children = await play.children(whole["id"])
    assert [c["name"] for c in children] == ["part 0", "sum", "part 2", "part 3", "part 4"]
    assert spawning(children[1]) == {
        "sequence": 2,
        "index": 1,
        "parameters": '{\n  "n": 0\n}',
    }
    assert children[0]["definition"]["spawning"]["parameters"] == "{}"


async def test_a_report_that_comes_again_makes_nothing_more_and_a_failed_attempt_none(
    play: Play,
) -> None:
    job_id = await play.submit_tasks(spawn())
    [first] = await _running(play)
    report = Finished(
        job_id=job_id, task_id=first["id"], dispatch=1, result="", spawned=[made(1, 1)]
    )
    reports = Reports(node_id=NODE, lease_seconds=30, finished=[report, report])
    for _ in range(2):
        await on_completions(play.rig.batcher, play.rig.pool, [reports])
    whole = await play.task(job_id, "whole")
    children = await play.children(whole["id"])
    assert [(c["state"], c["sequence"]) for c in children] == [("COMPLETED", 0), ("SCHEDULED", 1)]

    for _ in range(3):  # tries in all
        await play.run(lambda _: Fails(exit_code=111))
        last = (await play.children(whole["id"]))[-1]
        await play.happen(RetryDue(job_id, last["id"]))
    children = await play.children(whole["id"])
    assert [(c["child_index"], c["state"], c["attempt"]) for c in children][1:] == [
        (1, "FAILED", attempt) for attempt in range(3)
    ]


async def test_more_tasks_than_may_be_fail_the_attempt_that_makes_them(play: Play) -> None:
    job_id = await play.submit_tasks(spawn(maxTasks=2))
    await play.run(lambda _: Makes([made(1, 1), made(1, 2)]))
    job = await play.rig.job(job_id)
    assert job["state"] == "FAILED"
    assert job["error"] == (
        "too_many_tasks: with 2 more than the 1 that there are they are over maxTasks, 2"
    )
    assert len(await play.children((await play.task(job_id, "whole"))["id"])) == 1


async def test_variables_that_are_too_much_together_fail_the_attempt(play: Play) -> None:
    inner = {"name": "whole", "spawn": {"task": {"run": "x"}}}
    each = {"list": ["x" * 200_000], "var": "around", "task": inner}
    job_id = await play.submit_tasks({"name": "outer", "each": each})
    await play.run(lambda _: Makes([made(1, n) for n in range(100)]))
    assert (await play.rig.job(job_id))["error"] == (
        "too_many_tasks: the variables of 100 are over 16,777,216 characters"
    )


async def test_a_restart_runs_what_is_left_of_each_sequence_in_its_turn(play: Play) -> None:
    job_id = await play.submit_tasks(spawn(), output="{{ join(tasks.all, ' ') }}")

    def fails_once(row: Row) -> Verdict:
        is_second = row["sequence"] == 1 and row["definition"]["env"]["N"] == "2"
        return Fails() if is_second else maps_and_reduces(row)

    await play.run(fails_once)
    assert await play.state(job_id) == "FAILED"
    await play.happen(JobRestarted(job_id))
    seen: list[int] = []

    def again(row: Row) -> Verdict:
        seen.append(row["sequence"])
        return maps_and_reduces(row)

    await play.run(again)
    assert seen[0] == 1
    assert seen[-1] == 2
    job = await play.rig.job(job_id)
    assert (job["state"], job["result"]) == ("COMPLETED", "1! 2! 3! done")


async def test_parameters_of_a_job_with_secrets_are_kept_sealed(play: Play) -> None:
    job_id = await play.submit_tasks(spawn(), secrets={"token": "hunter2-hunter2"})

    def behave(row: Row) -> Verdict:
        if row["sequence"]:
            return STAYS
        sealed = play.rig.sealer.kept_text('{"n":"of hunter2-hunter2"}', is_secret=True)
        return Makes([Spawned(sequence=1, parameters=sealed)])

    await play.run(behave)
    whole = await play.task(job_id, "whole")
    child = (await play.children(whole["id"]))[1]
    assert "hunter2" not in str(child["scope"]) + str(child["definition"])
    shown = {**child["definition"], **unsealed(play, child["sealed"])}
    assert orjson.loads(shown["spawning"]["parameters"]) == {"n": "of hunter2-hunter2"}
    assert shown["env"]["N"] == "of hunter2-hunter2"


async def _running(play: Play) -> list[Row]:
    found: list[Row] = []

    def behave(row: Row) -> Verdict:
        found.append(row)
        return STAYS

    await play.run_round(behave)
    return found
