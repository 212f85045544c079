"""The core: tasks whose children make others, one sequence after the other."""

from dataclasses import replace

from shared.lifecycle import (
    BeginChildren,
    CancelTasks,
    ChildrenSpawned,
    CollectResults,
    Ignored,
    Job,
    JobState,
    ListText,
    Offspring,
    OpenSequence,
    Planned,
    ResultsCollected,
    SequenceOpened,
    SpawnedTask,
    SpawnRules,
    Task,
    TaskKey,
    TaskKind,
    TaskPlanned,
    TaskPosition,
    TaskReopened,
    TaskState,
    TaskSucceeded,
    decide,
)
from shared.lifecycle.attempts import next_attempt
from tests.support.jobs.decided import (
    LATER,
    NODE,
    NOW,
    a_job,
    after,
    claim,
    decided,
    ended,
    of,
    plan,
    told,
)


def opened(*, has_barrier: bool = True, **planned: object) -> tuple[Job, Task, Task]:
    """The job, the spawn and its first child."""
    offspring = Offspring(scopes=[None], spawns=SpawnRules(most=10, has_barrier=has_barrier))
    whole = Planned(task=plan(TaskKind.SPAWN, **planned), offspring=offspring)
    outcome = decided(decide(a_job(), None, TaskPlanned(TaskPosition("job", 1), whole), NOW))
    parent, child = outcome.new_tasks
    assert of(outcome, BeginChildren) == [BeginChildren("job", parent.id, 1, by_sequence=True)]
    return outcome.job, parent, child


def spawned(parent: Task, *sequences: int) -> ChildrenSpawned:
    return ChildrenSpawned("job", parent.id, [SpawnedTask(each) for each in sequences])


def running(job: Job, child: Task) -> tuple[Job, Task]:
    begun = decided(
        decide(job, child, TaskPlanned(TaskKey("job", child.id), Planned(task=plan())), NOW)
    )
    outcome = decided(decide(begun.job, begun.tasks[0], claim(child), NOW))
    return outcome.job, outcome.tasks[0]


def counts(task: Task) -> tuple[int, int | None, int, int]:
    assert task.children is not None
    children = task.children
    return children.total, children.opened, children.begun, children.ended


def test_the_first_child_of_a_spawn_is_of_sequence_0() -> None:
    _, parent, child = opened()
    assert (child.sequence, child.child_index) == (0, 0)
    assert counts(parent) == (1, 1, 1, 0)


def test_what_a_child_has_made_is_told_before_its_end_and_not_once_more() -> None:
    job, _, child = opened()
    job, child = running(job, child)
    made = [SpawnedTask(1, {"item": 1}, "one")]
    end = TaskSucceeded("job", child.id, child.dispatch, NODE, spawned=made)
    outcome = decided(decide(job, child, end, LATER))
    assert [type(event).__name__ for event in told(outcome)][-2:] == [
        "ChildrenSpawned",
        "ChildEnded",
    ]
    assert told(outcome)[-2] == ChildrenSpawned("job", str(child.parent_id), made)
    assert isinstance(decide(outcome.job, outcome.tasks[0], end, LATER), Ignored)


def test_children_of_a_later_sequence_wait_for_all_of_the_one_before() -> None:
    job, parent, _ = opened()
    job, parent, [made, end] = after(job, parent, [spawned(parent, 1, 2, 1), *ended(parent)])
    assert [(t.sequence, t.child_index, t.state) for t in made.new_tasks] == [
        (1, 1, TaskState.CREATED),
        (2, 2, TaskState.CREATED),
        (1, 3, TaskState.CREATED),
    ]
    assert of(end, OpenSequence) == [OpenSequence("job", parent.id)]
    assert not of(end, BeginChildren)
    opening = SequenceOpened("job", parent.id, 1, 2)
    job, parent, [begin] = after(job, parent, [opening])
    assert of(begin, BeginChildren) == [BeginChildren("job", parent.id, 2, by_sequence=True)]
    assert isinstance(decide(job, parent, opening, LATER), Ignored)
    job, parent, [first, second] = after(job, parent, ended(parent, 2))
    assert not of(first, OpenSequence)
    assert of(second, OpenSequence)


def test_children_of_the_same_sequence_begin_at_once() -> None:
    job, parent, _ = opened()
    _, parent, [_, end] = after(job, parent, [spawned(parent, 0, 1), *ended(parent)])
    assert of(end, BeginChildren) == [BeginChildren("job", parent.id, 1, by_sequence=True)]
    assert not of(end, OpenSequence)


def test_without_a_barrier_all_begin_at_once() -> None:
    job, parent, _ = opened(has_barrier=False)
    _, parent, [_, end] = after(job, parent, [spawned(parent, 1, 5), *ended(parent)])
    assert of(end, BeginChildren) == [BeginChildren("job", parent.id, 2, by_sequence=True)]


def test_a_spawn_has_ended_when_nothing_is_left_with_the_results_that_there_are() -> None:
    job, parent, _ = opened(var="all")
    job, parent, [_, _, _, end] = after(
        job,
        parent,
        [
            spawned(parent, 1),
            *ended(parent),
            SequenceOpened("job", parent.id, 1, 1),
            *ended(parent),
        ],
    )
    assert of(end, CollectResults) == [CollectResults("job", parent.id, 2, by_sequence=True)]
    results = ResultsCollected("job", parent.id, ListText('["a"]'))
    _, parent, _ = after(job, parent, [results])
    assert (parent.state, parent.result, parent.progress) == (TaskState.COMPLETED, '["a"]', 100.0)


def test_progress_is_that_of_all_there_are_by_now() -> None:
    job, parent, _ = opened()
    _, parent, _ = after(job, parent, [spawned(parent, 1, 1, 1), *ended(parent)])
    assert parent.progress == 25.0


def test_one_failure_fails_the_spawn_and_cancels_what_waits() -> None:
    job, parent, _ = opened()
    events = [
        spawned(parent, 1, 1, 2),
        *ended(parent),
        SequenceOpened("job", parent.id, 1, 2),
        *ended(parent, error="boom"),
    ]
    job, parent, outcomes = after(job, parent, events)
    assert (parent.state, parent.error, job.state) == (TaskState.FAILED, "boom", JobState.FAILED)
    assert CancelTasks("job", parent.id) in of(outcomes[-1], CancelTasks)
    late = decide(job, parent, spawned(parent, 1), LATER)
    assert isinstance(late, Ignored)


def test_a_restart_goes_on_with_the_sequence_that_is_left() -> None:
    job, parent, _ = opened()
    events = [
        spawned(parent, 1, 1, 2),
        *ended(parent),
        SequenceOpened("job", parent.id, 1, 2),
        *ended(parent, error="boom"),
    ]
    job, parent, _ = after(job, parent, events)
    again = replace(job, state=JobState.PENDING)
    outcome = decided(decide(again, parent, TaskReopened("job", parent.id, left=3), LATER))
    assert of(outcome, OpenSequence)
    assert not of(outcome, BeginChildren)
    [parent] = [task for task in outcome.tasks if task.id == parent.id]
    assert counts(parent) == (4, 1, 1, 1)


def test_a_child_that_is_tried_again_keeps_its_sequence() -> None:
    _, _, child = opened()
    assert next_attempt(replace(child, sequence=3), NOW, 0).sequence == 3
