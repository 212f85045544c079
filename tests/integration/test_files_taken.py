"""What the sources of a task stand for, found when it is planned."""

from typing import Any

import pytest

from shared.lifecycle import JobRestarted
from shared.store import file_rows
from tests.integration.test_families_and_secrets import expect_hidden, unsealed
from tests.support.jobs.families import Behaviour, Fails, Play, Row, succeed

SHELL = {"run": "true"}
KEPT = [{"name": "out", "path": "out"}]
SECRET = "hunter2-hunter2"

KEEP = """
INSERT INTO artifacts (job_id, task_id, attempt, name, object, file_name, size, sha256, files, mode)
SELECT job_id, id, attempt, $2, job_id || '/' || id || '/0.1/' || $2, 'out', $3,
       repeat('ab', 32), $4, 493
FROM tasks WHERE id = $1
"""


def keeper(name: str = "a", **fields: Any) -> dict[str, Any]:
    return {"name": name, **SHELL, "artifacts": KEPT, **fields}


def taker(*artifacts: str, **fields: Any) -> dict[str, Any]:
    sources = [{"artifact": text, "target": f"in/{n}"} for n, text in enumerate(artifacts)]
    return {"name": "taker", **SHELL, "sources": sources, **fields}


def each(of: str, **task: Any) -> dict[str, Any]:
    inner = {"name": f"of {of}", **SHELL, **task}
    return {"name": of, "each": {"list": [0, 1, 2], "minSuccess": 1, "task": inner}}


async def run(
    play: Play,
    behave: Behaviour = succeed,
    *,
    keeps: Any = lambda row: True,
    files: int | None = None,
) -> None:
    """Each task that has artifacts keeps them as soon as it is sent."""
    waiting: list[Row] = [{}]
    while waiting:
        await play.deliver()
        waiting = await play.waiting()
        for row in waiting:
            for artifact in row["definition"].get("artifacts", ()):
                if keeps(row):
                    await play.rig.pool.execute(KEEP, row["id"], artifact["name"], 5, files)
        await play.run_round(behave)


async def sources(play: Play, job_id: str, name: str = "taker") -> list[dict[str, Any]]:
    row = await play.task(job_id, name)
    shown: dict[str, Any] = {**row["definition"], **unsealed(play, row["sealed"])}
    return list(shown["sources"])


def kept(job_id: str, task: Row, **fields: Any) -> dict[str, Any]:
    named = f"{job_id}/{task['id']}/0.1/out"
    return {
        "object": named,
        "file_name": "out",
        "size": 5,
        "sha256": "ab" * 32,
        "mode": 0o755,
        **fields,
    }


async def test_a_task_takes_what_an_earlier_one_has_kept(play: Play) -> None:
    job_id = await play.submit_tasks(keeper(), taker("a.out", "a.out/sub/x"))

    await run(play, files=3)

    assert await play.state(job_id) == "COMPLETED"
    found = kept(job_id, await play.task(job_id, "a"), files=3)
    assert await sources(play, job_id) == [
        {"target": "in/0", "artifact": "a.out", "taken": found},
        {"target": "in/1", "artifact": "a.out/sub/x", "taken": found | {"path": "sub/x"}},
    ]


async def test_what_all_children_have_kept_is_taken_in_their_order(play: Play) -> None:
    job_id = await play.submit_tasks(each("e", artifacts=KEPT), taker("e.out"))

    def behave(row: Row) -> Fails | None:
        return Fails(exit_code=3) if row["child_index"] == 1 else None

    await run(play, behave, keeps=lambda row: row["child_index"] != 1)

    children = await play.children((await play.task(job_id, "e"))["id"])
    states = ["COMPLETED", "FAILED", "COMPLETED"]
    [source] = await sources(play, job_id)
    assert [child["state"] for child in source["children"]] == states
    assert [child["task_id"] for child in source["children"]] == [c["id"] for c in children]
    assert [child["index"] for child in source["children"]] == [0, 1, 2]
    assert source["children"][1]["exit_code"] == 3
    assert "artifact" not in source["children"][1]
    assert source["children"][2]["artifact"] == kept(job_id, children[2])


