"""The four services in one process, wired to a broker in memory and an embedded Postgres."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import structlog

from conveyor.extensions.runtimes import Runtime, RuntimeUnavailable
from services.coordinator.app import run as run_coordinator
from services.dev.banner import print_banner
from services.dev.postgres.embedded import EmbeddedPostgres
from services.dev.settings import DevSettings, sealing_key
from services.scheduler.app import run as run_scheduler
from services.scheduler.store.nodes import unfinished
from services.webhook_dispatcher.app import run as run_dispatcher
from services.worker.app import Parts as WorkerParts
from services.worker.app import run as run_worker
from services.worker.runtime_watch import RuntimeWatch
from services.worker.runtimes.factory import make_runtime
from shared.broker.in_process import InProcessBroker
from shared.files.factory import opened_store
from shared.messages.queues import COMPLETIONS, EVENTS, TELEMETRY
from shared.postgres.migrate import migrate
from shared.postgres.pool import Pool, acquired, create_pool
from shared.process.run import Stop
from shared.tracing.open_tracing import open_tracing
from shared.wiring import Resources

log = structlog.get_logger()

_LOOK_SECONDS = 0.02
_GOODBYE_SECONDS = 5.0


@asynccontextmanager
async def beside(
    main: Coroutine[None, None, None], stop: Callable[[], None]
) -> AsyncIterator[None]:
    """Run `main` beside the body; when the body ends, `stop` it and wait until it has ended.

    An error of `main` ends the body, and comes out of the context in its place.
    """
    body = asyncio.current_task()
    assert body is not None  # noqa: S101 - for the type checker: a coroutine runs in a task
    background = asyncio.create_task(main)

    def end_body(_: object) -> None:
        body.cancel()

    background.add_done_callback(end_body)
    try:
        yield
    except asyncio.CancelledError:
        if background.done() and not background.cancelled() and background.exception():
            body.uncancel()  # it was us: the wait below raises the reason
        else:
            raise
    finally:
        background.remove_done_callback(end_body)
        stop()
        await _ended(background)


async def _ended(background: "asyncio.Task[None]") -> None:
    """Wait for the end. A group with one error is that error: the caller looks at its class."""
    try:
        await background
    except ExceptionGroup as group:
        error: Exception = group
        while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from None


async def clear_after_predecessors(pool: Pool, runtime: Runtime) -> list[str]:
    """End what an earlier `conveyor dev` on this data left running when it was killed; its node
    ids. Only one at a time uses a data directory, so every worker that its database still counts
    on is dead: there is no lease to wait for. Raises DatabaseUnavailable."""
    async with acquired(pool) as connection:
        nodes = await unfinished(connection)
    if nodes:
        removed = await _reap(runtime, nodes)
        log.info("predecessor_replaced", nodes=nodes, removed=removed)
    return nodes


async def _reap(runtime: Runtime, nodes: Collection[str]) -> int:
    try:
        return await runtime.reap(lambda left: left.node_id in nodes)
    except RuntimeUnavailable as error:
        # The engine is away. Its containers of a task are removed before that task starts again.
        log.warning("leftovers_not_removed", reason=str(error))
        return 0


async def run(settings: DevSettings, stop: Stop) -> None:
    """Serve until `stop`; a second request to stop hands back what still runs."""
    try:
        async with running(settings, stop) as url:
            log.info("conveyor_started", url=url, docs=f"{url}/docs")
            print_banner(url)
            await stop.wait()
    except asyncio.CancelledError:
        if not stop.requested:
            raise
        log.info("start_interrupted")  # the services ended under a start that went on


@asynccontextmanager
async def running(settings: DevSettings, stop: Stop) -> AsyncIterator[str]:
    """All services while the context lasts; the URL of the API, when it answers, without a slash at
    its end. Raises EmbeddedPostgresError, OSError.

    An error in one of them ends the others and comes out of the context.
    """
    data_dir = settings.dev.data_dir
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = settings.with_key(sealing_key(data_dir)).with_directories()
    async with AsyncExitStack() as parts:
        dsn = await parts.enter_async_context(EmbeddedPostgres(data_dir / "postgres"))
        await migrate(dsn)
        tracing = await parts.enter_async_context(open_tracing("dev", settings.tracing))
        pool = await create_pool(dsn, settings.postgres, name="conveyor dev")
        parts.push_async_callback(pool.close)
        broker = InProcessBroker()
        await broker.start()
        parts.push_async_callback(broker.close)
        files = await parts.enter_async_context(opened_store(settings.files))
        resources = Resources(
            broker, pool, tracing=tracing, files=files, files_settings=settings.files
        )

        def end() -> None:
            if not stop.requested:  # to ask a second time is to abort, and to lose what runs
                stop.request()

        url = f"http://{settings.api.address}"
        worker = settings.worker.model_copy(update={"api_url": settings.worker.api_url or url})
        settings = settings.model_copy(update={"worker": worker})
        async with beside(_serve(settings, broker, resources, stop), end):
            await _wait_until_up(url)
            yield url


async def _serve(
    settings: DevSettings, broker: InProcessBroker, resources: Resources, stop: Stop
) -> None:
    """They leave in the order in which they talk: what one says on its way out the next must hear,
    as nothing but memory holds it. `resources` have one page of metrics for all.
    """
    runtime = make_runtime(settings.runtime)
    deciders_stop, dispatcher_stop = Stop(), Stop()
    try:
        predecessors = await clear_after_predecessors(resources.pool, runtime)
        async with asyncio.TaskGroup() as group:
            deciders = [
                group.create_task(run_coordinator(settings, resources, deciders_stop)),
                group.create_task(
                    run_scheduler(settings, resources, deciders_stop, predecessors=predecessors)
                ),
            ]
            group.create_task(run_dispatcher(settings, resources, dispatcher_stop))
            parts = WorkerParts(
                broker,
                RuntimeWatch(runtime),
                resources.files,
                resources.metrics,
                resources.tracing,
            )
            await run_worker(settings, parts, stop)
            await _until_handled(broker, COMPLETIONS, TELEMETRY)
            deciders_stop.request()
            await asyncio.wait(deciders)
            await _until_handled(broker, EVENTS)
            dispatcher_stop.request()
    finally:
        await runtime.close()


async def _until_handled(broker: InProcessBroker, *queues: str) -> None:
    try:
        async with asyncio.timeout(_GOODBYE_SECONDS):
            while any(map(broker.unhandled, queues)):  # noqa: ASYNC110 - a queue tells nobody
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        log.warning("messages_left_unhandled", queues=queues)


async def _wait_until_up(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        while not await _is_up(session, url):  # noqa: ASYNC110 - asked over HTTP: no event tells
            await asyncio.sleep(_LOOK_SECONDS)


async def _is_up(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/health") as response:
            return response.ok
    except aiohttp.ClientConnectionError:
        return False  # it doesn't listen yet
