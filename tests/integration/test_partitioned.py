"""Partitioned work: chunks become children, what these leave goes to the one that assembles it."""

from base64 import b64encode
from typing import Any

import orjson

from services.coordinator.store import bytenite_jobs, feed
from services.webhook_dispatcher.events import Events
from shared.jobspec.bytenite.phases import ORDER, Phase
from shared.lifecycle import JobRestarted
from shared.postgres.pool import acquired
from tests.integration.test_families_and_secrets import unsealed
from tests.support.jobs.families import Behaviour, Fails, Play, Row, succeed
from tests.support.services.endpoints import add_endpoint, follow, told

KEEP = """
INSERT INTO artifacts (job_id, task_id, attempt, name, object, file_name, size, sha256, files,
                       chunks)
SELECT job_id, id, attempt, $2, job_id || '/' || id || '/' || $2, 'out', 5, repeat('ab', 32), 3, $3
FROM tasks WHERE id = $1
"""


def partitioned(**fields: Any) -> dict[str, Any]:
    return {
        "name": "whole",
        "sources": [{"inline": "a\nb\nc\n", "target": "lines.txt"}],
        "partition": {
            "split": {"builtin": "lines", "params": {"linesPerChunk": 1}},
            "task": {"run": "wc <$TASK_DIR/data.bin", "env": {"WHO": "{{ inputs.who }}"}},
            "assemble": {"run": "cat"},
            **fields,
        },
    }


async def run(play: Play, behave: Behaviour = succeed, *, chunks: int = 3) -> None:
    """Each task that has artifacts keeps them as soon as it is sent."""
    waiting: list[Row] = [{}]
    while waiting:
        await play.deliver()
        waiting = await play.waiting()
        for row in waiting:
            for kept in row["definition"].get("artifacts", ()):
                if behave(row) is None:
                    count = chunks if kept.get("chunks") else None
                    await play.rig.pool.execute(KEEP, row["id"], kept["name"], count)
        await play.run_round(behave)


async def stages(play: Play, job_id: str) -> str:
    whole = await play.task(job_id, "whole")
    return str((await play.subjob_of(whole))["id"])


def sources(play: Play, row: Row) -> list[dict[str, Any]]:
    shown: dict[str, Any] = {**row["definition"], **unsealed(play, row["sealed"])}
    return list(shown["sources"])


async def test_each_chunk_is_a_task_and_what_they_leave_is_assembled(play: Play) -> None:
    taker = {"name": "taker", "run": "x", "sources": [{"artifact": "whole.output", "target": "o"}]}
    params = {"app": {"who": "{{ inputs.who }}", "n": "{{ 1 + 1 }}"}}
    job_id = await play.submit_tasks(partitioned(params=params), taker, inputs={"who": "me"})

    await run(play)

    assert await play.state(job_id) == "COMPLETED"
    inner = await stages(play, job_id)
    partition, app = await play.task(inner, "partition"), await play.task(inner, "app")
    [source] = sources(play, partition)
    assert source["target"] == "/tork/data/source/lines.txt"
    assert partition["definition"]["builtin"] == {
        "name": "partition.lines",
        "params": {"linesPerChunk": 1},
    }
    children = await play.children(app["id"])
    assert [child["definition"]["env"]["CHUNK_INDEX"] for child in children] == ["0", "1", "2"]
    assert children[0]["definition"]["env"]["APP_PARAMS"] == '{"who":"me","n":2}'
    assert children[0]["definition"]["env"]["WHO"] == "me"
    [chunk] = sources(play, children[2])
    assert (chunk["chunk"], chunk["taken"]["chunks"]) == (2, 3)
    assemble = await play.task(inner, "assemble")
    [results] = sources(play, assemble)
    assert [child["task_id"] for child in results["children"]] == [c["id"] for c in children]
    [output] = sources(play, await play.task(job_id, "taker"))
    assert output["taken"]["object"] == f"{inner}/{assemble['id']}/output"


async def test_the_job_of_a_partition_has_phases_that_endpoints_are_told(play: Play) -> None:
    rig = play.rig
    await add_endpoint(rig.pool, rig.sealer, events=["job.PhaseChange"])
    job_id = await play.submit_tasks(partitioned())
    await run(play)
    inner = await stages(play, job_id)
    await follow(rig.pool, rig.sealer)

    phases = [p for p in ORDER if p not in (Phase.NEW, Phase.DOWNLOADING, Phase.FAILED)]
    told_of = await told(rig.pool, rig.sealer)
    found = [each.data["phase"] for each in told_of if each.data["id"] == inner]
    assert found[-len(phases) :] == phases
    assert {each.data["id"] for each in told_of} == {inner}
    async with acquired(rig.pool) as connection:
        shown = await bytenite_jobs.phases(connection, [job_id, inner])
    assert shown == {inner: Phase.COMPLETE}
    live = await feed.Feed(rig.pool).page_of_job(feed.BEGINNING, inner)
    assert all(row.job and row.job.has_stages for row in live.rows)


