"""The messages door for `node.<id>`: answers to claims, and orders to stop."""

from collections.abc import Callable, Sequence
from typing import Protocol

from services.worker.held_tasks import HeldTask, HeldTasks, Interruption
from shared.broker.consuming import Failures
from shared.messages import Availability, Orders, TaskRef


class _Accountant(Protocol):
    def account_for(self, ref: TaskRef, *, is_in_hand: bool) -> None: ...


class OrderHandler:
    def __init__(
        self,
        held_tasks: HeldTasks,
        lease_is_valid: Callable[[HeldTask], bool],
        accountant: _Accountant,
        remove: Callable[[list[str]], None],
        follow: Callable[[Availability], None] = lambda _: None,
    ) -> None:
        """A grant that comes when `lease_is_valid` no longer says so is too late.

        `accountant` reports what became of dispatches; `remove` begins to remove what these workers
        left; `follow` takes tasks or not, as told.
        """
        self._held_tasks = held_tasks
        self._lease_is_valid = lease_is_valid
        self._accountant = accountant
        self._remove = remove
        self._follow_availability = follow

    async def on_orders(self, messages: Sequence[Orders]) -> Failures:
        for orders in messages:
            self._follow(orders)
        return [None] * len(messages)

    def _follow(self, orders: Orders) -> None:
        for ref in orders.granted:
            if (held := self._held_tasks.find(ref)) is not None:
                self._grant(held)
        self._end(orders)
        for ref in orders.status_queries:
            self._account_for(ref)
        if orders.abandoned:
            self._remove(orders.abandoned)
        if orders.availability is not None:
            self._follow_availability(orders.availability)

    def _grant(self, held: HeldTask) -> None:
        # A worker that was frozen or cut off may find an old grant in its queue; by now the task
        # may be another's.
        if self._lease_is_valid(held):
            held.grant()
        else:
            held.interrupt(Interruption.LEASE_LOST)

    def _account_for(self, ref: TaskRef) -> None:
        held = self._held_tasks.find(ref)
        # One whose lease may have ended is being let go of, and reported then.
        if held is None or self._lease_is_valid(held):
            self._accountant.account_for(ref, is_in_hand=held is not None)

    def _end(self, orders: Orders) -> None:
        for refusal in orders.refused:
            if (held := self._held_tasks.find(refusal)) is not None:
                held.interrupt(Interruption.REFUSED)
        for order in orders.stop:
            if (held := self._held_tasks.find(order)) is not None:
                superseded = order.at_once
                held.interrupt(Interruption.SUPERSEDED if superseded else Interruption.STOPPED)
