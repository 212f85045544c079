"""The time door: due deliveries are called, and called again later when that fails.

At least once: a delivery ends only after the receiver answered with a 2xx.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import timedelta

import structlog

from services.webhook_dispatcher.attempts import Attempts, named
from services.webhook_dispatcher.client import Client
from services.webhook_dispatcher.metrics import DispatcherMetrics
from services.webhook_dispatcher.outcomes import OutcomeWriter
from services.webhook_dispatcher.places import Places
from services.webhook_dispatcher.receivers import Begun, Ending, Receivers
from services.webhook_dispatcher.requests import receiver_of_stored
from services.webhook_dispatcher.settings import WebhookSettings
from services.webhook_dispatcher.store import lines
from services.webhook_dispatcher.store.deliveries import Delivery
from services.webhook_dispatcher.store.lines import Line
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Connection, Pool, acquired
from shared.process.metrics import Metrics
from shared.process.sealing import Sealer
from shared.tracing.protocol import OFF, Tracing

log = structlog.get_logger(__name__)

_SHORTEST_WAIT_SECONDS = 0.01
_NAMED_AT_ONCE = 200
_BATCH_SECONDS = 5.0
_OUTCOME_SECONDS = 5.0
_SHORTEST_EXPIRY = timedelta(hours=1)


class Calls:
    def __init__(
        self,
        pool: Pool,
        client: Client,
        sealer: Sealer,
        settings: WebhookSettings,
        metrics: DispatcherMetrics | None = None,
        tracing: Tracing = OFF,
    ) -> None:
        self._pool = pool
        self._sealer = sealer
        self._settings = settings
        self._metrics = metrics or DispatcherMetrics(Metrics())
        self._attempts = Attempts(client, sealer, settings, self._metrics, tracing)
        self._longest_wait = max(settings.retry_plan.longest, _SHORTEST_EXPIRY)
        self.owed = asyncio.Event()
        """Set when `make_due_calls` may find something sooner than it has said."""
        self._outcomes = OutcomeWriter(pool, settings.health_rules, self.owed)
        self._calling: set[asyncio.Task[None]] = set()
        self.receivers = Receivers(settings.limits)
        # Receivers that may be owed more calls than have begun.
        self._behind: set[str] = set()
        # Whether calls wait for a place that any other call may leave.
        self._is_short = False
        # For those before it in its place, the call, and its outcome. Not for an outcome that waits
        # for the database: while it is away, nobody else can take the call.
        seconds = _BATCH_SECONDS + settings.timeout_seconds + _OUTCOME_SECONDS
        self.hold = timedelta(seconds=seconds)

    def pick_new(self, new: Sequence[Delivery], places: Places) -> set[str]:
        """The ids of those that may begin before they are found due. The others are left to the
        rounds, as are all of receivers that others have waited for longer."""
        picked = places.pick(d for d in new if d.receiver not in self._behind)
        ids = {delivery.id for delivery in picked}
        self._behind |= {d.receiver for d in new if d.id not in ids}
        return ids

    def begin(self, taken: Sequence[Delivery], places: Places) -> None:
        """They are not waited for, so that a slow receiver holds up nobody else's."""
        groups = defaultdict[tuple[str, str], list[Delivery]](list)
        # In the order of the changes, so that mostly they arrive in it.
        for delivery in sorted(taken, key=lambda delivery: (delivery.job_id, delivery.version)):
            groups[delivery.receiver, delivery.owner].append(delivery)
        for (receiver, owner), group in groups.items():
            begun = places.begin(receiver, owner, len(group))
            for number, place in enumerate(begun):
                self._begin(group[number :: len(begun)], place)

    def _begin(self, batch: Sequence[Delivery], place: Begun) -> None:
        task = asyncio.create_task(self._deliver_all(batch, place))
        self._calling.add(task)
        task.add_done_callback(self._calling.discard)

    async def make_due_calls(self) -> float | None:
        """One round: as many due calls as there are places for begin; 0 when there may be more,
        else the time until one is due."""
        full = self.receivers.full(time.monotonic())
        async with acquired(self._pool) as connection:
            found = await lines.due(connection, full)
            ready = [line for line in found if line.is_ready]
            if any(not line.receiver for line in ready):
                await self._name_receivers(connection)
                return 0.0
            self._behind = set(full)
            is_done = not ready or not await self._begin_first(connection, ready)
        return self._wait(found) if is_done else 0.0

    async def give_up_waiting(self) -> float | None:
        """One round: calls that receivers which only fail have had wait for too long."""
        if paused := self.receivers.paused(time.monotonic()):
            async with acquired(self._pool) as connection:
                count = await lines.expire(connection, paused, self._longest_wait)
            if count:
                log.error("webhooks_given_up", count=count, longest_wait=str(self._longest_wait))
                self._metrics.given_up.inc(count)
        return None

    async def finish(self) -> None:
        """Wait for the calls that have begun, and until it is written what came of them."""
        await asyncio.gather(*self._calling)
        await self._outcomes.finish()

    async def _begin_first(self, connection: Connection, ready: Sequence[Line]) -> bool:
        """False when there was none to begin."""
        each = max(1, -(-self.receivers.room // len(ready)))
        most = min(each, self.receivers.limits.per_receiver)
        with Places(self.receivers) as places:
            picked = Counter(places.pick(line for line in ready for _ in range(most)))
            self._is_short = any(line not in picked for line in ready)
            if not picked:
                return False
            wanted = {
                line: count * self.receivers.batch(line.receiver) for line, count in picked.items()
            }
            taken = await lines.take(connection, self.hold, wanted)
            self.begin(taken.deliveries, places)
        counts = Counter(map(_line, taken.deliveries))
        self._behind |= {
            line.receiver
            for line in ready
            if counts[line.receiver, line.owner, line.endpoint] == wanted.get(line, 0)
        }
        return bool(taken.deliveries or taken.put_off)

    def _wait(self, found: Sequence[Line]) -> float | None:
        times = [line.seconds for line in found if not line.is_ready]
        if (end := self.receivers.next_end_of_pause(time.monotonic())) is not None:
            times.append(end)
        if not times:
            return None
        return min(max(min(times), _SHORTEST_WAIT_SECONDS), self._settings.round_seconds)

    async def _name_receivers(self, connection: Connection) -> None:
        rows = await lines.nameless(connection, _NAMED_AT_ONCE)
        names = {id_: receiver_of_stored(url, self._sealer) for id_, url in rows}
        await lines.name(connection, names)

    async def _deliver_all(self, batch: Sequence[Delivery], place: Begun) -> None:
        """One after the other, as long as they are quick; the others are given back."""
        made, ending = 0, Ending.UNSENT
        try:
            while made < len(batch) and ending is not Ending.FAILED and self._has_time(place):
                made += 1
                ending = await self._deliver_surely(batch[made - 1])
        finally:
            self.receivers.end(place, time.monotonic(), ending, made)
            if self._is_short or place.receiver in self._behind:
                self.owed.set()
        if made < len(batch):
            await self._give_back(batch[made:])

    def _has_time(self, place: Begun) -> bool:
        return time.monotonic() - place.at < _BATCH_SECONDS

    async def _deliver_surely(self, delivery: Delivery) -> Ending:
        try:
            outcome = await self._attempts.make(delivery)
        except Exception:  # a defect: it must be seen, and the call is due again after its hold
            log.exception("webhook_call_failed", **named(delivery))
            return Ending.UNSENT
        self._outcomes.write(outcome)
        return outcome.ending

    async def _give_back(self, rest: Sequence[Delivery]) -> None:
        try:
            async with acquired(self._pool) as connection:
                await lines.give_back(connection, rest)
        except DatabaseUnavailable as error:  # they are due again when their hold is over
            log.warning("webhooks_not_given_back", count=len(rest), error=str(error))
        self.owed.set()


def _line(delivery: Delivery) -> tuple[str, str, str]:
    return delivery.receiver, delivery.owner, delivery.endpoint.id if delivery.endpoint else ""
