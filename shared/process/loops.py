"""Loops: a round of work done again and again, whatever one round runs into."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from shared.process.run import Stop

log = structlog.get_logger()

Round = Callable[[], Awaitable[float | None]]
"""Does one round; returns the seconds until the next, or None for the loop's interval."""

MAX_BACKOFF_SECONDS = 2.0  # no longer: after an outage work is to flow again within seconds
_FIRST_BACKOFF_SECONDS = 0.5
# Of an outage the first failures are told, then about one a minute.
_TOLD_FAILURES = 3
_TOLD_EVERY = 16


async def every(
    do_round: Round,
    *,
    interval_seconds: float,
    stop: Stop,
    name: str | None = None,
    wake: asyncio.Event | None = None,
    unavailable: tuple[type[Exception], ...] = (),
) -> None:
    """Do rounds until a stop is asked for; a round that has begun is finished first.

    A failed round is logged and repeated after a growing delay: as a warning when the error is
    one of `unavailable` (it will pass, and is told now and then), with its traceback otherwise. The
    lines name the loop after its round, unless `name` says otherwise. `wake` has the next round
    begin at once; a round clears it before it looks.
    """
    name = name or getattr(do_round, "__name__", "round")
    failures = 0
    while not stop.requested:
        if wake is not None:
            wake.clear()
        try:
            delay = await do_round()
        except unavailable as error:
            failures += 1
            delay = backoff_seconds(failures)
            if failures <= _TOLD_FAILURES or failures % _TOLD_EVERY == 0:
                log.warning("loop_round_failed", loop=name, error=str(error), failures=failures)
        except Exception:  # one bad round must not end the loop that others depend on
            failures += 1
            delay = backoff_seconds(failures)
            log.exception("loop_round_failed", loop=name, retry_in_seconds=delay)
        else:
            if failures > _TOLD_FAILURES:
                log.info("loop_recovered", loop=name, failures=failures)
            failures = 0
        # Not after a failure: whatever wakes it would make the loop hot.
        woken_by = wake if failures == 0 else None
        await stop.sleep(interval_seconds if delay is None else delay, woken_by)


def backoff_seconds(failures: int) -> float:
    """0.5 s doubled for each failure up to 2 s, less up to a half so that many don't march."""
    longest = min(MAX_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2.0 ** min(failures - 1, 10))
    return round(longest * random.uniform(0.5, 1), 3)  # noqa: S311 (spreads load, no secret)
