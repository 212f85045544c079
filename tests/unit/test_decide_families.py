"""The core: how families of tasks begin, come further and end."""

import pytest

from shared.lifecycle import (
    AnnounceJob,
    AnnounceTask,
    BeginChildren,
    CancelTasks,
    ChildEnded,
    ChildrenContinued,
    ChildrenPutOff,
    CollectResults,
    ContinueChildren,
    Decision,
    Ignored,
    JobState,
    ListText,
    PlanTask,
    ResultsCollected,
    ResultsTooLarge,
    RunTask,
    SetVariable,
    TaskKey,
    TaskPlanned,
    TaskState,
    decide,
)
from shared.lifecycle.family_events import ChildProgressed, ChildStarted
from tests.support.jobs.decided import (
    LATER,
    NOW,
    a_job,
    after,
    asked,
    child_of,
    decided,
    ended,
    family,
    of,
    opened,
    told,
)


def test_a_planned_family_runs_at_once_and_its_children_wait_for_their_turn() -> None:
    job, parent, outcome = opened(3, concurrency=2)
    assert (job.state, parent.state) == (JobState.SCHEDULED, TaskState.RUNNING)
    children = [task for task in outcome.new_tasks if task.parent_id == parent.id]
    assert [(c.state, c.child_index) for c in children] == [
        (TaskState.CREATED, p) for p in range(3)
    ]
    assert of(outcome, BeginChildren) == [BeginChildren("job", parent.id, 2)]
    assert not of(outcome, RunTask)


def test_a_family_over_an_empty_list_completes_at_once_and_the_job_goes_on() -> None:
    _, parent, outcome = opened(0)
    assert (parent.state, parent.progress) == (TaskState.COMPLETED, 100)
    assert of(outcome, PlanTask) == [PlanTask("job", 2)]


def test_an_empty_family_at_the_end_completes_the_job() -> None:
    job, _, _ = opened(0, a_job(task_count=1))
    assert job.state is JobState.COMPLETED


def test_an_empty_family_within_another_counts_as_ended() -> None:
    _, _, outcome = opened(1)
    [_, child] = outcome.new_tasks
    inner = decided(
        decide(outcome.job, child, TaskPlanned(TaskKey("job", child.id), family(0)), NOW)
    )
    assert inner.tasks[0].state is TaskState.COMPLETED
    [started, ended] = told(inner)
    assert started == ChildStarted("job", child.parent_id or "", via_worker=False)
    assert ended == ChildEnded("job", child.parent_id or "", 100.0, None, was_claimed=False)


@pytest.mark.parametrize(
    ("total", "concurrency", "begins"),
    [(1, 0, 1), (150, 0, 150), (10_000, 0, 200), (10_000, 500, 200), (5, 9, 5), (5, 1, 1)],
)
def test_so_many_children_begin_at_first(total: int, concurrency: int, begins: int) -> None:
    _, parent, outcome = opened(total, concurrency=concurrency)
    assert asked([outcome]) == begins
    assert parent.children is not None
    assert parent.children.begun == begins


def test_a_child_that_ends_makes_room_for_one_more_and_no_more() -> None:
    job, parent, _ = opened(5, concurrency=2)
    _, parent, outcomes = after(job, parent, ended(parent, 3))
    assert asked(outcomes) == 3
    assert parent.children is not None
    assert (parent.children.active, parent.children.begun) == (2, 5)


@pytest.mark.parametrize("total", [250, 1000])
def test_without_a_limit_all_children_begin_as_others_are_taken(total: int) -> None:
    job, parent, first = opened(total)
    begun, taken = asked([first]), 0
    while begun < total:
        assert taken < begun, "it waits for children that never began"
        outcome = decide(job, parent, ChildStarted("job", parent.id), LATER)
        taken += 1
        if isinstance(outcome, Decision):
            parent = outcome.tasks[0]
            begun += asked([outcome])
    assert begun == total


