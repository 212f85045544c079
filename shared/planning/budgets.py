"""Budgets: what evaluating a task may come to, and how much one transaction begins and cancels.

A few expressions can repeat one text a million times. Each alone is bounded by the language.
Together they must fit in a message to a worker and in a statement to Postgres, so what they come to
is counted before anything is written down.

And what is nested multiplies: an `each` of a hundred in one of a hundred in one of a hundred is a
million tasks, of a few lines and one event. A transaction that makes or cancels them all takes
longer than a statement may, and then it is repeated, by every coordinator, for ever. So what is
beyond this waits for the next transaction, which a message brings about. What can't wait, a family
in a job's own list, is bounded.
"""

from collections.abc import Iterable, Sequence

from shared.lifecycle import Planned, TaskKind

MOST_OF_A_TASK = 1 << 20
"""Characters of all evaluated fields of one task: in a message they may be six times as many."""

MOST_OF_A_SUBJOB = 1 << 23
"""Characters of all evaluated fields of the job that a task stands for."""

MOST_OF_SCOPES = 1 << 24
"""Characters of the variables of all children of one task."""

MOST_OF_RESULTS = 1 << 20
"""Characters of the results of all children of one task, as a list."""

MOST_STEPS = 2_000_000
"""Steps of all expressions of one task: the better part of a second."""

MOST_STEPS_AT_ONCE = 5 * MOST_STEPS
"""Steps of all tasks of a job's own list that one event has begin."""

MOST_PRIORITIZED = 1_000
"""Tasks that wait when their job has a new priority, and are sent again: those that have waited
longest. A job hardly ever has more than a few hundred waiting at once."""

_OF_A_NODE = 16  # what a number, a name's marks or a bracket takes, generously


class TooLarge(Exception):
    """It comes to more than is left."""


class SizeBudget:
    """What may still be added. Sizes are in characters, roughly those of the JSON form."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._left = most

    @property
    def taken(self) -> int:
        return self.most - self._left

    def add(self, value: object) -> None:
        """`value` is as JSON has it; it is looked at no further than there is room. Raises
        TooLarge."""
        waiting = [value]
        while waiting:
            match waiting.pop():
                case str() as text:
                    self._take(len(text))
                case dict() as mapping:
                    self._take(sum(map(len, mapping)) + len(mapping) * _OF_A_NODE)
                    waiting.extend(mapping.values())
                case list() | tuple() as items:
                    self._take(len(items) * _OF_A_NODE)
                    waiting.extend(items)

    def add_all(self, values: Iterable[object]) -> None:
        """Raises TooLarge."""
        for value in values:
            self.add(value)

    def _take(self, characters: int) -> None:
        self._left -= characters
        if self._left < 0:
            raise TooLarge


MOST_TASKS = 100_000
"""How many tasks one event may make in a job's own list."""

MOST_CHILDREN = 500
"""How many children begin in one transaction, at most."""

MOST_CANCELLED = 1_000
"""How many active tasks are cancelled in one transaction, at most."""

_CREATED_FOR_EACH = 10  # as many that never began: one statement does it, and nobody is told
_CHILD = 100  # what a child takes that begins: planned, sent, announced
_ROW = 20  # what a grandchild takes that is made and waits for its turn
_SUBJOB = 5_000  # nobody knows yet what it will begin
_CHARACTERS_OF_A_UNIT = 100
_STEPS_OF_A_UNIT = 40


class TooMuchAtOnce(Exception):
    """The events of the batch make too many tasks together; each alone may not."""


class TransactionBudget:
    """Of one transaction; `is_shared` between several events."""

    def __init__(
        self,
        *,
        is_shared: bool,
        most_children: int | None = None,
        most_cancelled: int | None = None,
    ) -> None:
        self._is_shared = is_shared
        self._left = (most_children or MOST_CHILDREN) * _CHILD
        self._made = 0
        self._steps = 0
        self.active_to_cancel = most_cancelled or MOST_CANCELLED
        """How many more active tasks may be cancelled."""
        self.created_to_cancel = self.active_to_cancel * _CREATED_FOR_EACH
        """How many more that never began."""

    @property
    def children(self) -> int:
        """How many more children may begin."""
        return max(-(-self._left // _CHILD), 0)

    def take(self, planned: Planned | None) -> None:
        """A child begins; None: as nothing that a worker would run."""
        self._left -= _CHILD
        if planned is None:
            return
        if planned.task.kind is TaskKind.SUBJOB:
            self._left -= _SUBJOB
        elif planned.offspring is not None:
            scopes = planned.offspring.scopes
            self._left -= _ROW * len(scopes) + _characters(scopes) // _CHARACTERS_OF_A_UNIT

    def take_steps(self, steps: int, *, of_child: bool) -> None:
        """Planning a task has taken so many."""
        if of_child:
            self._left -= steps // _STEPS_OF_A_UNIT
        else:
            self._steps += steps

    def has_steps(self) -> bool:
        """Whether one more task of a job's own list may be planned. Raises as `has_for`."""
        return self._steps <= MOST_STEPS_AT_ONCE or self._refused()

    def has_for(self, planned: Planned) -> bool:
        """Whether a task of a job's own list may be made with all of its children. Raises
        TooMuchAtOnce when that must be asked again without the other events of the batch."""
        made = self._made + (len(planned.offspring.scopes) if planned.offspring else 0)
        if made <= MOST_TASKS:
            self._made = made
            return True
        return self._refused()

    def _refused(self) -> bool:
        if self._is_shared:
            raise TooMuchAtOnce
        return False


def _characters(scopes: Sequence[object]) -> int:
    """Planning has seen to it that they are not too many."""
    budget = SizeBudget(MOST_OF_SCOPES)
    budget.add_all(scopes)
    return budget.taken
