"""How a job goes on from task to task, for each strategy."""

from dataclasses import replace
from pathlib import Path

import pytest

import shared.lifecycle
from shared.lifecycle import (
    EvaluateOutput,
    Job,
    JobState,
    PlanDependents,
    PlanReady,
    PlanTask,
    Task,
    TaskState,
)
from shared.lifecycle.progressions import progression_of
from tests.support.jobs.decided import NOW, a_job, plan

SEQUENCE = a_job(state=JobState.RUNNING, task_count=4, position=2)
GRAPH = replace(SEQUENCE, is_graph=True)
sequence, graph = progression_of(SEQUENCE), progression_of(GRAPH)


def a_task(progress: float = 0.0) -> Task:
    return Task(
        id="task",
        job_id="job",
        position=2,
        plan=plan(),
        state=TaskState.COMPLETED,
        created_at=NOW,
        progress=progress,
    )


def test_a_list_goes_to_the_next_position_and_a_graph_to_what_waited_for_the_task() -> None:
    job, command = sequence.after(SEQUENCE, a_task())
    assert (job.position, job.progress, command) == (2, 50.0, PlanTask("job", 3))
    job, command = graph.after(GRAPH, a_task())
    assert (job.position, job.progress, command) == (3, 25.0, PlanDependents("job", 2))


def test_a_graph_counts_what_is_missing_of_a_task_beside_what_others_have_done() -> None:
    half_way = replace(GRAPH, progress=45.0)
    assert graph.after(half_way, a_task(progress=80.0))[0].progress == 50.0


@pytest.mark.parametrize(
    "last", [replace(SEQUENCE, position=4), replace(GRAPH, position=3, progress=75.0)]
)
def test_after_the_last_task_nothing_is_asked(last: Job) -> None:
    job, command = progression_of(last).after(last, a_task())
    assert (job.progress, command) == (100.0, None)


def test_a_list_awaits_one_position_and_a_graph_any() -> None:
    assert sequence.not_awaited(SEQUENCE, 3) is None
    assert sequence.not_awaited(SEQUENCE, 4) == "position 4 is not the next after 2"
    assert graph.not_awaited(GRAPH, 4) is None


def test_a_restart_takes_a_list_up_at_the_position_it_stopped_at() -> None:
    job, command = sequence.again(SEQUENCE)
    assert (job.position, job.progress, command) == (1, 25.0, PlanTask("job", 2, is_restart=True))


def test_a_restart_keeps_what_is_done_of_a_graph() -> None:
    job, command = graph.again(GRAPH)
    assert (job.position, job.progress, command) == (2, 50.0, PlanReady("job", is_restart=True))
    done = replace(GRAPH, position=4)
    assert graph.again(done)[1] == EvaluateOutput("job")


def test_one_place_asks_which_strategy_a_job_has() -> None:
    core = Path(shared.lifecycle.__file__).parent
    asking = [path for path in core.rglob("*.py") if "job.is_graph" in path.read_text()]
    assert asking == [core / "progressions.py"]
