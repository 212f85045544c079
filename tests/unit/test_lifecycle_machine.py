"""Jobs of nested tasks, played as a state machine: whatever order, they end, and end rightly.

Workers, clients and the scheduler each do what they may at that moment; what they say is under way
for any time, may come twice, together with other things, long after, or never. After each step the
invariants are checked. At the end the rest is delivered: a job that nobody meddled with must have
come to what a model that knows none of this says; after a restart so must all the others.

More of it: `CONVEYOR_TEST_EXAMPLES=5000 pytest tests/unit/test_lifecycle_machine.py`.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.lifecycle import (
    CancelContinued,
    ChildrenContinued,
    DispatchMissing,
    Event,
    JobCancelled,
    JobPrioritized,
    JobReleased,
    JobRestarted,
    JobState,
    TaskClaimed,
    TaskProgressed,
    TaskReturned,
)
from tests.support.family_model import job_succeeds
from tests.support.family_specs import Spec, job_specs
from tests.support.family_world import World, budgets
from tests.support.world_clock import due, early
from tests.support.world_ending import finish_honestly
from tests.support.world_invariants import check
from tests.support.world_runs import Runs
from tests.support.world_witness import Witness
from tests.support.world_workers import LEASE, NODES, fate

Act = TypeVar("Act", bound=Callable[..., None])

WHICH = st.integers(0, 60)
MAX_JOBS = 3
ASKS = (DispatchMissing, ChildrenContinued, CancelContinued)
"""They tell nothing, but ask for what is due at that moment."""


def has(wanted: Callable[["Jobs"], object]) -> Callable[[Act], Act]:
    return precondition(lambda self: bool(wanted(self)))


class Jobs(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.witness = Witness(self.world)
        self.world.watchers.append(self.witness.see)
        self.runs = Runs(self.world)
        self.under_way: list[Event] = []
        self.delivered: list[Event] = []
        self.submitted = 0

    @initialize(listed=job_specs, most_children=budgets, most_cancelled=budgets)
    def submit_the_first(self, listed: Spec, most_children: int, most_cancelled: int) -> None:
        self.world.most_cancelled = most_cancelled
        self.world.most_children = most_children
        self._submit(listed)

    @has(lambda self: self.submitted < MAX_JOBS)
    @rule(listed=job_specs, is_held=st.booleans(), seconds=st.sampled_from([0, 0, 30]))
    def submit(self, listed: Spec, is_held: bool, seconds: int) -> None:
        start_at = self.world.now + timedelta(seconds=seconds) if seconds else None
        self._submit(listed, hold=is_held, start_at=start_at)

    @has(lambda self: self.witness.queue)
    @rule(which=WHICH, node=st.sampled_from(NODES), comes_again=st.booleans())
    def worker_claims(self, which: int, node: str, comes_again: bool) -> None:
        queue = self.witness.queue
        place = which % len(queue)
        task = (queue[place] if comes_again else queue.pop(place)).task
        self.runs.ask(task, task.dispatch, node)
        self.under_way.append(TaskClaimed(task.job_id, task.id, task.dispatch, node, LEASE))

    @has(lambda self: self.runs.live())
    @rule(which=WHICH)
    def worker_reports(self, which: int) -> None:
        run = self.runs.live()[which % len(self.runs.running)]
        self.under_way.append(fate(self.world.tasks[run.task_id], run.dispatch, run.node))
        self.runs.end(run)

    @has(lambda self: self.runs.live())
    @rule(which=WHICH, is_lost=st.booleans())
    def worker_hands_back(self, which: int, is_lost: bool) -> None:
        run = self.runs.live()[which % len(self.runs.running)]
        job_id = self.world.tasks[run.task_id].job_id
        back = TaskReturned(job_id, run.task_id, run.dispatch, run.node, is_lost=is_lost)
        self.under_way.append(back)
        self.runs.end(run)

    @has(lambda self: self.runs.live())
    @rule(which=WHICH, progress=st.integers(0, 100))
    def worker_comes_further(self, which: int, progress: int) -> None:
        run = self.runs.live()[which % len(self.runs.running)]
        job_id = self.world.tasks[run.task_id].job_id
        self.under_way.append(TaskProgressed(job_id, run.task_id, run.dispatch, progress))

    @rule()
    def workers_send_heartbeats(self) -> None:
        self.runs.renew()

    @rule(seconds=st.sampled_from([1, 20, 40]))
    def time_passes(self, seconds: int) -> None:
        self.world.now += timedelta(seconds=seconds)

    @rule()
    def scheduler_looks(self) -> None:
        self.under_way += due(self.world)

    @rule()
    def scheduler_is_overtaken(self) -> None:
        self.under_way += early(self.world)

    @has(lambda self: self.under_way)
    @rule(places=st.lists(WHICH, min_size=1, max_size=4))
    def messages_arrive(self, places: list[int]) -> None:
        under_way = self.under_way
        self._happen(*(under_way.pop(p % len(under_way)) for p in places if under_way))

    @has(lambda self: self.under_way)
    @rule()
    def all_arrive(self) -> None:
        batch = list(self.under_way)
        self.under_way.clear()
        self._happen(*batch)

    @has(lambda self: self.delivered)
    @rule(places=st.lists(WHICH, min_size=1, max_size=2))
    def messages_come_again(self, places: list[int]) -> None:
        delivered = self.delivered
        self._happen(*(delivered[-1 - p % len(delivered)] for p in places))

    @has(lambda self: self.delivered and not isinstance(self.delivered[-1], ASKS))
    @rule()
    def the_last_message_comes_at_once_again(self) -> None:
        before = (dict(self.world.jobs), dict(self.world.tasks))
        last = self.delivered[-1]
        self._happen(last)
        between = (dict(self.world.jobs), dict(self.world.tasks))
        self._happen(last)
        assert between in (before, (self.world.jobs, self.world.tasks))

    @has(lambda self: self.under_way)
    @rule(which=WHICH)
    def message_is_lost(self, which: int) -> None:
        self.under_way.pop(which % len(self.under_way))

    @rule(which=WHICH)
    def client_cancels(self, which: int) -> None:
        self._ask(JobCancelled(self._some_job(which)))

    @rule(which=WHICH)
    def client_releases(self, which: int) -> None:
        self._ask(JobReleased(self._some_job(which)))

    @rule(which=WHICH, priority=st.integers(0, 2))
    def client_prioritizes(self, which: int, priority: int) -> None:
        self._ask(JobPrioritized(self._some_job(which), priority))

    @rule(which=WHICH, position=st.sampled_from([None, None, 1, 2, 3]))
    def client_restarts(self, which: int, position: int | None) -> None:
        self._ask(JobRestarted(self._some_job(which), position))

    @invariant()
    def all_agrees(self) -> None:
        check(self.world)

    def teardown(self) -> None:
        finish_honestly(self.world, fate)
        for job in self.witness.tops():
            assert job.state.is_final
            if job.id not in self.witness.meddled_with():
                succeeds = job_succeeds(self.world.submitted(job.id))
                assert (job.state is JobState.COMPLETED) == succeeds, "it ended wrongly"
        self._end_all_well()

    def _end_all_well(self) -> None:
        """All that failed or was cancelled goes on once more, and now no worker fails."""
        restarts = [JobRestarted(job.id) for job in self.witness.tops() if job.state.may_restart]
        for restart in restarts:
            self.world.happen(restart)
            check(self.world)
        finish_honestly(self.world)
        for job in self.witness.tops():
            listed = self.world.submitted(job.id)
            can_succeed = job_succeeds(listed, by_honest_workers=True)
            assert (job.state is JobState.COMPLETED) == can_succeed, "it did not go on rightly"
            if can_succeed:
                assert (job.progress, job.position) == (100.0, job.task_count)
                assert job.result == (listed.output or None)

    def _submit(self, listed: Spec, **waits: Any) -> None:
        self.submitted += 1
        self.world.submit(f"job-{self.submitted}", listed, **waits)
        self._settle()

    def _ask(self, event: Event) -> None:
        self.world.happen(event)
        self._settle()

    def _happen(self, *batch: Event) -> None:
        self.world.happen(*batch)
        self.delivered += batch
        self._settle()

    def _settle(self) -> None:
        """What jobs say to one another is under way as well; grants are there at once."""
        self.under_way += self.world.messages
        self.world.messages.clear()
        for grant in self.witness.grants:
            self.runs.start(grant)
        self.witness.grants.clear()

    def _some_job(self, which: int) -> str:
        return list(self.world.jobs)[which % len(self.world.jobs)]


EXAMPLES = int(os.environ.get("CONVEYOR_TEST_EXAMPLES", "0"))

TestJobs = Jobs.TestCase
TestJobs.settings = settings(
    max_examples=EXAMPLES or 60,
    stateful_step_count=120 if EXAMPLES else 50,
    derandomize=not EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
