"""The search for one artifact: how far it is, and why it ended."""

import re
from collections.abc import Sequence

import asyncpg

from shared.definition import Reference
from shared.lifecycle import TaskState
from shared.planning.taking import Found, NotThere, WantedArtifact

_INDEX = re.compile("[0-9]{1,9}")


class FileSearch:
    """For one artifact: the place where the task stands, and the attempts at it, the last one
    last."""

    def __init__(self, wanted: WantedArtifact, reference: Reference) -> None:
        self.wanted = wanted
        self.reference = reference
        self.job_id = reference.job_id or wanted.job_id
        self.at = wanted.at
        self.path = reference.path
        self.attempts: Sequence[asyncpg.Record] = ()
        self.found: Found | None = None

    @property
    def last(self) -> asyncpg.Record:
        return self.attempts[-1]

    def fail(self, reason: str) -> None:
        self.found = NotThere(reason)

    def enter(self, job_id: str, positions: Sequence[int]) -> None:
        """The job that the task stands for, at the one position that is left."""
        if len(positions) == 1:
            self.job_id, self.at = job_id, (positions[0],)
        else:
            several = "several tasks of" if positions else "no task of"
            self.fail(f'{several} {self.task} have kept an artifact "{self.reference.artifact}"')

    def has_ended(self) -> bool:
        """If not, it fails."""
        state = self.last["state"]
        if not TaskState(state).is_final:
            self.fail(f"{self.task} has not ended: it is {state}")
        return self.found is None

    @property
    def task(self) -> str:
        """As errors call it."""
        of = f" of the job {self.reference.job_id}" if self.reference.job_id else ""
        return f'the task "{self.reference.task}"{of}'

    def next_index(self) -> int | None:
        """Of the child that is meant, where the last attempt has children. None: all, or no such
        child."""
        index, _, self.path = self.path.partition("/")
        if index and not _INDEX.fullmatch(index):
            self.fail(f'"{index}" is not the index of a child of {self.task}')
            return None
        return int(index) if index else None
