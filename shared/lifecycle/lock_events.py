"""What happens to the lock of a job."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class JobLocked:
    """`by` asks for the lock for as long as `ttl`; `key` is the digest of the new token."""

    job_id: str
    by: str | None
    key: str
    ttl: timedelta


@dataclass(frozen=True, slots=True)
class LockRenewed:
    """Who has the token with the digest `key` keeps the lock for `ttl` from now on."""

    job_id: str
    key: str
    ttl: timedelta


@dataclass(frozen=True, slots=True)
class JobUnlocked:
    """`is_forced`: an administrator takes the lock from whoever has it."""

    job_id: str
    key: str | None = None
    is_forced: bool = False


LockEvent = JobLocked | LockRenewed | JobUnlocked
