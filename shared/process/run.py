"""Running a service: settings in, logging on, the event loop, the signals, and the end."""

import asyncio
import ctypes
import gc
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.metadata import version
from typing import TypeVar

import structlog

from shared.process.logging import configure_logging
from shared.process.settings.blocks import LogSettings
from shared.process.settings.loading import Settings, SettingsError, load

log = structlog.get_logger()

SIGNALS = (signal.SIGTERM, signal.SIGINT)

BAD_SETTINGS = 2
S = TypeVar("S", bound=Settings)


class CannotStart(Exception):
    """What the operator must put right before the service can run; the text says what."""


class Stop:
    """The wish to stop: the first signal asks to finish what runs, the second to abort it."""

    def __init__(self) -> None:
        self._requested = asyncio.Event()
        self._abort = asyncio.Event()

    @property
    def requested(self) -> bool:
        return self._requested.is_set()

    @property
    def aborted(self) -> bool:
        return self._abort.is_set()

    def request(self) -> None:
        """Ask to stop; asking again aborts what runs."""
        if self._requested.is_set():
            self._abort.set()
        self._requested.set()

    async def wait(self) -> None:
        await self._requested.wait()

    async def wait_abort(self) -> None:
        await self._abort.wait()

    async def sleep(self, seconds: float, wake: asyncio.Event | None = None) -> None:
        """Sleep that long, or until a stop is asked for, or `wake` is set."""
        if wake is None:  # most loops: it costs no task
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._requested.wait()
            return
        ends = [asyncio.create_task(event.wait()) for event in (self._requested, wake)]
        try:
            await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()


def run_service(main: Callable[[Stop], Awaitable[None]]) -> int:
    """Run `main` until it returns; the exit code: 0, or 1 after an error, which is logged.

    `main` should start its tasks in an `asyncio.TaskGroup`: an error in one of them then ends the
    others and the process. A third signal kills the process as if nobody listened.
    """
    with asyncio.Runner(loop_factory=_new_event_loop) as runner:
        return runner.run(_run(main))


async def _run(main: Callable[[Stop], Awaitable[None]]) -> int:
    stop = Stop()
    _listen(stop)
    try:
        await main(stop)
    except Exception as error:  # the last door: a set-up that can't work, or a bug
        cause = _only_cause(error)
        if isinstance(cause, CannotStart | OSError):
            log.error("service_start_failed", error=str(cause))
        else:
            log.exception("service_failed")
        return 1
    return 0


def _only_cause(error: Exception) -> Exception:
    """What is in the groups that tasks and contexts have wrapped around it."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _listen(stop: Stop) -> None:
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        log.info("stop_requested", signal=number.name, aborted=stop.requested)
        stop.request()
        if stop.aborted:
            for each in SIGNALS:
                loop.remove_signal_handler(each)

    for each in SIGNALS:
        loop.add_signal_handler(each, on_signal, each)


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # it doesn't exist for Windows; asyncio's own loop is as good, but slower
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def enter(
    service: str, settings_class: type[S], serve: Callable[[S, Stop], Awaitable[None]]
) -> int:
    """Run `serve` as the process's one job; the exit code. 2: a setting is wrong, nothing began."""
    try:
        settings = load(settings_class)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - logging is not set up yet
        return BAD_SETTINGS
    configure_logging(getattr(settings, "log", LogSettings()), service=service)
    _spare_what_stays()
    log.info("service_started", version=version("conveyor"))
    exit_code = run_service(lambda stop: serve(settings, stop))
    if exit_code == 0:  # else its last line says why not
        log.info("service_stopped")
    return exit_code


def _spare_what_stays() -> None:
    """Leave what was imported out of the garbage collector's rounds.

    It stays to the end, and a look through all of it keeps everything else waiting for a tenth of a
    second. Since a full round begins when a quarter has been added to what there is, less garbage
    lies about, too.
    """
    gc.collect()
    gc.freeze()
    # Importing leaves 2 MB free that glibc keeps. Other C libraries have no such call.
    with suppress(AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
