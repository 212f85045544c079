"""Tells the coordinators about tasks: claims and reports that become ready together go together."""

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.worker.watchdog.args import Key
from shared.broker.backoff import Backoff
from shared.broker.protocol import Broker, BrokerUnavailable, Outgoing
from shared.messages import Adopted, Claim, Finished, Reports, Returned, StillHeld, TaskRef, encode
from shared.messages.chunks import in_chunks
from shared.messages.queues import COMPLETIONS

_MOST_REPORTS = 5_000
_MOST_CHARACTERS = 8_000_000


class RecentReports:
    """The last reports of ended tasks, to be made again: one can be lost, or lie unread for long.

    A coordinator may have taken a report in and then freeze; a broker may lose its data. The lease
    of the task runs out meanwhile, though it has ended well. The scheduler asks its worker before
    it gives the task to another, and the worker says again what it has said. Bounded in number and
    size: the oldest are forgotten first.
    """

    def __init__(
        self, most_reports: int = _MOST_REPORTS, most_characters: int = _MOST_CHARACTERS
    ) -> None:
        self._most_reports = most_reports
        self._most_characters = most_characters
        self._reports: dict[Key, Finished] = {}  # the oldest first
        self._characters = 0

    def remember(self, report: Finished) -> None:
        key = report.task_id, report.dispatch
        self._forget(key)
        self._reports[key] = report
        self._characters += characters_of(report)
        while self._reports and not self._fits():
            self._forget(next(iter(self._reports)))

    def again(self, ref: TaskRef) -> Finished | Returned:
        """What became of a dispatch that is not in hand.

        One that isn't remembered is given back: nothing of it runs, and it must run somewhere.
        """
        known = self._reports.get((ref.task_id, ref.dispatch))
        return known or Returned(**ref.model_dump())

    def _fits(self) -> bool:
        return (
            len(self._reports) <= self._most_reports and self._characters <= self._most_characters
        )

    def _forget(self, key: Key) -> None:
        if (report := self._reports.pop(key, None)) is not None:
            self._characters -= characters_of(report)


def characters_of(report: Finished) -> int:
    """Of all that the task has said."""
    texts = [report.result, report.error, *(part.contents for part in report.log)]
    for spawned in report.spawned:
        texts += [spawned.parameters, spawned.name]
    return sum(len(text) for text in texts if text is not None)


Report = Claim | Adopted | Finished | Returned | StillHeld


@dataclass(slots=True)
class _Batch:
    reports: list[Report] = field(default_factory=list)
    confirmed: "asyncio.Future[None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    message_id: str = field(default_factory=lambda: uuid.uuid4().hex)


class Reporter:
    def __init__(self, broker: Broker, node_id: str, lease_seconds: float) -> None:
        self._broker = broker
        self._node_id = node_id
        self._lease_seconds = lease_seconds
        self._backoff = Backoff()
        self._recent = RecentReports()
        self._next: _Batch | None = None
        self._sender: asyncio.Task[None] | None = None

    async def report(self, report: Report) -> None:
        """Return when the broker has it, however long that takes.

        When the caller is cancelled the report is withdrawn, if it has not left: a claim that
        arrives after an outage, when nobody waits for its grant, would cost a whole lease.
        """
        batch = self._enqueue(report)
        try:
            await asyncio.shield(batch.confirmed)
        except asyncio.CancelledError:
            batch.reports.remove(report)
            raise
        if isinstance(report, Finished):
            self._recent.remember(report)

    def account_for(self, ref: TaskRef, *, is_in_hand: bool) -> None:
        """In the background: that it runs here, or once more what became of it."""
        self._enqueue(StillHeld(**ref.model_dump()) if is_in_hand else self._recent.again(ref))

    def _enqueue(self, report: Report) -> _Batch:
        if self._next is None:
            self._next = _Batch()
        self._next.reports.append(report)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_all())
        return self._next

    async def _send_all(self) -> None:
        while self._next is not None:
            batch, self._next = self._next, None
            try:
                await self._publish(batch)
            except Exception as error:  # noqa: BLE001 - a defect: unheard of, all would wait for ever
                batch.confirmed.set_exception(error)
            else:
                batch.confirmed.set_result(None)

    async def _publish(self, batch: _Batch) -> None:
        while batch.reports:
            try:
                await self._broker.publish(list(self._messages(batch)))
            except BrokerUnavailable:
                # The reports are kept and tried again: losing one would cost a whole dispatch.
                await self._backoff.wait()
            else:
                return

    def _messages(self, batch: _Batch) -> Iterator[Outgoing]:
        """One, unless it would be more than the broker takes."""
        finished = [r for r in batch.reports if isinstance(r, Finished)]
        first, *further = list(in_chunks(finished, characters_of)) or [[]]
        yield self._message(batch.message_id, first, batch.reports)
        for number, portion in enumerate(further, start=2):
            yield self._message(f"{batch.message_id}-{number}", portion)

    def _message(
        self, message_id: str, finished: list[Finished], others: Sequence[Report] = ()
    ) -> Outgoing:
        reports = Reports(
            node_id=self._node_id,
            lease_seconds=self._lease_seconds,
            claims=[r for r in others if isinstance(r, Claim)],
            finished=finished,
            returned=[r for r in others if isinstance(r, Returned)],
            still_held=[r for r in others if isinstance(r, StillHeld)],
            adopted=[r for r in others if isinstance(r, Adopted)],
        )
        return Outgoing(COMPLETIONS, encode(reports), message_id)
