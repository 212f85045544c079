"""The children of a parallel or each task: how far they are, and how many may begin now."""

from dataclasses import dataclass

_AT_ONCE = 200
_FEW_WAITING = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """Counts, so that nobody ever has to look at all of them.

    `begun` have left CREATED, `ended` are final with no retry to come, `failed` of those count as
    failures. `required` must succeed. `concurrency` is how many may be active, 0 for any number.
    `waiting` is about how many wait for a worker: a hint that only steers `room`.
    """

    total: int
    required: int
    concurrency: int = 0
    begun: int = 0
    waiting: int = 0
    ended: int = 0
    failed: int = 0

    @property
    def active(self) -> int:
        return self.begun - self.ended

    @property
    def all_ended(self) -> bool:
        return self.ended == self.total

    @property
    def can_succeed(self) -> bool:
        return self.total - self.failed >= self.required

    @property
    def room(self) -> int:
        """How many more should begin now.

        Not all at once even without a limit: ten thousand would be planned in one transaction and
        fill the queue, while a few more than the workers take serve them as well. The rest begins
        as these are taken.
        """
        left = self.total - self.begun
        if self.concurrency:
            left = min(left, self.concurrency - self.active)
        if min(self.waiting, self.active) >= _FEW_WAITING:
            return 0
        return max(min(left, _AT_ONCE), 0)
