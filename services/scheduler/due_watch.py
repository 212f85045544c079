"""Looks each round, with one query, for which of the other rounds there is something to do.

Those look only then, and now and then by themselves: after the database's clock was set back
nothing seems due. So a scheduler with nothing to do costs next to nothing.
"""

import asyncio

from services.scheduler.liveness import LivenessGuard
from services.scheduler.settings import ScheduleSettings
from services.scheduler.store import due
from shared.broker import Broker
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Pool, acquired


class DueWatch:
    def __init__(
        self, pool: Pool, broker: Broker, liveness: LivenessGuard, settings: ScheduleSettings
    ) -> None:
        self._pool = pool
        self._broker = broker
        self._liveness = liveness
        self._settings = settings
        self.events = {kind: asyncio.Event() for kind in due.KINDS}

    async def look_for_what_is_due(self) -> None:
        """One round: sets the event of each kind of which something is due before the next."""
        if self._broker.missing:
            self._liveness.on_outage()
        self._liveness.may_declare_lost()  # it must be asked each round
        try:
            async with acquired(self._pool) as connection:
                kinds = await due.kinds_due(
                    connection, self._settings.round, self._settings.timeout_grace
                )
        except DatabaseUnavailable:
            # Nobody's heartbeats can be taken in, also those that this scheduler never sees.
            self._liveness.on_outage()
            raise
        for kind in kinds:
            self.events[kind].set()
