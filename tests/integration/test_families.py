"""Tasks within tasks on a real database: parallel and each, from submission to the job's end."""

import json
from typing import Any

import pytest

from shared.lifecycle import JobCancelled
from shared.messages import RunTask
from tests.support.family_invariants import check_invariants
from tests.support.jobs.families import STAYS, Fails, Play, Row, Verdict

SHELL = {"run": "true"}


def each(list_: object, name: str = "{{ item.value }}", **fields: Any) -> dict[str, Any]:
    return {"list": list_, "task": {**SHELL, "name": name}, **fields}


def fails(*names: str) -> Any:
    def behave(row: Row) -> Verdict:
        return Fails() if row["name"] in names else None

    return behave


async def test_the_children_of_a_parallel_task_run_at_once_and_then_the_next_task(
    play: Play,
) -> None:
    children = [{**SHELL, "name": name, "var": name} for name in ("a", "b", "c")]
    after = {**SHELL, "name": "after", "env": {"SEEN": "{{ tasks.a }}{{ tasks.b }}{{ tasks.c }}"}}
    job_id = await play.submit_tasks({"name": "p", "parallel": {"tasks": children}}, after)
    assert [row["name"] for row in await play.waiting()] == ["a", "b", "c"]
    await play.run_round(lambda row: row["name"].upper())
    assert (await play.task(job_id, "p"))["state"] == "COMPLETED"
    [row] = await play.waiting()
    assert row["definition"]["env"] == {"SEEN": "ABC"}
    await play.run()
    assert await play.state(job_id) == "COMPLETED"


async def test_later_tasks_read_the_results_of_an_each_as_a_list_in_the_order_of_its_items(
    play: Play,
) -> None:
    made_of = each(["a", "bad", "c", "quiet"], minSuccess=1)
    env = {
        "SECOND": "{{ tasks.all[2] }}",
        "COUNT": "{{ len(tasks.all) }}",
        "ALL": "{{ join(tasks.all, '|') }}",
        "NONE": "{{ len(tasks.none) }}",
    }
    job_id = await play.submit_tasks(
        {"name": "e", "var": "all", "each": made_of},
        {"name": "empty", "var": "none", "each": each([])},
        {**SHELL, "name": "after", "env": env},
        output="{{ toJSON(tasks.all) }}",
    )

    def behave(row: Row) -> Verdict:
        if row["name"] in ("bad", "quiet"):
            return Fails() if row["name"] == "bad" else None
        return str(row["name"]).upper()

    await play.run_round(behave)
    [row] = await play.waiting()
    assert row["definition"]["env"] == {
        "SECOND": "C",
        "COUNT": "4",
        "ALL": "A||C|",
        "NONE": "0",
    }
    assert (await play.task(job_id, "e"))["result"] == '["A","","C",""]'
    assert (await play.task(job_id, "empty"))["result"] == "[]"
    await play.run()
    assert json.loads((await play.rig.job(job_id))["result"]) == ["A", "", "C", ""]


async def test_an_each_whose_results_are_too_large_together_fails_saying_so(play: Play) -> None:
    made_of = each([1, 2, 3])
    job_id = await play.submit_tasks({"name": "e", "var": "all", "each": made_of})
    await play.run(lambda _: "x" * 400_000)
    error = (
        "result_too_large: the results of its children are more than 1,048,576 characters together"
    )
    assert (await play.task(job_id, "e"))["error"] == error
    assert (await play.rig.job(job_id))["error"] == error


@pytest.mark.parametrize(
    ("list_", "names"),
    [
        (["a", "b"], ["a", "b"]),
        ("{{ sequence(1, 4) }}", ["1", "2", "3"]),
        ("inputs.files", ["x", "y"]),
        ("{{ fromJSON(inputs.text) }}", ["p", "q"]),
        ([1, 2.5, True, None], ["1", "2.5", "true", "<nil>"]),
    ],
)
async def test_each_makes_one_child_for_each_item_of_its_list(
    play: Play, list_: object, names: list[str]
) -> None:
    inputs = {"files": ["x", "y"], "text": '["p", "q"]'}
    job_id = await play.submit_tasks({"name": "e", "each": each(list_)}, inputs=inputs)
    assert [row["name"] for row in await play.waiting()] == names
    await play.run()
    assert await play.state(job_id) == "COMPLETED"


