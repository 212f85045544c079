"""Which rows of the feed somebody follows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.coordinator.store.feed import FeedRow


@dataclass(frozen=True, slots=True)
class Interest:
    """One job (whoever asks was found to be allowed), or all that one of `readers` may see.

    With `task_id` of the job's log parts only that task's. `readers` None: all jobs.
    """

    job_id: str | None = None
    task_id: str | None = None
    readers: frozenset[str] | None = None

    def wants(self, row: FeedRow) -> bool:
        if self.job_id is not None:
            return row.job_id == self.job_id and self._is_of_task(row)
        return self.readers is None or not row.readers or not self.readers.isdisjoint(row.readers)

    def _is_of_task(self, row: FeedRow) -> bool:
        return self.task_id is None or row.part is None or row.part.row.task_id == self.task_id


@dataclass(frozen=True, slots=True)
class Asked:
    """What the feed is asked for on behalf of many. None stands for all."""

    jobs: Sequence[str] | None
    readers: Sequence[str] | None


def together(interests: Iterable[Interest]) -> Asked:
    """The least that holds what each of `interests` wants."""
    jobs: set[str] = set()
    everywhere: list[Interest] = []
    for interest in interests:
        if interest.job_id is not None:
            jobs.add(interest.job_id)
        else:
            everywhere.append(interest)
    if not everywhere:
        return Asked(sorted(jobs), None)
    if jobs or any(interest.readers is None for interest in everywhere):
        # Who follows one job may see more than those who follow all of theirs.
        return Asked(None, None)
    return Asked(None, sorted({reader for i in everywhere for reader in i.readers or ()}))
