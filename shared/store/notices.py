"""What webhook endpoints are told of that is no change of a job: written where it happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue

from shared.lifecycle import derived_id
from shared.postgres.pool import Connection

# Nearly always nobody asks, and nothing is written.
ASKED_FOR = """
SELECT DISTINCT e.event FROM webhook_endpoints, unnest(events) AS e(event)
WHERE disabled_at IS NULL AND e.event = ANY($1::text[])
"""

ADD_NOTICES = """
INSERT INTO webhook_notices (event, data, readers, endpoint_id)
SELECT n.event, n.data, n.readers, n.endpoint_id
FROM jsonb_to_recordset($1) AS n(event text, data jsonb, readers text[], endpoint_id text)
RETURNING id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """`data` is the body's, as JSON has it, without secrets; `readers` are those of what it is
    about, as in jobs. Only the endpoint `endpoint_id` is told; None: all that ask for `event`.

    An endpoint isn't told of itself: `data` of `endpoint.Failing` and `endpoint.Disabled` has its
    `id`.
    """

    event: str
    data: dict[str, object] = field(default_factory=dict)
    readers: Sequence[str] = ()
    endpoint_id: str | None = None


CALLS_DUE = Notice(event="calls.Due", endpoint_id="")
"""Told to nobody: dispatchers that take it up look for due calls."""


def notice_delivery(notice_id: int, endpoint_id: str) -> str:
    """The id of what is sent of a notice to an endpoint."""
    return derived_id("webhook notice", notice_id, endpoint_id)


class NamedSchedule(Protocol):
    """Whose firings are told of: `spec` has its name and tags."""

    @property
    def id(self) -> str: ...
    @property
    def spec(self) -> Mapping[str, JsonValue]: ...
    @property
    def readers(self) -> Sequence[str]: ...


def notice_of_firing(schedule: NamedSchedule, event: str, **facts: object) -> Notice:
    """`facts` are those fields of the body that tell of the firing; empty ones are left out. Tags
    are for endpoints that ask for some."""
    spec = schedule.spec
    known = {"id": schedule.id, "name": spec.get("name"), "tags": spec.get("tags")}
    data = {name: value for name, value in (known | facts).items() if value}
    return Notice(event=event, data=data, readers=schedule.readers)


async def add_notices(connection: Connection, notices: Sequence[Notice]) -> list[int]:
    """In the transaction that they tell of; their ids. Those that no enabled endpoint asks for are
    dropped."""
    events = {notice.event for notice in notices if notice.endpoint_id is None}
    rows = await connection.fetch(ASKED_FOR, list(events)) if events else []
    asked_for = {row["event"] for row in rows}
    told = [n for n in notices if n.endpoint_id is not None or n.event in asked_for]
    if not told:
        return []
    rows = await connection.fetch(ADD_NOTICES, [_row(notice) for notice in told])
    return [row["id"] for row in rows]


def _row(notice: Notice) -> dict[str, object]:
    return {
        "event": notice.event,
        "data": notice.data,
        "readers": notice.readers,
        "endpoint_id": notice.endpoint_id,
    }
