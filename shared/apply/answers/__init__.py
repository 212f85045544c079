"""Answers, inside the transaction, the questions that decisions ask: one answerer for each kind.

In rounds, as an answer may lead to further questions: a task that is skipped asks for the next.
All questions of a kind are answered together. An answerer returns what is to be planned; all of
that is planned at the end of the round, and what came of it are events like any other.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.apply.answers.begin_children import begin_children
from shared.apply.answers.cancel import cancel_tasks
from shared.apply.answers.plan import evaluate_output, plan_dependents, plan_ready, plan_task
from shared.apply.answers.planning import Planning, ToPlan
from shared.apply.transaction import Transaction
from shared.apply.workspace import Question
from shared.lifecycle import (
    BeginChildren,
    CancelTasks,
    EvaluateOutput,
    PlanDependents,
    PlanReady,
    PlanTask,
)

Q = TypeVar("Q", bound=Question)


@dataclass(frozen=True, slots=True)
class Answerer(Generic[Q]):
    kind: type[Q]
    answer: Callable[[Transaction, Sequence[Q]], Awaitable[Sequence[ToPlan]]]

    async def answer_all(self, transaction: Transaction) -> Sequence[ToPlan]:
        asked = transaction.workspace.take_questions(self.kind)
        return await self.answer(transaction, asked) if asked else ()


# One for every kind of question, in the order of a round. Cancelling comes first: else a child
# would begin that its family's end has cancelled in the same round.
ANSWERERS = (
    Answerer(CancelTasks, cancel_tasks),
    Answerer(PlanTask, plan_task),
    Answerer(PlanReady, plan_ready),
    Answerer(PlanDependents, plan_dependents),
    Answerer(EvaluateOutput, evaluate_output),
    Answerer(BeginChildren, begin_children),
)


class Answers:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._planning = Planning(transaction)

    async def give(self) -> None:
        """Until no question is open."""
        while self._transaction.workspace.has_questions:
            found = [await answerer.answer_all(self._transaction) for answerer in ANSWERERS]
            await self._planning.plan([each for answer in found for each in answer])
