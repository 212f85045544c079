"""Deliveries to webhooks as answers: what may hold a secret taken out, empty fields left out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.coordinator.api.replies import Answer, Fields, PageOf, page, set_fields
from services.coordinator.api.requests import PageQuery
from services.coordinator.api.webhooks.schemas import shown_url
from services.coordinator.store.rows import Page
from services.coordinator.store.webhook_deliveries import AttemptRow, DeliveryRow
from shared.planning.disclosure import redacting
from shared.process.sealing import Sealer

DeliveryState = Literal["PENDING", "DELIVERED", "FAILED"]


class DeliveriesQuery(PageQuery):
    """Which deliveries."""

    state: Annotated[
        Literal["", "PENDING", "DELIVERED", "FAILED"],
        Field(description="Only deliveries in this state."),
    ] = ""


class ResendRequest(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )

    since: str
    """Deliveries that failed since: a time, or a span such as `90m` or `7d`."""


class Delivery(Answer):
    """One event for one webhook: it is sent until the receiver accepts it."""

    id: str
    """The `webhook-id` of each request."""
    job_id: str | None = None
    """The job that changed; left out for other events."""
    webhook: int | None = None
    """Which of the job's `webhooks`, counted from 0."""
    endpoint_id: str | None = None
    """The webhook endpoint, if it isn't a webhook of the job."""
    url: str
    """Where it is posted: path and query show as `[REDACTED]`. Empty where an expression gives no
    URL that can be called: see `lastError`."""
    event: str | None = None
    """What happened."""
    sequence: int
    """Grows with each change of the job."""
    state: DeliveryState
    """`FAILED` when it was given up."""
    attempt_count: int
    """How many requests were made, or begun."""
    last_attempt_at: datetime | None = None
    """When the last request began."""
    last_status: int | None = None
    """The status of the last response; left out when there was none."""
    last_error: str | None = None
    """Why the last request failed."""
    next_attempt_at: datetime | None = None
    """When it is sent again; while a request is under way, when its result would be overdue."""
    created_at: datetime
    """When it was found to be owed."""
    ended_at: datetime | None = None
    """When it was delivered or given up."""


class DeliveryAttempt(Answer):
    """One request and what came of it."""

    number: int
    """Counted from 1; it goes on when the delivery is resent."""
    at: datetime
    """When it began."""
    duration_ms: float
    """How long it took."""
    status: int | None = None
    """The status of the response; left out when there was none."""
    error: str | None = None
    """Why it failed; left out for a success."""
    answer: str | None = None
    """The first 16 KB of the response's body, without the secrets that the request contained."""
    request_headers: dict[str, str] | None = None
    """The headers of the request. Values that were asked for and the signature show as
    `[REDACTED]`."""
    answer_headers: dict[str, str] | None = None
    """The first 50 headers of the response, up to 8 KB, without the secrets that the request
    contained; cookies and credentials show as `[REDACTED]`."""


class DeliveryDetails(Delivery):
    """A delivery with its body and its attempts."""

    request_body: str | None = None
    """What is posted; left out when it is longer than 256 KB."""
    attempts: list[DeliveryAttempt]
    """Newest first, 1,000 at most."""


class DeliveryPage(PageOf[Delivery]):
    """A page of deliveries. The list ends after 10,000."""


class Resent(Answer):
    """How many deliveries are sent again."""

    resent: int
    """At most 10,000."""
    remaining: int
    """How many more have failed since: repeat the request. Exact up to 10,000."""


class TestSent(Answer):
    """A test event that will be sent."""

    delivery_id: str
    """`GET /webhooks/deliveries/{id}` shows what becomes of it, once a dispatcher has added it."""


def delivery_page(rows: Page[DeliveryRow], sealer: Sealer) -> Fields:
    return page(rows, [shown_delivery(row, sealer) for row in rows.items])


def shown_delivery(row: DeliveryRow, sealer: Sealer) -> Fields:
    optional = {
        "jobId": row.job_id,
        "endpointId": row.endpoint_id,
        "event": row.event,
        "lastAttemptAt": row.last_at,
        "lastStatus": row.status,
        "lastError": redacting(sealer, row.sealed).value(row.error),
        "nextAttemptAt": row.next_at,
        "endedAt": row.ended_at,
    }
    place = {} if row.endpoint_id else {"webhook": row.webhook}
    return {
        "id": row.id,
        **place,
        "url": row.url and shown_url(row.url, row.receiver, sealer),
        "sequence": row.version,
        "state": row.state,
        "attemptCount": row.attempts,
        "createdAt": row.created_at,
        **set_fields(optional),
    }


def delivery_details(row: DeliveryRow, attempts: Sequence[AttemptRow], sealer: Sealer) -> Fields:
    shown = redacting(sealer, row.sealed).value
    return {
        **shown_delivery(row, sealer),
        **set_fields({"requestBody": shown(row.body)}),
        "attempts": [
            {
                "number": attempt.number,
                "at": attempt.at,
                "durationMs": round(attempt.duration_ms, 1),
                **set_fields(
                    {
                        "status": attempt.status,
                        "error": shown(attempt.error),
                        "answer": shown(attempt.answer),
                        "requestHeaders": attempt.request_headers,
                        "answerHeaders": shown(attempt.answer_headers),
                    }
                ),
            }
            for attempt in attempts
        ],
    }