def test_children_that_are_put_off_begin_when_the_family_continues_and_no_more() -> None:
    job, parent, _ = opened(5, concurrency=3)
    job, parent, [put_off] = after(job, parent, [ChildrenPutOff("job", parent.id, 2)])
    assert of(put_off, ContinueChildren) == [ContinueChildren("job", parent.id)]
    job, parent, [continued] = after(job, parent, [ChildrenContinued("job", parent.id)])
    assert asked([continued]) == 2
    assert parent.children is not None
    assert (parent.children.begun, parent.children.waiting) == (3, 3)
    assert isinstance(decide(job, parent, ChildrenContinued("job", parent.id), LATER), Ignored)


@pytest.mark.parametrize(("concurrency", "begun"), [(1000, 1000), (350, 350), (0, 200)])
def test_children_made_of_others_wait_for_no_worker_but_only_a_limit_lets_all_of_it_begin(
    concurrency: int, begun: int
) -> None:
    job, parent, first = opened(2000, concurrency=concurrency)
    came, count = 0, asked([first])
    while came < count:
        outcome = decide(job, parent, ChildStarted("job", parent.id, via_worker=False), LATER)
        came += 1
        if isinstance(outcome, Decision):
            parent = outcome.tasks[0]
            count += asked([outcome])
    assert count == begun


def test_a_family_completes_when_the_last_of_its_children_has_ended() -> None:
    job, parent, _ = opened(3)
    job, parent, outcomes = after(job, parent, ended(parent, 3))
    assert (parent.state, parent.progress) == (TaskState.COMPLETED, 100)
    assert of(outcomes[-1], PlanTask) == [PlanTask("job", 2)]
    assert not of(outcomes[-1], CollectResults)
    assert job.progress == 50


def test_the_results_of_a_family_with_a_variable_are_gathered_before_it_completes() -> None:
    job, parent, _ = opened(3, var="all")
    job, parent, outcomes = after(job, parent, ended(parent, 3))
    assert of(outcomes[-1], CollectResults) == [CollectResults("job", parent.id, 3)]
    assert (parent.state, of(outcomes[-1], PlanTask)) == (TaskState.RUNNING, [])
    results = ListText('["a","","c"]')
    done = decided(decide(job, parent, ResultsCollected("job", parent.id, results), LATER))
    [parent] = done.tasks
    assert (parent.state, parent.result) == (TaskState.COMPLETED, results)
    assert of(done, SetVariable) == [SetVariable("job", "all", results)]
    assert of(done, SetVariable)[0].is_list
    assert of(done, PlanTask) == [PlanTask("job", 2)]
    again = decide(done.job, parent, ResultsCollected("job", parent.id, results), LATER)
    assert isinstance(again, Ignored)


def test_a_family_whose_results_are_too_large_together_fails() -> None:
    job, parent, _ = opened(3, var="all")
    unfinished = decide(job, parent, ResultsTooLarge("job", parent.id, "too large"), LATER)
    assert isinstance(unfinished, Ignored)
    job, parent, _ = after(job, parent, ended(parent, 3))
    failed = decided(decide(job, parent, ResultsTooLarge("job", parent.id, "too large"), LATER))
    assert (failed.tasks[0].state, failed.job.error) == (TaskState.FAILED, "too large")


def test_a_family_without_children_has_no_results() -> None:
    _, parent, outcome = opened(0, var="all")
    assert of(outcome, CollectResults) == [CollectResults("job", parent.id, 0)]


def test_a_failed_child_fails_its_family_and_the_job_and_cancels_the_others() -> None:
    job, parent, _ = opened(3)
    job, parent, [outcome] = after(job, parent, ended(parent, 1, "exit code 3"))
    assert (parent.state, parent.error) == (TaskState.FAILED, "exit code 3")
    assert (job.state, job.error) == (JobState.FAILED, "exit code 3")
    assert of(outcome, CancelTasks) == [CancelTasks("job", parent.id), CancelTasks("job")]


