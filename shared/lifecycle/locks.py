"""The lock of a job: while somebody has it, others do not change what the job does."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class JobLock:
    """`by` is who took it, None where nobody is asked; `key` is the digest of its token."""

    by: str | None
    key: str
    at: datetime
    expires_at: datetime

    def is_held(self, now: datetime) -> bool:
        """One that has expired is as good as none."""
        return self.expires_at > now

    def shuts_out(self, key: str | None, now: datetime) -> bool:
        return self.is_held(now) and key != self.key
