"""What is answered of files."""

from datetime import datetime

from services.coordinator.api.replies import Answer


class StoredObject(Answer):
    name: str
    """Of the object in the store."""
    size: int
    """In bytes."""
    sha256: str
    """Of its content, in hexadecimal."""
    version: str
    """Changes with the content; may be empty."""


class ListedObject(StoredObject):
    """A line of a list of objects."""

    modified_at: datetime

    def line(self) -> bytes:
        return self.body() + b"\n"


class RemovedLeftovers(Answer):
    removed: int
    """How many files."""
