"""When an endpoint counts as failing, and when it is disabled. Pure: the time is given."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Health:
    """Of an endpoint that is not disabled yet. `failing_since` is its first failure that no success
    followed; `failing_told_at` when that was announced."""

    failing_since: datetime | None = None
    failing_told_at: datetime | None = None
    disabled_reason: str | None = None


@dataclass(frozen=True, slots=True)
class HealthRules:
    """How long all may fail until it is announced, and until the endpoint is disabled."""

    failing_after: timedelta
    disable_after: timedelta


@dataclass(frozen=True, slots=True)
class EndpointFailure:
    """`is_lasting`: of a repetition, or of a call that is not repeated. Any other may be of a
    moment, even if the last success is long ago. `is_gone`: the receiver wants no more calls."""

    error: str
    is_lasting: bool
    is_gone: bool = False


def after_failure(
    health: Health, failure: EndpointFailure, rules: HealthRules, now: datetime
) -> Health:
    since = health.failing_since or now
    health = replace(health, failing_since=since)
    if failure.is_gone:
        return replace(health, disabled_reason=f"the receiver {failure.error}")
    if not failure.is_lasting:
        return health
    if now - since >= rules.disable_after:
        return replace(
            health,
            disabled_reason=f"no request has succeeded since {since:%Y-%m-%dT%H:%M:%SZ}; "
            f"the last error: {failure.error}",
        )
    if now - since >= rules.failing_after and health.failing_told_at is None:
        return replace(health, failing_told_at=now)
    return health
