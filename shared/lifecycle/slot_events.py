"""What happens to tasks that the limits of their job hold back."""

from dataclasses import dataclass

from shared.lifecycle.values import TaskKey


@dataclass(frozen=True, slots=True)
class SlotFreed(TaskKey):
    """The answer to `FillSlots`, one for each: the limits of the job let the task begin."""
