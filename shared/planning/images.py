"""What the names of images stand for, as far as this process has seen attempts run them.

A row is written only for what is new to it, so that an attempt costs none. Each copy of a service
remembers for itself, and for a few minutes only: a name that stands for an earlier image again is
no news to one that has not seen the other image.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from shared.lifecycle import Task

_MOST = 10_000
_MEMORY = timedelta(minutes=10)
_BY_DIGEST = "@sha256:"


class KnownImages:
    def __init__(self) -> None:
        self._digests: dict[str, str] = {}
        self._since: datetime | None = None

    def new_of(self, tasks: Iterable[Task], now: datetime) -> dict[str, str]:
        """The digests by name that these have run, without those that are known. A name with a
        digest of its own stands for nothing else."""
        if self._since is None or now - self._since > _MEMORY:
            self._digests.clear()
            self._since = now
        found = {
            str(name): task.image_digest
            for task in tasks
            if task.image_digest and (name := task.plan.definition.get("image"))
        }
        return {
            name: digest
            for name, digest in found.items()
            if _BY_DIGEST not in name and self._digests.get(name) != digest
        }

    def add(self, digests: Mapping[str, str]) -> None:
        """They are stored."""
        if len(self._digests) + len(digests) > _MOST:
            self._digests.clear()
        self._digests |= digests
