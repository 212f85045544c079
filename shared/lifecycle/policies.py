"""What a task's submitter has asked for of the core: how it is retried, how it is placed, and how
its children make others."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from shared.lifecycle.states import PlacementType


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed: `exit` with the program's `exit_code`, `timeout`, `lost` (its workers
    vanished), `queue` (it waited too long for one), or `other`. `is_out_of_memory`: it was killed
    at its memory limit."""

    error: str
    cause: str = "other"
    exit_code: int | None = None
    is_out_of_memory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a failed task is tried again, and how long it waits before that.

    Without a wait a retry helps against nothing: the default gives what failed a second. The n-th
    retry (from 0) waits `initial_delay * scaling_factor ** n`, at most `max_delay`, and
    up to `jitter` (0..1) of that time is taken off, so that tasks that failed together do not
    come back together. `on` names what is tried again: exit codes as text, `timeout`, `lost`,
    `memory`; None
    is every failure but those of `lost` and `queue`, which have had their tries. An attempt that
    ran for `reset_after` was healthy: retries are counted anew after it.

    After an attempt that ran out of memory the limit of the next is `memory_factor` times as large,
    but not over `most_memory` (bytes). `memory_scale` is by how much it is larger by now.
    """

    limit: int = 0
    initial_delay: timedelta = timedelta(seconds=1)
    scaling_factor: float = 2.0
    max_delay: timedelta = timedelta(hours=1)
    jitter: float = 0.0
    on: frozenset[str] | None = None
    reset_after: timedelta | None = None
    memory_factor: float = 1.0
    most_memory: int | None = None
    memory_scale: float = 1.0

    def after(self, failure: Failure) -> "RetryPolicy":
        """That of the next attempt."""
        if not failure.is_out_of_memory or self.memory_factor == 1:
            return self
        return replace(self, memory_scale=self.memory_scale * self.memory_factor)

    def covers(self, failure: Failure) -> bool:
        if self.on is None:
            return failure.cause not in ("lost", "queue")
        if failure.is_out_of_memory and "memory" in self.on:
            return True
        return failure.cause in self.on or str(failure.exit_code) in self.on

    def delay(self, attempt: int, chance: float) -> timedelta:
        """The wait before retry number `attempt` (0 is the first); `chance` is in 0..1."""
        if not self.initial_delay:
            return timedelta()
        # The exponent is bounded so that a large factor can't overflow a float.
        grown = self.initial_delay.total_seconds() * min(
            self.scaling_factor ** min(attempt, 64), 1e9
        )
        seconds = min(grown, self.max_delay.total_seconds())
        return timedelta(seconds=seconds * (1 - self.jitter * chance))


def grown_memory(memory: int, scale: float, *tops: int | None) -> int:
    """Bytes, `scale` times as many, but no more than the `tops` allow, nor fewer than they were."""
    most = [top for top in tops if top is not None]
    return max(memory, min([int(memory * scale), *most]))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementRules:
    """What the core needs to know of a placed task, and of each of its executions.

    At most `max_unavailable` executions are replaced at a time when there is a new version; one is
    healthy once it has run for `healthy_after`. `demand` is what they ask of a node, in the form of
    `shared.placement`, and handed on unread but for whether they are a gang.
    """

    type: PlacementType
    priority: int = 0
    max_unavailable: int = 1
    healthy_after: timedelta = timedelta(seconds=10)
    demand: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_gang(self) -> bool:
        """Some of its executions must begin at once."""
        return bool(self.demand.get("min_nodes"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpawnRules:
    """Of a task whose children make others: at most `most` in all. With a barrier, none begins
    before all of earlier sequences have ended."""

    most: int
    has_barrier: bool = True
