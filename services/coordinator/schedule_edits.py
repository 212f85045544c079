"""When a schedule fires next after it was edited. Pure.

A firing that is due and has not happened yet is kept if the new rules have it, too: an edit loses
nothing that both say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.coordinator.store.rows import JsonObject
from services.coordinator.store.schedules import Edit, StoredSchedule
from shared.jobspec.cron.stored import STEP, Times, next_firing

NEVER = "schedule: all its times have passed: it must fire in the future (at, endAt)"


class NeverFires(Exception):
    """By the new rules nothing is left to fire; the text says why."""


@dataclass(frozen=True, slots=True)
class NewRules:
    """When it shall fire, and what becomes of it."""

    times: Times
    overlap: str
    catch_up: str
    max_runs: int | None


@dataclass(frozen=True, slots=True)
class EditedSchedule:
    """What an edit makes of the schedule as it was in `version`, all but when it fires next.

    `spec` and `sealed` as in `NewSchedule`; `uploads` are ids by their names.
    """

    version: int
    rules: NewRules
    spec: JsonObject
    sealed: str | None
    readers: Sequence[str]
    uploads: Mapping[str, str]

    def edit(self, moved: "Moved") -> Edit:
        rules, times = self.rules, self.rules.times
        return Edit(
            id=times.id,
            cron=times.cron,
            timezone=times.timezone,
            overlap=rules.overlap,
            catch_up=rules.catch_up,
            rules=times.rules,
            spec=self.spec,
            sealed=self.sealed,
            readers=self.readers,
            state=moved.state,
            next_at=moved.next_at,
            look_at=moved.look_at,
        )


class Moved(NamedTuple):
    state: str
    next_at: datetime | None
    look_at: datetime | None


def moved(stored: StoredSchedule, new: NewRules) -> Moved:
    """Raises NeverFires unless its times are the same as before."""
    times = new.times
    is_same = (times.cron, times.rules) == (stored.cron, stored.rules)
    is_due = stored.next_at is not None and stored.next_at <= stored.now
    since = stored.next_at - STEP if is_due and stored.next_at else stored.now
    following = next_firing(times, since)
    is_over = new.max_runs is not None and stored.runs >= new.max_runs
    if is_over or following is None:
        if not is_same:
            raise NeverFires(_why(stored, is_over=is_over))
        return Moved(stored.state, stored.next_at, stored.next_at)
    if stored.state == "PAUSED":
        return Moved("PAUSED", None, None)
    return Moved("ACTIVE", following.at, following.look_at)


def _why(stored: StoredSchedule, *, is_over: bool) -> str:
    if is_over:
        return f"schedule.maxRuns: must be more than the {stored.runs} jobs it has created"
    return NEVER
