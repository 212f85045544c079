"""What has been decided but not yet sent: rows in, confirmed messages out.

The process that commits outbox rows sends them at once, and nobody else touches them while it
tries. What it leaves (it died, the broker was away, it never learnt that it had committed) any
relay sends after `CLAIM`. Rows are deleted when the broker has confirmed, together with the next
write where there is one.

`OutboxBacklog` looks now and then at how much waits; /metrics itself asks nobody, so it answers
while Postgres is away; the oldest row grows older then.
"""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from prometheus_client import Counter

from shared.broker.protocol import Broker, BrokerUnavailable, Outgoing
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Pool, acquired
from shared.process.clock import monotonic_boottime
from shared.process.loops import every
from shared.process.metrics import ENDS, Metrics, MetricSpec
from shared.process.run import Stop

log = structlog.get_logger(__name__)

CLAIM = timedelta(seconds=5)
"""How long rows are their sender's; one that is still at it says so again."""

_SAY_AGAIN_SECONDS = CLAIM.total_seconds() / 2
_FLUSH_AGAIN_SECONDS = 1.0
_FLUSH_AFTER_SECONDS = 0.05
_RELAY_LIMIT = 500

DELETE_SENT = "DELETE FROM outbox WHERE id = ANY($1::bigint[])"
RELEASE = "UPDATE outbox SET claimed_until = clock_timestamp() WHERE id = ANY($1::bigint[])"
KEEP = """
UPDATE outbox SET claimed_until = clock_timestamp() + $2::interval WHERE id = ANY($1::bigint[])
"""
# now(), because clock_timestamp() may change while the query runs: no index would be asked for it.
# An array, because `IN` may be planned as a join that asks again for each row, and skips each time
# what it has locked before: more than the limit would be taken.
CLAIM_LEFTOVERS = """
UPDATE outbox SET claimed_until = clock_timestamp() + $1
WHERE id = ANY(ARRAY(
    SELECT id FROM outbox WHERE claimed_until < now()
    ORDER BY claimed_until LIMIT $2 FOR UPDATE SKIP LOCKED
))
RETURNING id, queue, message_id, priority, body
"""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    id: int
    message: Outgoing