@pytest.mark.parametrize(
    ("required", "failures", "state"),
    [
        (3, 2, TaskState.COMPLETED),
        (3, 3, TaskState.FAILED),
        (1, 4, TaskState.COMPLETED),
        (5, 1, TaskState.FAILED),
        (99, 0, TaskState.COMPLETED),  # more than there are: all
    ],
)
def test_a_family_needs_so_many_of_five_to_succeed(
    required: int, failures: int, state: TaskState
) -> None:
    job, parent, _ = opened(5, required=required)
    job, parent, _ = after(job, parent, ended(parent, failures, "boom"))
    if state is TaskState.COMPLETED:
        assert parent.state is TaskState.RUNNING
        job, parent, _ = after(job, parent, ended(parent, 5 - failures))
    assert parent.state is state


def test_it_fails_as_soon_as_enough_can_no_longer_succeed() -> None:
    job, parent, _ = opened(5, required=4)
    job, parent, _ = after(job, parent, ended(parent, 1, "first"))
    assert parent.state is TaskState.RUNNING
    job, parent, _ = after(job, parent, ended(parent, 1, "second"))
    assert (parent.state, parent.error) == (TaskState.FAILED, "second")


def test_a_family_that_finishes_fails_when_all_have_ended_and_goes_on_till_then() -> None:
    job, parent, _ = opened(5, required=4, finishes=True, concurrency=2)
    job, parent, outcomes = after(job, parent, ended(parent, 3, "boom"))
    assert parent.state is TaskState.RUNNING
    assert asked(outcomes) == 3
    job, parent, [_, outcome] = after(job, parent, ended(parent, 2))
    assert (parent.state, parent.error) == (TaskState.FAILED, "3 of its 5 tasks failed")
    assert outcome.job.state is JobState.FAILED


def test_a_family_that_may_fail_lets_the_job_go_on_and_still_cancels_its_children() -> None:
    job, parent, _ = opened(3, allow_failure=True)
    job, parent, [outcome] = after(job, parent, ended(parent, 1, "boom"))
    assert (parent.state, job.state) == (TaskState.FAILED, JobState.SCHEDULED)
    assert of(outcome, CancelTasks) == [CancelTasks("job", parent.id)]
    assert of(outcome, PlanTask) == [PlanTask("job", 2)]


def test_a_child_that_ends_after_its_family_is_passed_over() -> None:
    job, parent, _ = opened(2, allow_failure=True)
    job, parent, _ = after(job, parent, ended(parent, 1, "boom"))
    for event in (
        *ended(parent),
        ChildStarted("job", parent.id),
        ChildProgressed("job", parent.id, 1),
    ):
        assert isinstance(decide(job, parent, event, LATER), Ignored)


def test_progress_of_a_child_moves_its_family_and_the_job_by_its_share() -> None:
    job, parent, _ = opened(4)
    job, parent, _ = after(job, parent, [ChildProgressed("job", parent.id, 40)])
    assert (parent.progress, job.progress) == (10, 5)
    job, parent, _ = after(job, parent, [ChildProgressed("job", parent.id, -40)])
    assert (parent.progress, job.progress) == (0, 0)


def test_progress_never_leaves_its_range() -> None:
    job, parent, _ = opened(3, required=1)
    job, parent, _ = after(job, parent, [ChildProgressed("job", parent.id, -50)])
    assert parent.progress == 0
    job, parent, _ = after(job, parent, ended(parent, 3))
    assert (parent.progress, job.progress) == (100, 50)


def test_a_family_within_a_family_passes_on_what_it_adds() -> None:
    job, child = child_of(opened(2)[2])
    inner = decided(decide(job, child, TaskPlanned(TaskKey("job", child.id), family(4)), NOW))
    outcome = decided(decide(inner.job, inner.tasks[0], ended(child)[0], NOW))
    assert outcome.tasks[0].progress == 25
    assert told(outcome) == [ChildProgressed("job", child.parent_id or "", 25)]


def test_announcements_of_families_are_numbered_without_gaps() -> None:
    job, parent, outcome = opened(2)
    outcomes = [outcome, *after(job, parent, [*ended(parent), *ended(parent, 1, "boom")])[2]]
    versions = [
        command.job.version
        for each in outcomes
        for command in each.commands
        if isinstance(command, AnnounceJob | AnnounceTask)
    ]
    assert versions == list(range(1, 1 + len(versions)))
