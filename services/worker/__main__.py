"""`python -m services.worker`: settings in, a running worker out."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.worker.app import Parts, run
from services.worker.runtime_watch import RuntimeWatch
from services.worker.runtimes.factory import make_runtime
from services.worker.settings import WorkerSettings
from shared.broker.metrics import show_broker
from shared.broker.protocol import Broker
from shared.broker.rabbitmq.broker import open_broker
from shared.files.factory import opened_store
from shared.files.watch import watched_store
from shared.process.health import Check, serve_health, show_health
from shared.process.metrics import Metrics, show_process
from shared.process.run import Stop, enter
from shared.tracing.open_tracing import open_tracing


async def _serve(settings: WorkerSettings, stop: Stop) -> None:
    watch = RuntimeWatch(make_runtime(settings.runtime))
    try:
        async with (
            open_tracing("worker", settings.tracing) as tracing,
            open_broker(settings.broker) as broker,
            opened_store(settings.files) as store,
            watched_store(store, settings.files, stop) as files_check,
            _watched(settings, broker, watch, files_check) as metrics,
        ):
            parts = Parts(broker, watch, store, metrics, tracing, settings.broker)
            await run(settings, parts, stop)
    finally:
        await watch.runtime.close()


@asynccontextmanager
async def _watched(
    settings: WorkerSettings, broker: Broker, watch: RuntimeWatch, files: Check
) -> AsyncIterator[Metrics]:
    metrics = Metrics()
    checks = (lambda: broker.missing, watch.missing, files)
    show_health(metrics, checks)
    show_broker(metrics, broker)
    show_process(metrics)
    async with serve_health(settings.health, checks, metrics):
        yield metrics


def main() -> int:
    return enter("worker", WorkerSettings, _serve)


if __name__ == "__main__":
    sys.exit(main())