class Outbox:
    """Sends outbox rows and forgets them. One for each process that applies events."""

    def __init__(self, pool: Pool, broker: Broker, relayed: Counter) -> None:
        self._pool = pool
        self._broker = broker
        self._relayed = relayed
        self._sent: list[int] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._flush: asyncio.TimerHandle | None = None

    def send(self, rows: Sequence[OutboxRow]) -> None:
        """Send committed rows in the background; failures are the relay's to repeat."""
        if rows:
            self._background(self._send_now(rows))

    def take_sent(self) -> list[int]:
        """The confirmed rows, for the caller to delete in its transaction; see `put_back`."""
        if self._flush is not None:  # as long as there are writes, none is needed for this alone
            self._flush.cancel()
            self._flush = None
        sent, self._sent = self._sent, []
        return sent

    def put_back(self, sent: list[int]) -> None:
        """That transaction failed: the rows still wait to be deleted."""
        self._sent += sent
        self._flush_later()

    async def relay_round(self) -> float | None:
        """`relay_once` as a round of a loop: again at once while there is something."""
        return 0.0 if await self.relay_once() else None

    async def relay_once(self) -> int:
        """Send leftovers of dead or cut-off senders; the number sent.

        Raises BrokerUnavailable when any could not be sent, DatabaseUnavailable.
        """
        if not self._broker.is_up:
            return 0
        async with acquired(self._pool) as connection:
            found = await connection.fetch(CLAIM_LEFTOVERS, CLAIM, _RELAY_LIMIT)
        rows = [
            OutboxRow(r["id"], Outgoing(r["queue"], r["body"], r["message_id"], r["priority"]))
            for r in sorted(found, key=lambda r: int(r["id"]))
        ]
        if rows:
            await self._send_by_queue(rows)
            self._relayed.inc(len(rows))
            log.info("outbox_leftovers_sent", count=len(rows))
        return len(rows)

    async def _send_by_queue(self, rows: Sequence[OutboxRow]) -> None:
        """So that a queue that takes nothing doesn't hold up what is for others."""
        by_queue: defaultdict[str, list[OutboxRow]] = defaultdict(list)
        for row in rows:
            by_queue[row.message.queue].append(row)
        ends = await asyncio.gather(*map(self._send, by_queue.values()), return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end

    async def close(self) -> None:
        """Wait for what is being sent, then delete what was."""
        while self._sending:
            await asyncio.wait(self._sending)
        if self._flush is not None:
            self._flush.cancel()
        await self._delete_sent()
        if self._flush is not None:  # it failed, and what is left is the relay's
            self._flush.cancel()

    async def _send_now(self, rows: Sequence[OutboxRow]) -> None:
        try:
            await self._send(rows)
        except BrokerUnavailable:
            pass  # the relay repeats it
        except Exception:  # a defect: it must be seen; the relay repeats it, and fails with it
            log.exception("outbox_send_failed", count=len(rows))

    async def _send(self, rows: Sequence[OutboxRow]) -> None:
        """Raises BrokerUnavailable."""
        ids = [row.id for row in rows]
        try:
            with self._kept(ids):
                await self._broker.publish([row.message for row in rows])
        except BrokerUnavailable:
            # The rows stay; given free at once, they go out as soon as the broker is back.
            await self._execute(RELEASE, ids)
            raise
        self._sent += ids
        self._flush_later()

    @contextmanager
    def _kept(self, ids: list[int]) -> Iterator[None]:
        """Meanwhile the rows stay ours: a broker that is slow must not get everything twice."""
        keeping: asyncio.Task[None] | None = None

        def begin() -> None:
            nonlocal keeping
            keeping = asyncio.create_task(self._keep(ids))

        timer = asyncio.get_running_loop().call_later(_SAY_AGAIN_SECONDS, begin)
        try:
            yield
        finally:
            timer.cancel()
            if keeping is not None:
                keeping.cancel()

    async def _keep(self, ids: list[int]) -> None:
        while True:
            await self._execute(KEEP, ids, CLAIM)
            await asyncio.sleep(_SAY_AGAIN_SECONDS)

    def _flush_later(self, after_seconds: float = _FLUSH_AFTER_SECONDS) -> None:
        if self._flush is None and self._sent:
            loop = asyncio.get_running_loop()
            self._flush = loop.call_later(after_seconds, self._flush_now)

    def _flush_now(self) -> None:
        self._flush = None
        if self._sent:
            self._background(self._delete_sent())

    async def _delete_sent(self) -> None:
        sent = self.take_sent()
        if sent and not await self._execute(DELETE_SENT, sent):
            self._sent += sent
            self._flush_later(_FLUSH_AGAIN_SECONDS)

    async def _execute(self, statement: str, ids: list[int], *arguments: object) -> bool:
        try:
            async with acquired(self._pool) as connection:
                await connection.execute(statement, ids, *arguments)
        except Exception as error:  # noqa: BLE001 - whatever it was, the relay repeats: only a duplicate
            log.warning("outbox_rows_unrecorded", count=len(ids), error=str(error))
            return False
        return True

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)


LOOK_SECONDS = 5.0

_MOST_ROWS = 10_000

# By the primary key both: the first row that is still there, and a count that ends somewhere. One
# statement, so that the two are of one moment.
BACKLOG = f"""
SELECT
    count(*) AS rows,
    extract(epoch FROM clock_timestamp() - (
        SELECT created_at FROM outbox ORDER BY id LIMIT 1
    ))::float8 AS age
FROM (SELECT FROM outbox ORDER BY id LIMIT {_MOST_ROWS}) AS o
"""  # noqa: S608 - a number of our own

_AGE = MetricSpec(
    "outbox_oldest_seconds",
    "Age of the oldest message that is stored but not yet confirmed by the "
    "broker, 0 without one, system-wide.",
    ENDS,
    "above 30: nothing sends it, see `conveyor_health_missing` of coordinators and schedulers",
)
_ROWS = MetricSpec(
    "outbox_rows",
    f"Messages that are stored but not yet confirmed by the broker, {_MOST_ROWS:,} "
    "at most, system-wide.",
    ENDS,
    "growing while RabbitMQ is up",
)


async def watch_outbox(pool: Pool, metrics: Metrics, stop: Stop) -> None:
    """Look at it until `stop`."""
    look = OutboxBacklog(pool, metrics).look
    await every(look, interval_seconds=LOOK_SECONDS, stop=stop, name="look_at_outbox")


class OutboxBacklog:
    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        self._pool = pool
        self._rows = 0
        self._oldest_at: float | None = None  # by the clock of this process
        metrics.read_one(_AGE, self._age)
        metrics.read_one(_ROWS, lambda: self._rows)

    async def look(self) -> None:
        """One round; what was seen stays while the database is away."""
        try:
            async with acquired(self._pool) as connection:
                self._rows, age = await connection.fetchrow(BACKLOG)
        except DatabaseUnavailable:
            return  # /health and the log say so already
        self._oldest_at = None if age is None else monotonic_boottime() - age

    def _age(self) -> float:
        return 0.0 if self._oldest_at is None else monotonic_boottime() - self._oldest_at