async def test_an_item_is_seen_in_every_text_of_its_child(play: Play) -> None:
    task = {
        **SHELL,
        "name": "chunk {{ c.index }}",
        "var": "chunk{{ c.index }}",
        "queue": "q{{ c.index }}",
        "image": "tool:{{ c.value.tag }}",
        "env": {"FROM": "{{ c.value.from }}", "ALL": "{{ toJSON(c.value.more) }}"},
        "cmd": ["{{ c.value.from + 1 }}"],
    }
    items = [{"tag": "v1", "from": 10, "more": [1, {"k": "v"}]}]
    job_id = await play.submit_tasks(
        {"name": "e", "each": {"list": items, "var": "c", "task": task}},
        {**SHELL, "name": "after", "if": "tasks.chunk0 == 'done'"},
    )
    [row] = await play.waiting()
    assert (row["name"], row["queue"], row["var"]) == ("chunk 0", "q0", "chunk0")
    assert row["definition"]["image"] == "tool:v1"
    assert row["definition"]["env"]["FROM"] == "10"
    assert row["definition"]["cmd"] == ["11"]
    [message] = await play.rig.receive("q0")
    assert isinstance(message, RunTask)
    await play.run(lambda row: "done")
    assert (await play.task(job_id, "after"))["state"] == "COMPLETED"


@pytest.mark.parametrize("list_", [[], "{{ [] }}", "{{ filter(inputs.l, # > 3) }}"])
async def test_each_over_an_empty_list_completes_at_once(play: Play, list_: object) -> None:
    task = {"name": "e", "each": each(list_)}
    job_id = await play.submit_tasks(task, inputs={"l": [1]})
    assert await play.state(job_id) == "COMPLETED"
    job_id = await play.submit_tasks(
        {"name": "p", "parallel": {"tasks": [task]}}, {**SHELL, "name": "n"}, inputs={"l": [1]}
    )
    assert [row["name"] for row in await play.waiting()] == ["n"]


@pytest.mark.parametrize(
    "list_", ["{{ 1 }}", "{{ 'a' }}", "{{ nil }}", "{{ {'a': 1} }}", "inputs.such"]
)
async def test_each_over_what_is_no_list_fails_the_job_and_names_the_field(
    play: Play, list_: str
) -> None:
    job_id = await play.submit_tasks({"name": "e", "each": each(list_)})
    job = await play.rig.job(job_id)
    assert job["state"] == "FAILED"
    assert job["error"].startswith("each.list: ")


async def test_no_more_children_are_active_than_the_concurrency(play: Play) -> None:
    job_id = await play.submit_tasks({"name": "e", "each": each("sequence(0, 7)", concurrency=3)})
    sizes = []
    while rows := await play.waiting():
        sizes.append(len(rows))
        await play.run_round()
        await check_invariants(play.rig.pool)
    assert sizes == [3, 3, 1]
    assert await play.state(job_id) == "COMPLETED"


async def test_families_three_deep_see_the_items_of_all_around_them(play: Play) -> None:
    inner = {**SHELL, "name": "{{ a.value }}{{ b.value }}{{ c.index }}"}
    third = {"each": {"list": "[b.value, b.value]", "var": "c", "task": inner}}
    second = {"parallel": {"tasks": [{**SHELL, "name": "p{{ b.value }}"}, third]}}
    first = {"each": {"list": "[1, 2]", "var": "b", "task": second}}
    job_id = await play.submit_tasks(
        {"name": "e", "each": {"list": ["x", "y"], "var": "a", "task": first}}
    )
    names = sorted(row["name"] for row in await play.waiting())
    assert names == sorted(
        [f"{a}{b}{c}" for a in "xy" for b in "12" for c in "01"] + ["p1", "p2", "p1", "p2"]
    )
    await play.run()
    job = await play.rig.job(job_id)
    assert (job["state"], job["progress"]) == ("COMPLETED", 100)


async def test_children_whose_condition_is_false_are_skipped_and_count_as_done(play: Play) -> None:
    made_of = each("sequence(0, 300)", "n{{ item.value }}", concurrency=2)
    made_of["task"]["if"] = "item.value % 100 == 7"
    job_id = await play.submit_tasks({"name": "e", "each": made_of})
    assert [row["name"] for row in await play.waiting()] == ["n7", "n107"]
    await play.run()
    assert await play.state(job_id) == "COMPLETED"
    states = [row["state"] for row in await play.children((await play.task(job_id, "e"))["id"])]
    assert (states.count("SKIPPED"), states.count("COMPLETED")) == (297, 3)


