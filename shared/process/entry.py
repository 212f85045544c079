"""The entry of every service: settings in, logging on, then served until told to stop."""

import gc
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import TypeVar

import structlog

from shared.process.logging import configure_logging
from shared.process.run import Stop, run_service
from shared.process.settings.blocks import LogSettings
from shared.process.settings.loading import Settings, SettingsError, load

BAD_SETTINGS = 2

logger = structlog.get_logger()

S = TypeVar("S", bound=Settings)


def enter(
    service: str, settings_class: type[S], serve: Callable[[S, Stop], Awaitable[None]]
) -> int:
    """Run `serve` as the process's one job; the exit code. 2: a setting is wrong, nothing began."""
    try:
        settings = load(settings_class)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - logging is not set up yet
        return BAD_SETTINGS
    log = getattr(settings, "log", LogSettings())
    configure_logging(log, service=service)
    _spare_what_stays()
    logger.info("service_started", version=version("conveyor"))
    exit_code = run_service(lambda stop: serve(settings, stop))
    if exit_code == 0:  # else its last line says why not
        logger.info("service_stopped")
    return exit_code


def _spare_what_stays() -> None:
    """Leave what was imported out of the garbage collector's rounds.

    It stays to the end, and a look through all of it keeps everything else waiting for a tenth of a
    second. Since a full round begins when a quarter has been added to what there is, less garbage
    lies about, too.
    """
    gc.collect()
    gc.freeze()
