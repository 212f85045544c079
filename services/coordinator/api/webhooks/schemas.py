"""Webhook endpoints as answers: what may hold a secret taken out, empty fields left out."""

from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

import structlog

from services.coordinator.api.replies import Answer, Fields, PageOf, page, set_fields
from services.coordinator.api.tork.schemas.submitted import UserView
from services.coordinator.api.webhooks.sealed_fields import previous_secret_end
from services.coordinator.store.rows import Page
from services.coordinator.store.webhook_endpoints import EndpointRow
from shared.jobspec.tork.models.endpoints import EndpointEvent
from shared.process.redaction import REDACTED
from shared.process.sealing import Sealer, SealingError

log = structlog.get_logger(__name__)


class LastDelivery(Answer):
    """The newest delivery of an endpoint."""

    id: str
    """See `GET /webhooks/deliveries/{id}`."""
    state: Literal["PENDING", "DELIVERED", "FAILED"]
    """`FAILED` when it was given up."""
    created_at: datetime
    """When it was found to be owed."""


class Endpoint(Answer):
    """A URL that is told of all jobs that its creator can read."""

    id: str
    """Given when it was created."""
    description: str | None = None
    """What it is for."""
    url: str
    """Where events are posted: path and query show as `[REDACTED]`."""
    events: list[EndpointEvent]
    """Which events."""
    filter: str | None = None
    """An event is sent only when this expression gives true."""
    tags: list[str] | None = None
    """Events of jobs and schedules are sent only if they have one of these tags."""
    headers: dict[str, str] | None = None
    """Sent with each request; all values show as `[REDACTED]`."""
    format: Literal["tork", "standard"]
    """The body: as that of a job's webhook, or `{type, timestamp, data}`."""
    payload: Literal["full", "thin"]
    """`thin`: ids and states only."""
    rate_per_second: float | None = None
    """Maximum average number of requests per second."""
    retry_on: list[int] | None = None
    """Statuses that are repeated, beside those that always are."""
    ordered: bool
    """Whether there is one request at a time for each job."""
    disabled: bool
    """Whether nothing is sent."""
    disabled_at: datetime | None = None
    """Since when it is disabled."""
    disabled_reason: str | None = None
    """Why it is disabled."""
    failing_since: datetime | None = None
    """The first failed request that no successful one followed."""
    last_delivery: LastDelivery | None = None
    """The newest; left out while there is none."""
    previous_secret_ends_at: datetime | None = None
    """Until when requests are signed with the secret before the present one, too."""
    created_by: UserView | None = None
    """Who created it, and whose jobs it is told of; without authentication the guest."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it was last changed."""


class EndpointWithSecret(Endpoint):
    """An endpoint with its new secret. It is shown here and never again."""

    secret: str | None = None
    """Signs the requests. It is left out when a creation is repeated with its `Idempotency-Key`."""


class EndpointPage(PageOf[Endpoint]):
    """A page of the list of webhook endpoints."""


def endpoint_page(rows: Page[EndpointRow], sealer: Sealer) -> Fields:
    return page(rows, [shown_endpoint(row, sealer) for row in rows.items])


def shown_endpoint(row: EndpointRow, sealer: Sealer, secret: str | None = None) -> Fields:
    optional = {
        "description": row.description,
        "filter": row.filter,
        "tags": list(row.tags),
        "headers": dict.fromkeys(row.headers, REDACTED),
        "ratePerSecond": row.rate_per_second,
        "retryOn": list(row.retry_on),
        "disabledAt": row.disabled_at,
        "disabledReason": row.disabled_reason,
        "failingSince": row.failing_since,
        "lastDelivery": row.last_delivery,
        "previousSecretEndsAt": previous_secret_end(row, datetime.now(UTC)),
        "createdBy": row.created_by,
        "secret": secret,
    }
    return {
        "id": row.id,
        "url": shown_url(row.url, row.receiver, sealer),
        "events": list(row.events),
        "format": row.format,
        "payload": row.payload,
        "ordered": row.ordered,
        "disabled": row.disabled_at is not None,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        **set_fields(optional),
    }


def shown_url(kept: str, receiver: str, sealer: Sealer) -> str:
    """Enough to recognise it by: tokens are in the path or the query. `kept` may be sealed."""
    try:
        parts = urlsplit(sealer.open_text(kept))
    except (SealingError, ValueError) as error:  # its key is gone
        log.error("sealed_text_unreadable", effect="it is hidden", error=str(error))
        return f"{receiver}/{REDACTED}"
    is_bare = parts.path in ("", "/") and not parts.query and not parts.fragment
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}/{'' if is_bare else REDACTED}"
