"""How much one transaction begins and cancels.

What is nested multiplies: an `each` of a hundred in one of a hundred in one of a hundred is a
million tasks, of a few lines and one event. A transaction that makes or cancels them all takes
longer than a statement may, and then it is repeated, by every coordinator, for ever. So what is
beyond this waits for the next transaction, which a message brings about. What can't wait, a family
in a job's own list, is bounded.
"""

from collections.abc import Sequence

from shared.lifecycle import Planned, TaskKind
from shared.planning.size_budget import MOST_OF_SCOPES, SizeBudget

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

    def has_for(self, planned: Planned) -> bool:
        """Whether a task of a job's own list may be made with all of its children. Raises
        TooMuchAtOnce when that must be asked again without the other events of the batch."""
        made = self._made + (len(planned.offspring.scopes) if planned.offspring else 0)
        if made <= MOST_TASKS:
            self._made = made
            return True
        if self._is_shared:
            raise TooMuchAtOnce
        return False


def _characters(scopes: Sequence[object]) -> int:
    """Planning has seen to it that they are not too many."""
    bulk = SizeBudget(MOST_OF_SCOPES)
    bulk.add_all(scopes)
    return bulk.taken
