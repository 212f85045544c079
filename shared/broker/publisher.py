"""Sends together what becomes ready while the last publish awaits its confirm."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from shared.broker.backoff import Backoff
from shared.broker.protocol import Broker, BrokerUnavailable, Outgoing

_CLOSED = "the publisher was closed"


@dataclass(frozen=True, slots=True)
class _Parcel:
    """What one `send` brought, and the future it waits for."""

    messages: Sequence[Outgoing]
    confirmed: asyncio.Future[None]
    retry: bool


class Publisher:
    """One publish at a time: an idle system adds no delay, a busy one sends few, large publishes.

    At most `max_waiting` messages stand in line; `send` awaits when there is no room for more.
    """

    def __init__(self, broker: Broker, *, max_batch: int = 500, max_waiting: int = 10_000) -> None:
        self._broker = broker
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._line: deque[_Parcel] = deque()
        self._waiting = 0
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._backoff = Backoff()
        self._sender: asyncio.Task[None] | None = None
        self._is_closed = False

    async def send(self, messages: Sequence[Outgoing], *, retry: bool = True) -> None:
        """Return when the broker has confirmed every one of `messages`.

        While the broker is unavailable it tries again, with growing waits and without end;
        with `retry=False` it raises BrokerUnavailable after the first attempt instead.
        """
        if not messages:
            return
        while self._waiting >= self._max_waiting:
            self._has_room.clear()
            await self._has_room.wait()
        if self._is_closed:
            raise BrokerUnavailable(_CLOSED)
        parcel = _Parcel(messages, asyncio.get_running_loop().create_future(), retry)
        self._stand_in_line(parcel)
        await parcel.confirmed

    async def close(self) -> None:
        """Stop sending; whoever still waits, or comes later, gets BrokerUnavailable."""
        self._is_closed = True
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
        self._answer(self._take(len(self._line)), BrokerUnavailable(_CLOSED))

    def _stand_in_line(self, parcel: _Parcel) -> None:
        self._line.append(parcel)
        self._waiting += len(parcel.messages)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        """Run until the line is empty; the next `send` starts it again."""
        while self._line:
            parcels = self._take_batch()
            try:
                await self._send_batch(parcels)
            except asyncio.CancelledError:  # `close`: these were already out of the line
                self._answer(parcels, BrokerUnavailable(_CLOSED))
                raise

    async def _send_batch(self, parcels: list[_Parcel]) -> None:
        while parcels:
            try:
                await self._broker.publish([m for parcel in parcels for m in parcel.messages])
            except BrokerUnavailable as error:  # the patient ones try again, the others are told
                self._answer([p for p in parcels if not p.retry], error)
                parcels[:] = [p for p in parcels if p.retry and not p.confirmed.cancelled()]
                await self._backoff.wait()
            except Exception as error:  # noqa: BLE001 - a defect, and the senders' to report
                return self._answer(parcels, error)
            else:
                return self._answer(parcels, None)
        return None

    def _take_batch(self) -> list[_Parcel]:
        """The parcels in front whose messages fit into one publish, at least one parcel."""
        count = size = 0
        for parcel in self._line:
            size += len(parcel.messages)
            if count and size > self._max_batch:
                break
            count += 1
        return self._take(count)

    def _take(self, count: int) -> list[_Parcel]:
        taken = [self._line.popleft() for _ in range(count)]
        self._waiting -= sum(len(parcel.messages) for parcel in taken)
        if self._waiting < self._max_waiting:
            self._has_room.set()
        return [parcel for parcel in taken if not parcel.confirmed.cancelled()]

    @staticmethod
    def _answer(parcels: Sequence[_Parcel], error: Exception | None) -> None:
        for parcel in parcels:
            if parcel.confirmed.done():  # its sender was cancelled, or was told before
                continue
            if error is None:
                parcel.confirmed.set_result(None)
            else:
                parcel.confirmed.set_exception(error)