async def test_a_child_that_fails_fails_the_job_and_stops_its_siblings(play: Play) -> None:
    job_id = await play.submit_tasks({"name": "e", "each": each(list("abcd"), concurrency=2)})
    await play.run_round(lambda row: Fails("exit code 3") if row["name"] == "a" else STAYS)
    job = await play.rig.job(job_id)
    assert (job["state"], job["error"]) == ("FAILED", "exit code 3")
    parent = await play.task(job_id, "e")
    assert (parent["state"], parent["error"]) == ("FAILED", "exit code 3")
    states = [row["state"] for row in await play.children(parent["id"])]
    assert states == ["FAILED", "CANCELLED", "CANCELLED", "CANCELLED"]


async def test_a_child_whose_expression_fails_fails_the_job_before_it_runs(play: Play) -> None:
    made_of = each([1, 0], "n{{ item.value }}")
    made_of["task"]["env"] = {"N": "{{ int(item.value == 0 ? 'x' : '1') }}"}
    job_id = await play.submit_tasks({"name": "e", "each": made_of})
    job = await play.rig.job(job_id)
    assert job["state"] == "FAILED"
    assert job["error"].startswith("env.N: ")
    assert await play.waiting() == []


async def test_a_child_that_is_tried_again_counts_once(play: Play) -> None:
    made_of = each(list("ab"), concurrency=1)
    made_of["task"]["retry"] = {"limit": 2, "initialDelay": "0s"}
    job_id = await play.submit_tasks({"name": "e", "each": made_of})
    tries = []

    def twice(row: Row) -> Verdict:
        tries.append((row["name"], row["attempt"]))
        return Fails() if row["attempt"] < 2 else None

    await play.run(twice)
    assert await play.state(job_id) == "COMPLETED"
    assert tries == [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1), ("b", 2)]


@pytest.mark.parametrize("least", [3, "60%", "55%"])
async def test_a_family_succeeds_when_enough_of_its_children_do(play: Play, least: object) -> None:
    made_of = each(list("abcde"), minSuccess=least)
    job_id = await play.submit_tasks({"name": "e", "each": made_of})
    await play.run(fails("a", "c"))
    assert await play.state(job_id) == "COMPLETED"


async def test_a_family_fails_as_soon_as_too_few_of_its_children_can_succeed(play: Play) -> None:
    tasks = [{**SHELL, "name": name} for name in "abcde"]
    made_of = {"tasks": tasks, "minSuccess": 4}
    job_id = await play.submit_tasks({"name": "p", "parallel": made_of})
    await play.run_round(
        lambda row: Fails(f"{row['name']} broke") if row["name"] in "bd" else STAYS
    )
    job = await play.rig.job(job_id)
    assert (job["state"], job["error"]) == ("FAILED", "d broke")
    states = [row["state"] for row in await play.children((await play.task(job_id, "p"))["id"])]
    assert states == ["CANCELLED", "FAILED", "CANCELLED", "FAILED", "CANCELLED"]


async def test_what_may_fail_does_not_keep_its_family_or_job_from_going_on(play: Play) -> None:
    inner = {"name": "inner", "allowFailure": True, "parallel": {"tasks": [{**SHELL, "name": "x"}]}}
    may = {**SHELL, "name": "may", "allowFailure": True}
    job_id = await play.submit_tasks(
        {"name": "p", "parallel": {"tasks": [inner, may]}}, {**may, "name": "last"}
    )
    await play.run(lambda row: Fails())
    assert await play.state(job_id) == "COMPLETED"
    assert (await play.task(job_id, "inner"))["state"] == "FAILED"
    assert (await play.task(job_id, "last"))["state"] == "FAILED"


async def test_ends_that_are_applied_together_each_let_another_child_begin(play: Play) -> None:
    job_id = await play.submit_tasks({"name": "e", "each": each("sequence(0, 9)", concurrency=4)})
    await play.run_round()  # four ends in one batch
    assert [row["name"] for row in await play.waiting()] == ["4", "5", "6", "7"]
    await play.run()
    assert await play.state(job_id) == "COMPLETED"


async def test_cancelling_a_job_cancels_what_runs_and_what_never_began(play: Play) -> None:
    inner = {"name": "inner {{ item.value }}", "each": each("sequence(0, 3)", concurrency=1)}
    job_id = await play.submit_tasks({"name": "e", "each": {**each(["a", "b"]), "task": inner}})
    await play.run_round(lambda _: STAYS)
    await play.happen(JobCancelled(job_id))
    assert await play.state(job_id) == "CANCELLED"
    assert {row["state"] for row in await play.rig.tasks(job_id)} == {"CANCELLED"}
