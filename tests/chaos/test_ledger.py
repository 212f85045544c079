"""What the chaos suite itself stands on: it must see a task that runs twice, and say so again."""

import subprocess
from pathlib import Path

import pytest

from tests.chaos.ledger import doubled, read_ledger, started_again
from tests.chaos.plan import plan
from tests.chaos.script import Scripts


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    scripts = Scripts(tmp_path / "written")
    scripts.make_room()
    return scripts


def start(scripts: Scripts, node: str) -> "subprocess.Popen[str]":
    """The task `t` of job `k` on `node`: started when this returns, over when its input ends."""
    script = scripts.script("k", "echo started; read word")
    process = subprocess.Popen(
        ["sh", "-c", script],
        env={"TORK_OUTPUT": f"/nowhere/conveyor-task.{node}.t.random/stdout"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


def test_an_attempt_that_starts_while_it_runs_is_seen(scripts: Scripts) -> None:
    # Given an attempt that runs on one worker, when another worker starts it too
    with start(scripts, "one") as first, start(scripts, "two") as second:
        first.communicate()
        second.communicate()
    # Then the second start is known for what it is
    [line] = doubled(read_ledger(scripts.ledger, "k"))
    assert (line.key, line.task, line.node) == ("k", "t", "two")


def test_an_attempt_that_starts_after_it_was_killed_is_no_double(scripts: Scripts) -> None:
    with start(scripts, "one") as first:
        first.kill()
    with start(scripts, "two") as second:
        second.communicate()
    lines = read_ledger(scripts.ledger, "k")
    assert doubled(lines) == []
    [again] = started_again(lines)
    assert (again.first.node, again.second.node) == ("one", "two")


def test_a_seed_says_the_whole_plan() -> None:
    assert plan(7, 40) == plan(7, 40)
    assert plan(7, 40) != plan(8, 40)
    for round_ in plan(7, 40):
        hits = [part for fault in round_.faults for part in fault.hits]
        assert len(hits) == len(set(hits)), "two faults that are in each other's way"
