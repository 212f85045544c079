"""The watchdog's process.

The worker runs it by the path of this file, without site-packages and whatever the environment says
of Python: so it starts in some milliseconds and holds little.
"""

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Sequence

_ROOT = os.path.abspath(os.path.join(__file__, *[os.pardir] * 4))


def main(table_fd: str, lifeline_fd: str, encoded_args: str, protocols: str) -> None:
    """`encoded_args` are WatchdogArgs; a ReturnAddress comes by the lifeline, if there is any.
    `protocols` is the directory of the package `conveyor`."""
    sys.path += [_ROOT, protocols]
    from threading import Thread

    from conveyor.extensions.terminators import ContainerTerminator
    from services.worker.hidden_memory import hide_from_tasks
    from services.worker.watchdog.args import WatchdogArgs
    from services.worker.watchdog.containers import Containers
    from services.worker.watchdog.hand_back import hand_back
    from services.worker.watchdog.kept_files import forget, owner_of
    from services.worker.watchdog.processes import Processes
    from services.worker.watchdog.task_table import Row, SharedTable
    from services.worker.watchdog.watch import Lifeline, Watch

    # It leaves after the worker, whatever is sent to both of them.
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    args, worker = WatchdogArgs.decode(encoded_args), os.getppid()
    ends = [
        Containers(each) if isinstance(each, ContainerTerminator) else Processes(each, worker)
        for each in args.terminators
    ]

    def end(tasks: Sequence[Row], worker_is_gone: bool) -> bool:
        are_gone = [each.end(tasks, worker_is_gone) for each in ends]  # each of them has its turn
        return all(are_gone)

    connection = socket.socket(fileno=int(lifeline_fd))
    # Before the worker sends the broker's password: tasks may run as this very user.
    hide_from_tasks()
    with contextlib.suppress(OSError):  # the worker is gone already, which the watch will see
        connection.sendall(b"\n")
    lifeline = Lifeline(connection)

    def is_taken_over(row: Row) -> bool:
        return owner_of(args.kept_in, row.key) != args.node_id

    def finish(watch: Watch, tasks: list[Row]) -> None:
        left = watch.ended(tasks)
        for row in left:
            if row.is_kept:
                forget(args.kept_in, row.key)
        # What nobody here can end may still run: its lease must run out.
        if left and args.can_end_all and lifeline.message:
            hand_back(lifeline.message, left)

    watch = Watch(SharedTable(int(table_fd)), lifeline, args.limit_seconds, end, is_taken_over)
    for tasks in watch.run():
        # Side by side: what takes its time, or can't be done, delays nothing whose lease ends.
        Thread(target=finish, args=(watch, tasks)).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