async def test_a_child_takes_what_the_child_of_the_same_index_has_kept(play: Play) -> None:
    child = taker("e.out/{{ item.index }}", name="child {{ item.index }}")
    job_id = await play.submit_tasks(each("e", artifacts=KEPT), each("f", **child))

    await run(play)

    assert await play.state(job_id) == "COMPLETED"
    children = await play.children((await play.task(job_id, "e"))["id"])
    for index, kept_by in enumerate(children):
        [source] = await sources(play, job_id, f"child {index}")
        assert source["taken"] == kept(job_id, kept_by)


async def test_a_child_of_a_parallel_is_taken_from_by_its_own_name(play: Play) -> None:
    tasks = [keeper("left"), keeper("right")]
    pair = {"name": "pair", "parallel": {"tasks": tasks}}
    job_id = await play.submit_tasks(pair, taker("right.out", "pair.out"))

    await run(play)

    right, both = await sources(play, job_id)
    assert right["taken"] == kept(job_id, await play.task(job_id, "right"))
    assert len(both["children"]) == 2


async def test_the_attempt_that_kept_something_last_is_taken_from(play: Play) -> None:
    retry = {"limit": 1, "initialDelay": "0s"}
    job_id = await play.submit_tasks(keeper(retry=retry), taker("a.out"))
    failed: list[str] = []

    def behave(row: Row) -> Fails | None:
        if row["name"] == "a" and not failed:
            failed.append(row["id"])
            return Fails()
        return None

    await run(play, behave)

    retried = await play.task(job_id, "a")
    [source] = await sources(play, job_id)
    assert source["taken"]["object"].split("/")[1] == retried["id"] != failed[0]


async def test_a_restarted_job_takes_from_what_was_done_before(play: Play) -> None:
    job_id = await play.submit_tasks(keeper(), each("e", artifacts=KEPT), taker("a.out", "e.out"))
    await run(play, lambda row: Fails() if row["name"] == "taker" else None)
    assert await play.state(job_id) == "FAILED"

    await play.happen(JobRestarted(job_id))
    await run(play)

    assert await play.state(job_id) == "COMPLETED"
    first, second = await sources(play, job_id)
    assert first["taken"] == kept(job_id, await play.task(job_id, "a"))
    assert len(second["children"]) == 3


async def test_a_sub_job_takes_from_the_job_around_it_by_its_id(play: Play) -> None:
    inputs = {"from": "{{ job.id }}/a.out"}
    subjob = {"name": "sub", "inputs": inputs, "tasks": [taker("{{ inputs.from }}")]}
    job_id = await play.submit_tasks(keeper(), {"name": "s", "subjob": subjob})

    await run(play)

    assert await play.state(job_id) == "COMPLETED"
    inner = (await play.subjob_of(await play.task(job_id, "s")))["id"]
    [source] = await sources(play, inner)
    assert source["taken"] == kept(job_id, await play.task(job_id, "a"))


async def test_a_job_takes_from_others_of_the_same_creator_alone(play: Play) -> None:
    other = await play.submit_tasks(
        keeper("a {{ 1 + 1 }}"), {"name": "p", "parallel": {"tasks": [keeper("left")]}}
    )
    await run(play)
    mine = await play.submit_tasks(taker(f"{other}/a 2.out", f"{other}/left.out"))
    assert await play.state(mine) != "FAILED"
    await run(play)
    assert [source["taken"]["size"] for source in await sources(play, mine)] == [5, 5]

    await play.rig.pool.execute("UPDATE jobs SET created_by = 'user:ann' WHERE id = $1", other)
    refused = await play.submit_tasks(taker(f"{other}/left.out"))

    assert (await play.task(refused, "taker"))["error"] == (
        f"source 1: there is no job {other}, or it is of another creator"
    )


