"""Hands a dead worker's tasks back, once nothing of them runs: in a process of its own, begun when
it is needed, as its libraries take ten times what an idle watchdog holds.

The coordinator makes a new dispatch of each. Whatever the dead worker had sent and arrives later
(a claim, a heartbeat, a result) names the old one, and a grant of that has no reader: it changes
nothing. With the broker away for as long as a lease, the lease has run out and says the same.
"""

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.worker.watchdog.args import ReturnAddress
    from services.worker.watchdog.task_table import Row
    from shared.broker.protocol import Broker, Outgoing

_ROOT = os.path.abspath(os.path.join(__file__, *[os.pardir] * 4))
_Ref = tuple[str, str, int]
"""Job id, task id, dispatch."""


def hand_back(address: bytes, tasks: "Sequence[Row]") -> None:
    """In the watchdog: begin it and wait. `address` is a ReturnAddress, encoded."""
    import subprocess  # here: an idle watchdog does without it

    from services.worker.watchdog.watch import write_log

    given = [json.loads(address), [(row.job_id, row.task_id, row.dispatch) for row in tasks]]
    with subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-I", "-S", __file__],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        if process.stdout is not None and process.stdout.readline():
            process.communicate(json.dumps(given).encode())
    write_log("orphaned_tasks_kept" if process.returncode else "orphaned_tasks_returned", tasks)


def main() -> None:
    """In the process of its own; it fails when the broker is away for as long as the lease."""
    sys.path.append(_ROOT)
    from services.worker.hidden_memory import hide_from_tasks

    # Before the broker's password comes: tasks of other workers may run as this very user.
    hide_from_tasks()
    sys.stdout.buffer.write(b"\n")
    sys.stdout.flush()
    address, refs = json.loads(sys.stdin.buffer.read())
    sys.path[:] = address[-1]
    import asyncio

    from services.worker.watchdog.args import ReturnAddress

    try:
        asyncio.run(_send(ReturnAddress(*address), refs))
    except TimeoutError:
        sys.exit(1)


async def _send(address: "ReturnAddress", refs: Sequence[_Ref]) -> None:
    import asyncio

    from shared.broker.rabbitmq.broker import open_broker
    from shared.process.logging import configure_logging
    from shared.process.settings.blocks import BrokerSettings, LogSettings

    configure_logging(LogSettings(format="json"), service="watchdog")
    message = _message(address, refs)
    async with (
        asyncio.timeout(address.lease_seconds),
        open_broker(BrokerSettings.model_validate(address.broker)) as broker,
    ):
        await _publish(broker, message)


async def _publish(broker: "Broker", message: "Outgoing") -> None:
    from shared.broker.backoff import Backoff
    from shared.broker.protocol import BrokerUnavailable

    backoff = Backoff()
    while True:
        try:
            return await broker.publish([message])
        except BrokerUnavailable:  # until the time is over
            await backoff.wait()


def _message(address: "ReturnAddress", refs: Sequence[_Ref]) -> "Outgoing":
    import uuid

    from shared.broker.protocol import Outgoing
    from shared.messages import Reports, Returned, encode
    from shared.messages.queues import COMPLETIONS

    returned = [
        Returned(job_id=job, task_id=task, dispatch=dispatch, is_lost=True)
        for job, task, dispatch in refs
    ]
    reports = Reports(
        node_id=address.node_id, lease_seconds=address.lease_seconds, returned=returned
    )
    return Outgoing(COMPLETIONS, encode(reports), uuid.uuid4().hex)


if __name__ == "__main__":
    main()
