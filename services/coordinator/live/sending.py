"""Sends rows to one client as they come, until it has gone or there are no more."""

from typing import Protocol

from services.coordinator.live.connection import Connection
from services.coordinator.live.ending import Ending
from services.coordinator.live.ordered import OrderedFeed, Ready

HEARTBEAT_SECONDS = 15.0


class Rendering(Protocol):
    """What rows look like on the wire. `heartbeat` is said when there is nothing else to say.

    `tells_end`: a client knows an end from an interruption without its connection being cut.
    """

    content_type: str
    greeting: bytes
    heartbeat: bytes
    tells_end: bool
    stalled_seconds: float | None

    def of(self, ready: Ready) -> bytes: ...

    def end(self) -> bytes:
        """What is left to say when all has been told."""
        ...


async def send(
    connection: Connection, feed: OrderedFeed, rendering: Rendering, ending: Ending | None
) -> None:
    """Raises ClientGone, HubClosed."""
    await connection.write(rendering.greeting)
    while True:
        for ready in await feed.ready(_patience_seconds(connection, ending)):
            await connection.write(rendering.of(ready))
            if ending is not None:
                ending.note(ready.row)
        if connection.quiet_seconds >= HEARTBEAT_SECONDS:
            await connection.write(rendering.heartbeat)
        if ending is not None and await ending.is_reached(feed):
            await connection.write(rendering.end())
            return


def _patience_seconds(connection: Connection, ending: Ending | None) -> float:
    patience = max(HEARTBEAT_SECONDS - connection.quiet_seconds, 0.0)
    return patience if ending is None else ending.patience_seconds(patience)
