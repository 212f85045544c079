"""`conveyor get`: a job and the tree of its tasks."""

import io
import json
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from cli.jobs.family import family, family_table
from cli.views import job_view
from tests.support.http.command_line import run_command
from tests.support.http.fake_api import fake_api


def task(id_: str, state: str, position: int = 1, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "name": id_, "position": position, "state": state, **fields}


def job(*execution: dict[str, Any], names: tuple[str, ...] = ("a",), **fields: Any) -> Any:
    return {
        "id": "j1",
        "name": "hello",
        "state": "RUNNING",
        "createdAt": "2024-05-01T12:00:00Z",
        "tasks": [{"name": name} for name in names],
        "execution": list(execution),
        **fields,
    }


async def shown(answer: Any, *options: str) -> list[str]:
    async with fake_api() as api:
        api.answers["GET /jobs/j1"] = answer
        result = await run_command(api.url, "get", "j1", *options)
    assert result.exit_code == 0, result.output
    return [line.rstrip() for line in result.stdout.splitlines()]


async def tree(answer: Any, *options: str) -> list[str]:
    lines = await shown(answer, *options)
    return lines[lines.index("") + 1 :]


async def test_the_head_tells_state_result_and_how_long_it_took() -> None:
    times: Any = {"startedAt": "2024-05-01T12:00:01Z", "completedAt": "2024-05-01T12:02:06Z"}
    lines = await shown(job(**times, state="COMPLETED", result="two\nlines", tags=["x", "y"]))
    assert lines[0] == "hello  completed"
    assert "  tags        x, y" in lines
    assert "  duration    2 min 5 s" in lines
    assert lines[-4:-1] == ["  result      two", "              lines", ""]


async def test_a_locked_job_says_by_whom_and_until_when() -> None:
    answer = job(lockedBy={"username": "ann"}, lockExpiresAt="2024-05-01T12:05:01.25Z")
    assert "  locked      until 2024-05-01T12:05:01Z by ann" in await shown(answer)


async def test_a_cancelled_job_says_by_whom_and_why() -> None:
    facts: Any = {"cancelledBy": {"username": "ann"}, "cancelledByClient": "curl/8.5.0"}
    at = "2024-05-01T12:00:01Z"
    answer = job(state="CANCELLED", cancelledAt=at, cancelReason="wrong input", **facts)
    [line] = [line for line in await shown(answer) if line.startswith("  cancelled ")]
    assert line.endswith("ago by ann with curl/8.5.0: wrong input")


async def test_a_job_that_waits_for_a_worker_is_not_said_to_run() -> None:
    lines = await shown(job(state="SCHEDULED", startedAt="2024-05-01T12:00:01Z"))
    assert not any("running" in line for line in lines)


async def test_tasks_show_their_latest_attempt_and_those_to_come_wait() -> None:
    again = task("a2", "RUNNING", retry={"limit": 2, "attempts": 1}, progress=40.0)
    lines = await tree(job(task("a1", "FAILED", error="x"), again, names=("a", "b")))
    assert [line.split() for line in lines] == [
        ["▸", "a2", "running", "attempt", "2", "40", "%"],
        ["·", "b", "waiting"],
    ]


async def test_a_task_that_waits_because_it_was_handed_back_says_why() -> None:
    lines = await tree(
        job(task("a", "SCHEDULED", lastReturnReason="could not start it: no", engineRejections=3))
    )
    assert [line.split(maxsplit=3) for line in lines] == [
        ["·", "a", "scheduled", "returned: could not start it: no"]
    ]


async def test_a_task_that_was_reused_or_may_have_been_says_so() -> None:
    miss = {"reason": "different", "message": "the nearest task differs in env.A"}
    reused = task("a", "COMPLETED", position=1, result="7", reusedFrom="0123456789" * 3)
    ran = task("b", "COMPLETED", position=2, reuseMiss=miss)
    lines = await tree(job(reused, ran, names=("a", "b")))
    assert [line.split(maxsplit=3)[3] for line in lines] == [
        "7  reused from task 01234567",
        "not reused: the nearest task differs in env.A",
    ]


async def test_a_task_that_waits_for_a_worker_says_in_which_queue() -> None:
    lines = await tree(job(task("a", "SCHEDULED", queue="gpu")))
    assert [line.split(maxsplit=3) for line in lines] == [
        ["·", "a", "scheduled", "waiting in queue gpu"]
    ]


async def test_a_task_before_its_turn_says_what_it_waits_for() -> None:
    answer = job(task("a", "RUNNING"))
    waiting = {"message": "waits for task a"}
    answer["tasks"] = [{"name": "a"}, {"name": "b", "needs": ["a"], "waiting": waiting}]
    assert "waits for task a" in (await tree(answer))[-1]


def test_a_long_name_leaves_room_for_why_the_task_failed() -> None:
    answer = job(task("a", "FAILED", error="exit code 2: oh no") | {"name": "long name " * 12})
    console = Console(width=80, file=io.StringIO())
    console.print(family_table(family(job_view(answer), None), datetime.now(UTC), console.width))
    assert isinstance(console.file, io.StringIO)
    assert "failed  " in console.file.getvalue()
    assert "exit code 2: oh no" in console.file.getvalue()


