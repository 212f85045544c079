"""The guardian's process.

The worker runs it by the path of this file, without site-packages and whatever the environment says
of Python: so it starts in some milliseconds and holds little.
"""

import os
import signal
import sys
from collections.abc import Sequence

_ROOT = os.path.abspath(os.path.join(__file__, *[os.pardir] * 4))


def main(ledger_fd: str, lifeline: str, *told: str) -> None:
    """`told` are the fields of a Charge."""
    sys.path.append(_ROOT)
    from services.worker.guardian.charge import Charge
    from services.worker.guardian.containers import Engine
    from services.worker.guardian.ledger import Ledger, Row
    from services.worker.guardian.processes import kill_processes
    from services.worker.guardian.watch import Watch

    # It leaves after the worker, whatever is sent to both of them.
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    charge, worker = Charge(*told), os.getppid()
    engine = Engine(charge)

    def end(tasks: Sequence[Row], worker_is_gone: bool) -> bool:
        are_gone = kill_processes(tasks, charge.directories, None if worker_is_gone else worker)
        return engine.remove(tasks) and are_gone

    Watch(Ledger(int(ledger_fd)), int(lifeline), float(charge.limit), end).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
