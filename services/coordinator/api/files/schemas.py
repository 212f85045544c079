"""What is answered of files."""

from datetime import datetime
from typing import Literal

from services.coordinator.api.replies import Answer, PageOf


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


class KeptArtifact(Answer):
    """A file or a directory that an attempt at a task has kept."""

    name: str
    """As the task calls it."""
    path: str
    """Below `/jobs/{id}/files/`: of the newest attempt that has kept it."""
    url: str
    """Where this one is, of whatever attempt."""
    job_id: str
    """The job that the task is of: this one, or a sub-job of it."""
    task_id: str
    """The attempt at the task."""
    task: str | None = None
    """The name of the task."""
    var: str | None = None
    """The task's `var`."""
    parent_id: str | None = None
    """The `each` or `parallel` whose child the task is."""
    index: int | None = None
    """Which child the task is, from 0."""
    attempt: int
    """Counted from 0."""
    file_name: str
    """Of the file or directory, where it was taken from."""
    size: int
    """In bytes; of a directory, of the tar that it is kept as."""
    sha256: str
    """Of the file, or of the index of the directory, in hexadecimal."""
    files: int | None = None
    """How many are in the directory; left out of a file."""
    published: list[str] | None = None
    """Where else it is."""
    created_at: datetime
    """When it was kept."""


class ArtifactPage(PageOf[KeptArtifact], use_attribute_docstrings=True):
    """A page of what a job has kept."""

    items: list[KeptArtifact]
    """In the order of the tasks."""


class Entry(Answer):
    """What is in a directory."""

    name: str
    """The last part of its path."""
    path: str
    """Below `/jobs/{id}/files/`."""
    kind: Literal["file", "directory", "symlink"]
    """`symlink` leads to `target`."""
    size: int | None = None
    """In bytes; of a directory, of all files in it."""
    sha256: str | None = None
    """Of a file, in hexadecimal."""
    files: int | None = None
    """How many are in a directory."""
    target: str | None = None
    """What a symbolic link leads to."""


class EntryPage(PageOf[Entry], use_attribute_docstrings=True):
    """A page of what is in a directory."""

    items: list[Entry]
    """In the order of the archive."""


class Upload(Answer):
    """A file that was sent for jobs to use."""

    id: str
    """What `uploads` of a job names."""
    name: str
    """As the client calls it."""
    size: int
    """In bytes."""
    sha256: str
    """In hexadecimal."""
    used: bool
    """A job or a scheduled job uses it. Else it is removed a day after it was sent."""
    created_at: datetime
    """When it was sent."""


class UploadPage(PageOf[Upload]):
    """A page of what the client has sent."""
