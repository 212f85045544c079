"""Logging: lines are events with keys, one renderer for our loggers and the libraries'.

`structlog.get_logger()` gives a logger; `structlog.contextvars.bind_contextvars(job_id=…)` at a
door adds keys to every line below it.
"""

import logging
import sys
from collections.abc import Sequence
from typing import TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.process.settings.blocks import LogSettings

# Libraries that report at `info` what is noise at that level for us.
_TALKATIVE = ("aio_pika", "aiormq", "aiohttp.access", "asyncio")
# What a line of JSON begins with, so that people can read it, too.
_FIRST = ("timestamp", "level", "service", "event")


def configure_logging(
    settings: LogSettings,
    *,
    service: str,
    redact: Processor | None = None,
    stream: TextIO | None = None,
) -> None:
    """Send every log line of the process to `stream` (standard error).

    `redact` sees each line's keys last before it is drawn, whoever wrote it.
    """
    stream = stream or sys.stderr
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    enrich: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _named(service),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    draw = [*([redact] if redact else []), *_renderer(settings, stream)]
    structlog.configure(
        processors=[*enrich, *draw],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        # A cached logger would keep the configuration it was first used with.
        cache_logger_on_first_use=False,
    )
    _route_standard_library(level, stream, enrich, draw)


def _named(service: str) -> Processor:
    def add_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    return add_service


def _renderer(settings: LogSettings, stream: TextIO) -> list[Processor]:
    in_colour = stream.isatty()
    if settings.format == "console" or (settings.format == "auto" and in_colour):
        # Plain: the default shows local variables where it can, and secrets are among them.
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=in_colour, exception_formatter=plain)]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=_to_json),
    ]


def _to_json(event: EventDict, **_: object) -> str:
    line = {**{key: event[key] for key in _FIRST if key in event}, **event}
    # Whatever has no JSON of its own is shown as it prints: a log line must never fail.
    return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _route_standard_library(
    level: int, stream: TextIO, enrich: Sequence[Processor], draw: Sequence[Processor]
) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *enrich],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *draw],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
