"""Whatever order, duplication or loss of events: the invariants of jobs and tasks hold.

A small world plays coordinator and workers: events come from a random plan, some twice, some late,
some for dispatches long gone; after each the invariants are checked, and at the end the rest is
delivered honestly and every job must be final.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.lifecycle import (
    CancelTasks,
    Decision,
    DispatchMissing,
    EvaluateOutput,
    Event,
    GrantClaim,
    Job,
    JobCancelled,
    JobRestarted,
    JobState,
    JobSubmitted,
    LeaseExpired,
    OutputEvaluated,
    Planned,
    PlannedTask,
    PlanTask,
    RetryDue,
    RetryPolicy,
    Task,
    TaskCancelled,
    TaskClaimed,
    TaskEvent,
    TaskFailed,
    TaskPlanned,
    TaskPosition,
    TaskReturned,
    TaskState,
    TaskSucceeded,
    TaskTimedOut,
    decide,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(seconds=30)
NODES = ("node-1", "node-2")


@dataclass
class World:
    job: Job
    tasks: dict[str, Task] = field(default_factory=dict)
    now: datetime = START
    granted: dict[tuple[str, int], str] = field(default_factory=dict)

    def happen(self, event: Event) -> None:
        task = self.tasks.get(event.task_id) if isinstance(event, TaskEvent) else None
        before = (self.job, dict(self.tasks))
        outcome = decide(self.job, task, event, self.now)
        if isinstance(outcome, Decision):
            self.job = outcome.job
            for new in outcome.new_tasks:
                assert new.id not in self.tasks, "a task was made twice"
            self.tasks.update({t.id: t for t in (*outcome.tasks, *outcome.new_tasks)})
        else:
            assert before == (self.job, self.tasks)
        self.check()
        for command in outcome.commands:
            self.answer(command)

    def answer(self, command: object) -> None:
        match command:
            case PlanTask(job_id, position):
                retry = RetryPolicy(limit=1, initial_delay=timedelta(seconds=position % 2))
                planned = PlannedTask(name="t", queue="default", retry=retry)
                self.happen(TaskPlanned(TaskPosition(job_id, position), Planned(task=planned)))
            case EvaluateOutput(job_id):
                self.happen(OutputEvaluated(job_id, "done"))
            case CancelTasks(job_id, None):
                for task in [t for t in self.tasks.values() if not t.state.is_final]:
                    self.happen(TaskCancelled(job_id, task.id))
            case GrantClaim(_, task_id, dispatch, node_id):
                holder = self.granted.setdefault((task_id, dispatch), node_id)
                assert holder == node_id, "one dispatch was granted to two workers"

    def check(self) -> None:
        active = [t for t in self.tasks.values() if not t.state.is_final]
        assert len(active) <= 1, "a chain has at most one active task"
        assert 0 <= self.job.position <= self.job.task_count
        for task in self.tasks.values():
            assert (task.state is TaskState.RUNNING) == (task.lease_expires_at is not None)
            assert (task.state is TaskState.PENDING) == (task.due_at is not None)
            assert (task.state is TaskState.FAILED) == (task.error is not None)

    def finish_honestly(self) -> None:
        for _ in range(200):
            active = [t for t in self.tasks.values() if not t.state.is_final]
            if not active:
                return
            [task] = active
            self.now += timedelta(minutes=1)
            ref = (self.job.id, task.id)
            match task.state:
                case TaskState.PENDING:
                    self.happen(RetryDue(*ref))
                case TaskState.SCHEDULED:
                    self.happen(TaskClaimed(*ref, task.dispatch, NODES[0], LEASE))
                case _:
                    self.happen(TaskSucceeded(*ref, task.dispatch, task.node_id or ""))
        raise AssertionError("the job does not end")


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, int, int, int, int]]:
    kinds = st.sampled_from(
        [
            "claim",
            "done",
            "fail",
            "return",
            "decline",
            "die",
            "lost",
            "timeout",
            "due",
            "missing",
            "cancel",
            "restart",
        ]
    )
    one = st.tuples(
        kinds, st.integers(0, 30), st.integers(0, 2), st.integers(0, 1), st.integers(0, 90)
    )
    return draw(st.lists(one, max_size=60))


def event_of(world: World, step: tuple[str, int, int, int, int]) -> Event:
    kind, which, older, node, _ = step
    job_id = world.job.id
    if kind == "cancel":
        return JobCancelled(job_id)
    if kind == "restart":
        return JobRestarted(job_id)
    task = sorted(world.tasks.values(), key=lambda t: t.id)[which % len(world.tasks)]
    ref = (job_id, task.id)
    dispatch = max(task.dispatch - older, 1)
    events: dict[str, Event] = {
        "claim": TaskClaimed(*ref, dispatch, NODES[node], LEASE),
        "done": TaskSucceeded(*ref, dispatch, NODES[node]),
        "fail": TaskFailed(*ref, dispatch, NODES[node], "boom"),
        "return": TaskReturned(*ref, dispatch, NODES[node]),
        "die": TaskReturned(*ref, dispatch, NODES[node], is_lost=True),
        "decline": TaskReturned(*ref, dispatch, NODES[node], "no", is_declined=True),
        "lost": LeaseExpired(*ref, dispatch),
        "timeout": TaskTimedOut(*ref, dispatch),
        "due": RetryDue(*ref),
        "missing": DispatchMissing(*ref, dispatch),
    }
    return events[kind]


@settings(max_examples=300)
@given(steps(), st.integers(1, 4), st.booleans())
def test_no_order_or_repetition_of_events_breaks_an_invariant_and_the_job_ends(
    plan: list[tuple[str, int, int, int, int]], task_count: int, has_output: bool
) -> None:
    job = Job(
        id="job",
        state=JobState.PENDING,
        task_count=task_count,
        created_at=START,
        has_output=has_output,
    )
    world = World(job)
    world.happen(JobSubmitted(job))
    for step in plan:
        world.now += timedelta(seconds=step[4])
        event = event_of(world, step)
        world.happen(event)
        if isinstance(event, TaskSucceeded | TaskFailed | TaskReturned | TaskClaimed):
            tasks = dict(world.tasks)
            world.happen(event)
            assert world.tasks == tasks, "a repeated event changed something"
    world.finish_honestly()
    assert world.job.state.is_final
