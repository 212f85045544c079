"""What answers tell of the versions of a job."""

from datetime import datetime

from pydantic import JsonValue

from services.coordinator.api.replies import Answer
from services.coordinator.api.tork.schemas.submitted import UserView


class JobVersion(Answer):
    """What was submitted as a job at a time."""

    version: int
    """Counted from 1."""
    reason: str
    """Why there is this version."""
    created_by: UserView | None = None
    """Who submitted it; without authentication the guest."""
    created_at: datetime
    """When it was accepted."""
    is_current: bool
    """Whether it is the one that the job runs."""


class WholeJobVersion(JobVersion):
    definition: dict[str, JsonValue]
    """As submitted, with defaults; of a job of Bacalhau in its language."""


class JobDifference(Answer):
    diff: str
    """In the unified form, of YAML; empty where nothing differs."""
