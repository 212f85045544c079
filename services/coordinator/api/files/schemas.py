"""What is answered of files."""

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
