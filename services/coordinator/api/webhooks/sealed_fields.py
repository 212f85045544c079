"""Endpoints between their submitted form and their row, where what may hold a secret is sealed."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.coordinator.store.webhook_endpoints import EndpointFields, EndpointRow, Secret
from shared.jobspec.tork.models import EndpointSpec
from shared.jobspec.urls import receiver_of
from shared.process.sealing import Sealer

_MOST_SECRETS = 10
"""With which a request is signed at once: each is a part of one header."""


def fields_of(spec: EndpointSpec, sealer: Sealer, old: EndpointRow | None = None) -> EndpointFields:
    """`old` is what it has been. Raises SealingError."""
    headers = {name: value or "" for name, value in (spec.headers or {}).items()}
    is_same_url = old is not None and sealer.open_text(old.url) == spec.url
    return EndpointFields(
        description=spec.description or "",
        url=old.url if old and is_same_url else sealer.seal_text(spec.url),
        receiver=receiver_of(spec.url),
        events=spec.events,
        filter=spec.filter,
        tags=spec.tags or [],
        headers={name: sealer.seal_text(value) for name, value in headers.items()},
        format=spec.format or "standard",
        payload=spec.payload or "full",
        rate_per_second=spec.rate_per_second,
        retry_on=spec.retry_on or [],
        ordered=spec.ordered or False,
        disabled=spec.disabled or False,
    )


def submitted(row: EndpointRow, sealer: Sealer) -> Mapping[str, Any]:
    """As it would be submitted, without its secret. Raises SealingError."""
    return {
        "description": row.description,
        "url": sealer.open_text(row.url),
        "events": list(row.events),
        "filter": row.filter,
        "tags": list(row.tags),
        "headers": {name: sealer.open_text(value) for name, value in row.headers.items()},
        "format": row.format,
        "payload": row.payload,
        "ratePerSecond": row.rate_per_second,
        "retryOn": list(row.retry_on),
        "ordered": row.ordered,
        "disabled": row.disabled_at is not None,
    }


def first_secret(secret: str, sealer: Sealer) -> list[Secret]:
    return [_secret(secret, sealer)]


def rotated(
    old: Sequence[Secret], secret: str, keep_for: timedelta, now: datetime, sealer: Sealer
) -> list[Secret]:
    """The new one before those that requests are signed with a while longer."""
    end = (now + keep_for).isoformat()
    ending: list[Secret] = [{**one, "endsAt": one["endsAt"] or end} for one in old]
    return [_secret(secret, sealer), *_kept(ending, now)][:_MOST_SECRETS]


def previous_secret_end(row: EndpointRow, now: datetime) -> datetime | None:
    """None when the present secret alone signs."""
    ends = [
        datetime.fromisoformat(one["endsAt"]) for one in _kept(row.secrets, now) if one["endsAt"]
    ]
    return max(ends, default=None)


def _kept(secrets: Sequence[Secret], now: datetime) -> list[Secret]:
    return [
        one for one in secrets if not one["endsAt"] or datetime.fromisoformat(one["endsAt"]) > now
    ]


def _secret(secret: str, sealer: Sealer) -> Secret:
    return {"secret": sealer.seal_text(secret), "endsAt": None}
