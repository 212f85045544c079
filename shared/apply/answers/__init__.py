"""Answers, inside the transaction, the questions that decisions ask: one answerer for each kind.

In rounds, as an answer may lead to further questions: a task that is skipped asks for the next.
All questions of a kind are answered together. An answerer returns what is to be planned; all of
that is planned at the end of the round, and what came of it are events like any other.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.apply.answers.begin_children import begin_children, open_sequences, put_off
from shared.apply.answers.cancel import cancel_tasks
from shared.apply.answers.collect import collect_results
from shared.apply.answers.placed import as_replanned, count_executions, reopen_kept, replan_placed
from shared.apply.answers.plan import evaluate_output, plan_dependents, plan_ready, plan_task
from shared.apply.answers.prioritize import prioritize_tasks
from shared.apply.answers.reuse import Prepared, prepared
from shared.apply.answers.rewind import rewind
from shared.apply.answers.slots import count_slots, fill_slots
from shared.apply.answers.withdraw import withdraw_submissions
from shared.apply.transaction import Transaction
from shared.expressions import Allowance
from shared.lifecycle import (
    BeginChildren,
    CancelTasks,
    CollectResults,
    CountExecutions,
    CountSlots,
    EvaluateOutput,
    Event,
    FillSlots,
    OpenSequence,
    OutputFailed,
    PlanDependents,
    PlanReady,
    PlanTask,
    PrioritizeTasks,
    Question,
    ReopenKept,
    ReplanPlaced,
    Rewind,
    TaskPlanned,
    TaskPosition,
    WithdrawSubmission,
)
from shared.planning.budgets import MOST_STEPS, MOST_STEPS_AT_ONCE, MOST_TASKS
from shared.planning.kept import sealed_secrets
from shared.planning.planner import plan_failed
from shared.planning.secrets import with_derived
from shared.planning.taking import Found, Wanted, takes_kept_files
from shared.planning.templates import (
    JobSource,
    Source,
    TaskSource,
    Variables,
    are_quick,
    job_of,
    listed_task_source,
    unsaved_job_source,
    variables_wanted,
)
from shared.process.garbage import in_thread
from shared.process.sealing import SealingError

ToPlan = TaskPosition | Source

_TOO_MANY = f"its tasks are too many: at most {MOST_TASKS:,} are made at once"
_TOO_COSTLY = (
    f"the expressions of tasks that begin at once take more than {MOST_STEPS_AT_ONCE:,} steps: "
    "they must be simpler, or their tasks begin one after another"
)

Q = TypeVar("Q", bound=Question)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answerer(Generic[Q]):
    kind: type[Q]
    answer: Callable[[Transaction, Sequence[Q]], Awaitable[Sequence[ToPlan]]]

    async def answer_all(self, transaction: Transaction) -> Sequence[ToPlan]:
        asked = transaction.workspace.take_questions(self.kind)
        return await self.answer(transaction, asked) if asked else ()


# One for every kind of question, in the order of a round. Cancelling comes first: else a child
# would begin that its family's end has cancelled in the same round. What is held back comes before
# what would begin now: it takes the slots that are free.
ANSWERERS = (
    Answerer(WithdrawSubmission, withdraw_submissions),
    Answerer(CancelTasks, cancel_tasks),
    Answerer(CountSlots, count_slots),
    Answerer(FillSlots, fill_slots),
    Answerer(CollectResults, collect_results),
    Answerer(OpenSequence, open_sequences),
    Answerer(ReopenKept, reopen_kept),
    Answerer(ReplanPlaced, replan_placed),
    Answerer(CountExecutions, count_executions),
    Answerer(Rewind, rewind),
    Answerer(PrioritizeTasks, prioritize_tasks),
    Answerer(PlanTask, plan_task),
    Answerer(PlanReady, plan_ready),
    Answerer(PlanDependents, plan_dependents),
    Answerer(EvaluateOutput, evaluate_output),
    Answerer(BeginChildren, begin_children),
)


async def _done(work: Callable[[], T], is_quick: bool) -> T:
    return work() if is_quick else await in_thread(work)


class Answers:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._secrets: dict[str, Mapping[str, str]] = {}
        self._files: dict[Wanted, Found] = {}
        self._prepared: dict[str, Prepared] = {}

    def forget(self, job_id: str) -> None:
        """The job has a new version, with other secrets."""
        self._secrets.pop(job_id, None)

    async def give(self) -> None:
        """Until no question is open."""
        while self._transaction.workspace.has_questions:
            found = [await answerer.answer_all(self._transaction) for answerer in ANSWERERS]
            await self.plan([each for answer in found for each in answer])

    async def plan(self, found: Sequence[ToPlan]) -> None:
        """One query for all tasks and one for all variables, however many jobs there are."""
        listed = await self._listed([each for each in found if isinstance(each, TaskPosition)])
        sources = listed + [each for each in found if not isinstance(each, TaskPosition)]
        if sources:
            at_hand = are_quick(sources)
            wanted = await _done(lambda: variables_wanted(sources), at_hand)
            variables = await self._transaction.rows.load_variables(wanted)
            await self._find_files(sources, variables)
            await self._find_done(sources, variables)
            await _done(lambda: self._plan(sources, variables), at_hand)

    async def _find_files(self, sources: Sequence[Source], variables: Variables) -> None:
        """What the sources of tasks stand for; most tasks have none."""
        takers = [s for s in sources if isinstance(s, TaskSource) and takes_kept_files(s.task)]
        if not takers:
            return
        wanted = await _done(lambda: self._wanted(takers, variables), are_quick(takers))
        await self._transaction.write_so_far()  # what has just ended, and what it has kept
        self._files |= await self._transaction.rows.load_files(wanted - self._files.keys())

    async def _find_done(self, sources: Sequence[Source], variables: Variables) -> None:
        """Those that another task has done the work of; few say that they may be."""
        asking = [s for s in sources if isinstance(s, TaskSource) and s.task.reuse]
        if not asking:
            return
        at_hand = are_quick(asking)
        planned = await _done(lambda: [(s, self._event(s, variables)) for s in asking], at_hand)
        self._prepared |= await prepared(self._transaction, planned)

    def _wanted(self, takers: Sequence[TaskSource], stored: Variables) -> set[Wanted]:
        found: set[Wanted] = set()
        for source in takers:
            with suppress(SealingError):  # it fails when it is planned
                secrets, variables = self._secrets_of(source.job), self._read(source.job, stored)
                found |= self._transaction.planner.wanted_files(source, variables, secrets)
        return found

    def _plan(self, sources: Sequence[Source], variables: Variables) -> None:
        children: list[TaskSource] = []
        for source in sources:
            if isinstance(source, TaskSource) and source.child_id is not None:
                children.append(source)
            else:
                self._transaction.workspace.apply_event(self._event(source, variables))
        self._begin(children, variables)

    async def _listed(self, positions: Sequence[TaskPosition]) -> list[Source]:
        workspace = self._transaction.workspace
        new: list[Source] = []
        stored: list[TaskPosition] = []
        restarts = {p.job_id: workspace.jobs[p.job_id].restarts for p in positions}
        for listed in positions:
            if unsaved := workspace.unsaved.get(listed.job_id):
                task = unsaved.new.definition.tasks[listed.position - 1]
                job = unsaved_job_source(unsaved)
                new.append(listed_task_source(job, listed.position, task, restarts[listed.job_id]))
            else:
                stored.append(listed)
        return new + await self._transaction.rows.load_tasks(stored, restarts)

    def _begin(self, children: Sequence[TaskSource], variables: Variables) -> None:
        """As far as the budget goes: what one of them takes shows only when it is planned."""
        budget = self._transaction.budget
        for index, source in enumerate(children):
            if not budget.children:
                put_off(self._transaction, children[index:])
                return
            event = self._event(source, variables)
            budget.take(event.planned if isinstance(event, TaskPlanned) else None)
            self._transaction.workspace.apply_event(event)

    def _event(self, source: Source, stored: Variables) -> Event:
        if isinstance(source, TaskSource) and source.task_id in self._prepared:
            return self._prepared.pop(source.task_id).event(self._transaction.workspace)
        event = self._answer(source, stored)
        if isinstance(source, TaskSource) and source.replans is not None:
            return as_replanned(source.replans, event)
        return event

    def _answer(self, source: Source, stored: Variables) -> Event:
        job = job_of(source)
        variables = self._read(job, stored)
        try:
            secrets = self._secrets_of(job)
        except SealingError as error:  # a key is missing: the job fails, saying so
            if isinstance(source, TaskSource):
                return plan_failed(source, f"secrets: {error}")
            return OutputFailed(job.job_id, f"secrets: {error}")
        if isinstance(source, TaskSource):
            return self._task_event(source, variables, secrets)
        return self._transaction.planner.output(source, variables, secrets)

    def _read(self, job: JobSource, stored: Variables) -> dict[str, str]:
        here = self._transaction.workspace.variables
        return stored.get(job.job_id, {}) | here.get(job.job_id, {})

    def _task_event(
        self, source: TaskSource, variables: Mapping[str, str], secrets: Mapping[str, str]
    ) -> Event:
        if source.unreadable:
            return plan_failed(source, f"secrets: {source.unreadable}")
        budget, now = self._transaction.budget, self._transaction.workspace.now
        is_child = source.child_id is not None
        if not is_child and not budget.has_steps():
            return plan_failed(source, _TOO_COSTLY)
        derived: set[str] = set()
        allowance = Allowance(MOST_STEPS)
        plan = self._transaction.planner.plan
        event = plan(source, variables, secrets, now, derived, allowance, self._files)
        budget.take_steps(allowance.used, of_child=is_child)
        if derived:
            self._add_derived(source.job.job_id, secrets, derived)
        if is_child or not isinstance(event, TaskPlanned) or budget.has_for(event.planned):
            return event
        return plan_failed(source, _TOO_MANY)

    def _add_derived(
        self, job_id: str, secrets: Mapping[str, str], derived: Collection[str]
    ) -> None:
        """What was made of secrets is one of them from now on, wherever the job shows it."""
        known = self._secrets[job_id] = with_derived(secrets, derived)
        sealed = sealed_secrets(known, self._transaction.planner.sealer)
        if len(known) > len(secrets) and sealed is not None:
            self._transaction.workspace.reseal(job_id, sealed)

    def _secrets_of(self, job: JobSource) -> Mapping[str, str]:
        """Unsealed once for all the tasks of a job that begin together. Raises SealingError."""
        if job.job_id not in self._secrets:
            sealed = self._transaction.workspace.resealed.get(job.job_id, job.sealed)
            self._secrets[job.job_id] = self._transaction.planner.sealer.secrets_in(sealed)
        return self._secrets[job.job_id]
