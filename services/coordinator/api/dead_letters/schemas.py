"""Messages that nobody could use."""

from datetime import datetime

from services.coordinator.api.schemas import Answer, PageOf


class DeadLetter(Answer):
    """A message that was put aside, because nobody could use it."""

    id: str
    """The same as long as it lies there."""
    queue: str | None = None
    """The queue it came from; left out when it did not come from Conveyor."""
    reason: str | None = None
    """Why nobody could use it."""
    kind: str | None = None
    """What it says it is; left out when it can't be read at all."""
    size: int
    """Of its body, in bytes."""
    at: datetime | None = None
    """When it was put aside."""


class WholeDeadLetter(DeadLetter):
    contents: str
    """What it says, without the secrets that are known."""


class DeadLetterPage(PageOf[DeadLetter]):
    """Of more than 500 only the oldest 500 are shown."""


class Purged(Answer):
    deleted: int
    """How many messages there were."""
