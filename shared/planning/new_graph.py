"""The graph of a job that has no rows yet: which of its tasks wait for how many others."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

Needs = Mapping[int, Sequence[int]]
"""For each position those it waits for."""


@dataclass(slots=True)
class NewGraph:
    """As `job_tasks` and `job_needs` will have it once the job has rows."""

    needs: Needs
    waiting_for: dict[int, int]
    dependents: Mapping[int, Sequence[int]]
    done: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, needs: Needs) -> "NewGraph":
        dependents: defaultdict[int, list[int]] = defaultdict(list)
        for position, needed in needs.items():
            for other in needed:
                dependents[other].append(position)
        return cls(needs, {p: len(needed) for p, needed in needs.items()}, dependents)

    def ready(self) -> list[int]:
        return [p for p, count in self.waiting_for.items() if not count and p not in self.done]

    def end(self, position: int) -> Iterator[int]:
        """`position` is done; those that waited for it alone."""
        self.done.add(position)
        for dependent in self.dependents.get(position, ()):
            self.waiting_for[dependent] -= 1
            if not self.waiting_for[dependent]:
                yield dependent

    def edges(self) -> Iterator[tuple[int, int]]:
        """Each (needed, position)."""
        return ((needed, position) for position, all_ in self.needs.items() for needed in all_)