@pytest.mark.parametrize(
    ("tasks", "error"),
    [
        ([keeper(), taker("a.out")], 'source 1: the task "a" has kept no artifact "out"'),
        (
            [keeper(**{"if": "false"}), taker("a.out")],
            'source 1: the task "a" has kept no artifact "out": it is SKIPPED',
        ),
        (
            [each("e", artifacts=KEPT), taker("e.out")],
            'source 1: no child of the task "e" has kept an artifact "out"',
        ),
        (
            [each("e", artifacts=KEPT), taker("e.out/7")],
            'source 1: the task "e" has no child 7',
        ),
        (
            [each("e", artifacts=KEPT), taker("e.out/{{ 'x' }}")],
            'source 1: "x" is not the index of a child of the task "e"',
        ),
        (
            [taker("{{ 'nobody' }}.out")],
            'source 1: the task "nobody" does not exist, or has not begun',
        ),
        ([taker("{{ 'nobody' }}")], "source 1: artifact must be a task's name, a point"),
        (
            [taker(sources=[{"upload": "{{ 'x' }}", "target": "a"}])],
            "source 1: the job has no upload 'x'",
        ),
        (
            [taker(sources=[{"inline": "x", "target": "{{ '../x' }}"}])],
            "source 1: target must not hold '..'",
        ),
        (
            [taker(artifacts=[{"name": "{{ 'a.b' }}", "path": "x"}], sources=[])],
            "artifacts[0].name must be a letter or '_'",
        ),
    ],
)
async def test_what_is_not_there_fails_the_task(
    play: Play, tasks: list[dict[str, Any]], error: str
) -> None:
    job_id = await play.submit_tasks(*tasks)

    await run(play, keeps=lambda _: False)

    assert await play.state(job_id) == "FAILED"
    assert (await play.task(job_id, "taker"))["error"].startswith(error)


async def test_too_many_children_are_not_taken_as_one_directory(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_rows, "MOST_CHILDREN", 2)
    job_id = await play.submit_tasks(each("e", artifacts=KEPT), taker("e.out"))

    await run(play)

    assert (await play.task(job_id, "taker"))["error"] == (
        'source 1: the task "e" has 3 children, and at most 2 are brought as one directory'
    )


async def test_an_upload_is_found_by_its_name(play: Play) -> None:
    await play.rig.pool.execute(
        "INSERT INTO uploads (id, name, object, size, sha256)"
        " VALUES ('1f3a', 'x.csv', 'uploads/1f3a', 7, repeat('cd', 32))"
    )
    subjob = {"name": "s", "tasks": [taker(sources=[{"upload": "data", "target": "b"}])]}
    job_id = await play.submit_tasks(
        taker(sources=[{"upload": "{{ inputs.which }}", "target": "a"}]),
        {"name": "s", "subjob": subjob},
        uploads={"data": "1f3a"},
        inputs={"which": "data"},
    )

    await run(play)

    assert await play.state(job_id) == "COMPLETED"
    inner = (await play.subjob_of(await play.task(job_id, "s")))["id"]
    for taken_by in (job_id, inner):
        [source] = await sources(play, taken_by)
        assert source["taken"] == {
            "object": "uploads/1f3a",
            "file_name": "x.csv",
            "size": 7,
            "sha256": "cd" * 32,
        }


async def test_secrets_of_sources_reach_the_worker_alone(play: Play) -> None:
    login = {"accessKey": "{{ secrets.key }}", "secretKey": "{{ secrets.key }}"}
    s3 = {"bucket": "data", "key": "in/x", **login}
    headers = {"Authorization": "Bearer {{ secrets.key }}"}
    job_id = await play.submit_tasks(
        keeper(
            sources=[
                {"s3": s3, "target": "a"},
                {"url": "https://a.example/{{ secrets.key }}", "headers": headers, "target": "b"},
            ],
            publish=[{"s3": {**s3, "key": "out/"}}],
        ),
        secrets={"key": SECRET},
    )

    await expect_hidden(play, SECRET)
    row = await play.task(job_id, "a")
    definition = unsealed(play, row["sealed"])
    assert definition["sources"][0]["s3"]["secret_key"] == SECRET
    assert definition["sources"][1]["headers"] == {"Authorization": f"Bearer {SECRET}"}
    assert definition["publish"][0]["s3"]["access_key"] == SECRET
