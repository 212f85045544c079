"""The watchdog's process.

The worker runs it by the path of this file, without site-packages and whatever the environment says
of Python: so it starts in some milliseconds and holds little.
"""

import os
import signal
import sys
from collections.abc import Sequence

_ROOT = os.path.abspath(os.path.join(__file__, *[os.pardir] * 4))


def main(table_fd: str, lifeline: str, *told: str) -> None:
    """`told` are the fields of a WatchdogArgs."""
    sys.path.append(_ROOT)
    from services.worker.watchdog.args import WatchdogArgs
    from services.worker.watchdog.containers import EngineClient
    from services.worker.watchdog.processes import kill_processes
    from services.worker.watchdog.shared_table import Row, SharedTable
    from services.worker.watchdog.watch import Watch

    # It leaves after the worker, whatever is sent to both of them.
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    args, worker = WatchdogArgs(*told), os.getppid()
    engine = EngineClient(args)

    def end(tasks: Sequence[Row], worker_is_gone: bool) -> bool:
        are_gone = kill_processes(tasks, args.directories, None if worker_is_gone else worker)
        return engine.remove(tasks) and are_gone

    Watch(SharedTable(int(table_fd)), int(lifeline), float(args.limit), end).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
