"""What happens to jobs with limits, and to tasks that these hold back."""

from dataclasses import dataclass

from shared.lifecycle.keys import TaskKey


@dataclass(frozen=True, slots=True)
class SlotFreed(TaskKey):
    """The answer to `FillSlots`, one for each: the limits of the job let the task begin."""


@dataclass(frozen=True, slots=True)
class SlotCountDue:
    """What counts for the limits of the job is to be counted anew: services of the version before
    have perhaps begun or ended tasks of it."""

    job_id: str


@dataclass(frozen=True, slots=True)
class SlotsCounted:
    """The answer to `CountSlots`, with the fields of `Slots`."""

    job_id: str
    active: int
    held_back: int
    next_id: str | None
