"""Families within families, of which a few lines make very many tasks: no step takes long."""

from collections import Counter
from typing import Any

import pytest

from shared.lifecycle import JobCancelled
from shared.planning import budgets
from tests.support.family_invariants import check_invariants
from tests.support.jobs.families import Play
from tests.support.jobs.subjobs import later
from tests.support.stalls import never_holds_up_the_event_loop

SHELL = {"run": "true"}
SUBJOB = {"name": "s", "subjob": {"name": "inside", "tasks": [{**SHELL, "name": "t"}]}}


def nested(*lengths: int) -> dict[str, Any]:
    """An each task in which there are others, so long each."""
    task: dict[str, Any] = {**SHELL, "name": "leaf"}
    for depth, length in enumerate(reversed(lengths)):
        made_of = {"list": f"sequence(0, {length})", "var": f"v{depth}", "task": task}
        task = {"name": f"e{depth}", "each": made_of}
    return task


async def states(play: Play, **where: object) -> Counter[str]:
    [(column, value)] = where.items()
    rows = await play.rig.pool.fetch(f"SELECT state FROM tasks WHERE {column} = $1", value)
    return Counter(row["state"] for row in rows)


async def test_of_what_multiplies_a_transaction_begins_some_hundred_and_the_rest_follows(
    play: Play,
) -> None:
    # When a job of 21 times 21 times 21 tasks is submitted
    job_id = await play.submit_tasks(nested(21, 21, 21))
    # Then few of them are made and sent with it
    first = await states(play, job_id=job_id)
    assert first["SCHEDULED"] <= 500
    assert first.total() < 5_000
    await check_invariants(play.rig.pool)
    # And the rest, by messages of the job to itself
    await play.deliver()
    assert (await states(play, job_id=job_id))["SCHEDULED"] == 21**3
    await check_invariants(play.rig.pool)
    await play.happen(JobCancelled(job_id))
    await play.deliver()
    assert (await states(play, job_id=job_id)).keys() == {"CANCELLED"}


async def test_a_job_whose_children_were_put_off_ends_well(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "MOST_CHILDREN", 3)
    job_id = await play.submit_tasks(nested(3, 4, 5), SUBJOB)
    await play.run()
    assert await play.state(job_id) == "COMPLETED"
    assert await states(play, job_id=job_id) == {"COMPLETED": 60 + 12 + 3 + 1 + 1}


async def test_a_family_whose_message_to_itself_is_lost_goes_on_all_the_same(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an inner family all of whose children are put off
    monkeypatch.setattr(budgets, "MOST_CHILDREN", 1)
    job_id = await play.submit_tasks(nested(1, 2))
    assert await play.subjob_signals()  # taken, and lost
    assert not await play.waiting()
    # When the scheduler looks
    [_] = await later(play)
    # Then it goes on
    assert await play.waiting()
    await play.run()
    assert await play.state(job_id) == "COMPLETED"


async def test_as_many_sub_jobs_are_active_as_the_concurrency_says(play: Play) -> None:
    made_of = {"list": "sequence(0, 400)", "concurrency": 320, "task": SUBJOB}
    job_id = await play.submit_tasks({"name": "e", "each": made_of})
    await play.deliver()
    parent = await play.task(job_id, "e")
    assert await states(play, parent_id=parent["id"]) == {"RUNNING": 320, "CREATED": 80}
    assert len(await play.waiting()) == 320
    await check_invariants(play.rig.pool)


async def test_a_job_that_makes_too_many_tasks_in_one_step_fails_and_says_so(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "MOST_TASKS", 10)
    wide = [{**nested(6), "name": name, "needs": []} for name in ("a", "b")]
    job_id = await play.submit({"name": "a graph", "tasks": wide})
    assert await play.state(job_id) == "FAILED"
    error = (await play.rig.job(job_id))["error"]
    assert error == "its tasks are too many: at most 100,000 are made at once"


COSTLY = "{{ len(map(1..50000, # * 2)) }}"
"""Nearly as many steps as one expression may take."""


async def test_a_task_whose_expressions_take_too_many_steps_together_fails_and_says_so(
    play: Play,
) -> None:
    env = {f"V{number}": COSTLY for number in range(20)}
    job_id = await play.submit_tasks({**SHELL, "name": "a", "env": env})
    assert (await play.task(job_id, "a"))["error"] == (
        "env.V9: all expressions together take more than 2000000 steps (column 1) in "
        "len(map(1..50000, # * 2))"
    )


async def test_tasks_that_begin_at_once_share_their_steps(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "MOST_STEPS_AT_ONCE", 1_000_000)
    wide = [{**SHELL, "name": f"t{n}", "env": {"V": COSTLY}, "needs": []} for n in range(20)]
    job_id = await play.submit({"name": "a graph", "tasks": wide})
    assert (await play.rig.job(job_id))["error"].startswith(
        "the expressions of tasks that begin at once take more than 10,000,000 steps"
    )


async def test_of_children_with_costly_expressions_a_transaction_begins_few(play: Play) -> None:
    costly = {**SHELL, "name": "c", "env": {"V": COSTLY}}
    made_of = {"list": "sequence(0, 30)", "task": costly}
    job_id = await play.submit_tasks({"name": "e", "each": made_of})
    first = await states(play, job_id=job_id)
    assert 1 <= first["SCHEDULED"] <= 12
    await play.deliver()
    assert (await states(play, job_id=job_id))["SCHEDULED"] == 30


@pytest.mark.parametrize(
    "task",
    [
        {"name": "e", "each": {"list": "{{ 1..25000 }}", "task": SHELL}},
        {"name": "p", "parallel": {"tasks": [{**SHELL, "name": "c"}] * 5_000}},
        {**SHELL, "name": "a", "env": {f"V{number}": COSTLY for number in range(9)}},
        {**SHELL, "name": "a", "env": {f"V{n}": f"{{{{ 1 + {n} }}}}" for n in range(5_000)}},
    ],
    ids=["each", "parallel", "few costly expressions", "many cheap expressions"],
)
async def test_the_event_loop_goes_on_while_a_job_is_planned(
    play: Play, task: dict[str, Any]
) -> None:
    await never_holds_up_the_event_loop(lambda: play.submit_tasks(task))


async def test_jobs_that_make_too_many_tasks_together_are_stored_one_by_one(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "MOST_TASKS", 10)
    # Given two jobs, each with as much to make as one event may
    jobs = [await play.submit_tasks({**SHELL, "name": "first"}, nested(9)) for _ in range(2)]
    # When the first tasks of both end in one batch
    await play.run_round()
    # Then both go on
    for job_id in jobs:
        assert await states(play, parent_id=(await play.task(job_id, "e0"))["id"]) == {
            "SCHEDULED": 9
        }
