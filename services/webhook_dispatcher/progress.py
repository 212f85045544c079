"""Progress is told once a second for each job or task and endpoint: of each second the latest."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from services.webhook_dispatcher.store import endpoints
from services.webhook_dispatcher.store.endpoints import Owed
from shared.lifecycle import derived_id
from shared.postgres.pool import Connection

_TRIES = 2


def is_progress(owed: Owed) -> bool:
    return owed.event.endswith(".Progress")


async def add_progress(connection: Connection, owed: Sequence[Owed]) -> None:
    """In the order it was decided. It is due when the second is over, and replaced until then."""
    left: Sequence[Owed] = list({(o.endpoint_id, o.event, o.subject): o for o in owed}.values())
    if not left:
        return
    second = int((await endpoints.now(connection)).timestamp())
    for end in range(second + 1, second + 1 + _TRIES):  # of the first, a dispatcher may be faster
        due_at = datetime.fromtimestamp(end, UTC)
        left = await endpoints.add_latest(connection, [_within(one, end) for one in left], due_at)
        if not left:
            return


def _within(owed: Owed, end: int) -> Owed:
    return replace(owed, id=derived_id("progress", owed.endpoint_id, owed.subject, owed.event, end))
