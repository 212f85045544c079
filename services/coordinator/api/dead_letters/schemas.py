"""Messages that could not be processed."""

from datetime import datetime

from services.coordinator.api.schemas import Answer, PageOf


class DeadLetter(Answer):
    """A message that could not be processed."""

    id: str
    """The same as long as it lies there."""
    queue: str | None = None
    """The queue it came from; left out when it did not come from Conveyor."""
    reason: str | None = None
    """Why it could not be processed."""
    kind: str | None = None
    """The kind it names; left out when it can't be read at all."""
    size: int
    """Of its body, in bytes."""
    at: datetime | None = None
    """When it became a dead letter."""


class WholeDeadLetter(DeadLetter):
    contents: str
    """Its body, with known secrets redacted."""


class DeadLetterPage(PageOf[DeadLetter]):
    """Of more than 500 only the oldest 500 are shown."""


class Purged(Answer):
    deleted: int
    """How many messages there were."""
