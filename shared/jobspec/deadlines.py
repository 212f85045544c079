"""When a job must have ended: refused where no job could keep to it."""

from collections.abc import Iterator
from datetime import datetime

from shared.jobspec.problems import Problem


def deadline_problems(deadline: datetime | None, now: datetime) -> Iterator[Problem]:
    """Of a job that is submitted or run `now`. Both are aware."""
    if deadline is not None and deadline <= now:
        rule = f"must be in the future: it is {now:%Y-%m-%dT%H:%M:%SZ}"
        yield Problem("deadline", rule, f'"{deadline.isoformat()}"', place=("deadline",))