def test_executions_of_a_placed_task_tell_their_nodes_and_their_exit_codes() -> None:
    def execution(state: str, index: int, node: str | None, **fields: Any) -> dict[str, Any]:
        which = {"type": "batch", "index": index, "count": 4}
        return task(
            "main", state, parentId="p", childIndex=index, execution=which, nodeId=node, **fields
        )

    placement = {"type": "batch", "count": 4, "size": 4, "completions": 2}
    answer = job(
        task("p", "RUNNING", placement=placement),
        execution("COMPLETED", 0, "n1", exitCode=3),
        execution("RUNNING", 1, "0123456789abcdef"),
        execution("PENDING", 2, None, waiting={"message": "no node has 4 CPUs"}),
        execution("FAILED", 3, "n1", error="exit code 1"),
    )
    console = Console(width=80, file=io.StringIO())
    branches = family(job_view(answer), None)
    console.print(family_table(branches, datetime.now(UTC), console.width, {"n1": "worker-eu"}))
    assert isinstance(console.file, io.StringIO)
    first, *lines = [" ".join(line.split()) for line in console.file.getvalue().splitlines()]
    assert first == "▸ p running 2 of 4 done"
    assert [line.split(maxsplit=4)[4] for line in lines] == [
        "on worker-eu, exit code 3",
        "on 01234567",
        "no node has 4 CPUs",
        "exit code 1 on worker-eu",
    ]


async def test_of_a_service_it_is_told_how_many_run() -> None:
    placement = {"type": "service", "count": 3, "size": 3, "completions": 1, "running": 2}
    lines = await tree(job(task("db", "RUNNING", placement=placement)))
    assert "2 of 3 running" in lines[0]


async def test_children_stand_below_their_parent_in_their_places() -> None:
    answer = job(
        task("a", "RUNNING"),
        task("second", "COMPLETED", parentId="a", childIndex=1, result="2"),
        task("first", "FAILED", parentId="a", childIndex=0, error="exit code 1: no\nlog"),
        task("deep", "COMPLETED", parentId="second", childIndex=0),
        task("other", "RUNNING", 2, subjob={"id": "j2"}),
        names=("a", "b"),
    )
    lines = [" ".join(line.split()) for line in await tree(answer)]
    assert lines == [
        "▸ a running",
        "├─ ✗ first failed exit code 1: no log",
        "└─ ✓ second completed 2",
        "└─ ✓ deep completed",
        "▸ other running job j2",
    ]


async def test_of_many_children_those_that_need_a_look_are_shown_and_the_rest_counted() -> None:
    children = [task(f"c{n}", "COMPLETED", parentId="a", childIndex=n) for n in range(100)]
    children[70]["state"] = "FAILED"
    answer = job(task("a", "RUNNING"), *children)
    lines = await tree(answer)
    assert len([line for line in lines if "✓ c" in line]) == 19
    assert "✗ c70" in lines[1]
    assert lines[-2].split() == ["└─", "…", "80", "more", "✓", "80", "completed"]
    assert len(await tree(answer, "--all")) == 101


async def test_cancelled_children_are_a_number() -> None:
    states = ["COMPLETED", "FAILED", *["CANCELLED"] * 40, "SKIPPED"]
    children = [task(f"c{n}", s, parentId="a", childIndex=n) for n, s in enumerate(states)]
    each = {"size": 199, "completions": 43}
    lines = [
        " ".join(line.split())
        for line in await tree(job(task("a", "RUNNING", each=each), *children))
    ]
    assert lines[:5] == [
        "▸ a running 43 of 199 done",
        "├─ ✗ c1 failed",
        "├─ ✓ c0 completed",
        "├─ - c42 skipped",
        "└─ … 196 more ⊘ 40 cancelled, · 156 waiting",
    ]


async def test_a_long_result_is_cut() -> None:
    answer = job(task("a", "COMPLETED", result="x" * 5000), result="y" * 5000)
    lines = await shown(answer)
    assert max(map(len, lines)) < 2100
    assert any(line.endswith("y… (5,000 characters; --json has all)") for line in lines)


async def test_what_would_steer_the_terminal_is_not_printed() -> None:
    lines = await shown(job(task("a", "FAILED", error="\x1b[2Jgone"), name="x\x1b[31m"))
    assert "\x1b" not in "".join(lines)


async def test_json_is_exactly_what_the_api_answered() -> None:
    answer = job(task("a", "RUNNING"), unknown={"x": [1]})
    assert json.loads("\n".join(await shown(answer, "--json"))) == answer


async def test_an_unknown_job_gives_exit_code_3() -> None:
    async with fake_api() as api:
        result = await run_command(api.url, "get", "../x")
    assert result.exit_code == 3
    assert result.stderr.endswith(": no such path\n")


async def test_the_head_tells_what_was_held_and_what_it_costs() -> None:
    usage = {"cpuSeconds": 2.5, "memoryGibSeconds": 1234.5, "amount": "0.02", "unit": "BYC"}
    lines = await shown(job(usage=usage | {"attempts": 1, "runSeconds": 2.5}))
    assert "  usage       2.5 CPU s, 1,234.5 GiB s, 0.02 BYC" in lines
