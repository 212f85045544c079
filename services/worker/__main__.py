"""`python -m services.worker`: settings in, a running worker out."""

import sys

from services.worker.app import run
from services.worker.runtime_watch import RuntimeWatch
from services.worker.runtimes.factory import make_runtime
from services.worker.settings import WorkerSettings
from shared.broker.opening import opened_broker
from shared.process.entry import enter
from shared.process.health import serve_health
from shared.process.metrics import Metrics
from shared.process.run import Stop


async def _serve(settings: WorkerSettings, stop: Stop) -> None:
    watch = RuntimeWatch(make_runtime(settings.runtime))
    try:
        async with (
            opened_broker(settings.broker) as broker,
            serve_health(settings.health, [lambda: broker.missing, watch.missing], Metrics()),
        ):
            await run(settings, broker, watch, stop)
    finally:
        await watch.runtime.close()


def main() -> int:
    return enter("worker", WorkerSettings, _serve)


if __name__ == "__main__":
    sys.exit(main())