async def test_a_webhook_of_a_job_is_told_the_phases_of_its_partition(play: Play) -> None:
    hook = {
        "url": "https://ci.example/{{ inputs.who }}",
        "event": "job.PhaseChange",
        "secret": "whsec_" + b64encode(b"x" * 32).decode(),
        "if": "job.phase != 'JOB_STATE_MERGED'",
    }
    others = {"url": "https://ci.example/states"}
    job_id = await play.submit_tasks(partitioned(), inputs={"who": "me"}, webhooks=[others, hook])
    await run(play)
    assert await play.state(job_id) == "COMPLETED"
    inner = await stages(play, job_id)
    events = Events(play.rig.pool, play.rig.sealer)
    while await events.take_stored() is not None:
        pass

    rows = await play.rig.pool.fetch(
        "SELECT * FROM webhook_deliveries WHERE job_id = $1 ORDER BY version", inner
    )
    open_text = play.rig.sealer.open_text
    bodies = [orjson.loads(open_text(row["body"].decode())) for row in rows]
    left_out = (Phase.NEW, Phase.MERGED, Phase.DOWNLOADING, Phase.FAILED)
    assert [body["phase"] for body in bodies][-6:] == [p for p in ORDER if p not in left_out][-6:]
    assert {row["event"] for row in rows} == {"job.PhaseChange"}
    assert {open_text(row["url"]) for row in rows} == {"https://ci.example/me"}


async def test_without_a_chunk_it_completes_unless_chunks_are_needed(play: Play) -> None:
    eases, needs = [
        await play.submit_tasks(partitioned(**fields)) for fields in ({}, {"noChunks": "fail"})
    ]

    await run(play, chunks=0)

    assert await play.state(eases) == "COMPLETED"
    assert await play.state(needs) == "FAILED"
    app = await play.task(await stages(play, needs), "app")
    assert app["error"] == "no_chunks: there is no chunk to run the task for"


async def test_a_restart_runs_only_failed_chunks_and_assembles_each_once(play: Play) -> None:
    job_id = await play.submit_tasks(partitioned())
    is_broken = True
    ran: list[int | None] = []

    def behave(row: Row) -> Fails | None:
        return Fails() if is_broken and row["child_index"] == 2 else None

    def behave_again(row: Row) -> None:
        ran.append(row["child_index"])

    await run(play, behave)
    assert await play.state(job_id) == "FAILED"
    is_broken = False
    await play.happen(JobRestarted(job_id))
    await run(play, behave_again)

    assert await play.state(job_id) == "COMPLETED"
    assert set(ran) == {2, None}
    assemble = await play.task(await stages(play, job_id), "assemble")
    [results] = sources(play, assemble)
    assert [child["index"] for child in results["children"]] == [0, 1, 2]
    assert {child["state"] for child in results["children"]} == {"COMPLETED"}


async def test_chunks_that_failed_and_were_tolerated_run_again_alone_and_all_is_assembled(
    play: Play,
) -> None:
    job_id = await play.submit_tasks(partitioned(maxFailed=1, onFailure="finish"))
    ran: list[int | None] = []

    def behave_again(row: Row) -> None:
        ran.append(row["child_index"])

    await run(play, lambda row: Fails() if row["child_index"] == 2 else None)
    inner = await stages(play, job_id)
    app = await play.task(inner, "app")
    [results] = sources(play, await play.task(inner, "assemble"))
    assert [child["state"] for child in results["children"]] == ["COMPLETED", "COMPLETED", "FAILED"]
    await play.happen(JobRestarted(inner, app["position"], keeps_done=False, only_failed=True))
    await run(play, behave_again)

    assert await play.state(inner) == "COMPLETED"
    assert set(ran) == {2, None}
    again = await play.task(inner, "app")
    assert (again["id"], again["children"]["failed"]) == (app["id"], 0)
    [results] = sources(play, await play.task(inner, "assemble"))
    assert [child["index"] for child in results["children"]] == [0, 1, 2]
    assert {child["state"] for child in results["children"]} == {"COMPLETED"}
