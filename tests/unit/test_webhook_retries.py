"""When a webhook that failed is called again."""

import asyncio
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from services.webhook_dispatcher.client import Answer, Client, Timeouts, read_retry_after
from services.webhook_dispatcher.retries import is_retried
from services.webhook_dispatcher.settings import WebhookSettings
from shared.network.guard import Guard, parse_networks

LOCAL = Guard(parse_networks(("127.0.0.0/8",)))
TIMEOUTS = Timeouts(5, 5)
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5),
        ("Sat, 31 Jan 2026 12:01:00 GMT", 60),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0),
        ("9" * 400, 999_999_999),
        *((text, 0) for text in ("", "-5", "1.5", "soon", "\u0665")),
    ],
)
def test_a_receiver_says_in_seconds_or_by_a_date_when_to_come_again(
    header: str, seconds: int
) -> None:
    assert read_retry_after(header, NOW) == timedelta(seconds=seconds)


PLAN = WebhookSettings().retry_plan
HOUR = 3600


def delay_of(attempts: int, wish: float = 0, chance: float = 0.5) -> float | None:
    delay = PLAN.delay(attempts, timedelta(seconds=wish), chance)
    return None if delay is None else delay.total_seconds()


def test_failed_calls_are_repeated_for_eighteen_hours_and_then_given_up() -> None:
    delays = [5, 30, 120, 600, 1800, 2 * HOUR, 5 * HOUR, 10 * HOUR, None]
    assert [delay_of(attempts) for attempts in range(1, 10)] == delays
    assert delay_of(25) is None


def test_what_failed_together_comes_back_apart() -> None:
    delays = [delay_of(2, chance=chance) for chance in (0, 0.25, 0.5, 1)]
    assert delays == pytest.approx([24, 27, 30, 36])


@pytest.mark.parametrize(
    ("attempts", "wish", "seconds"),
    [(1, 4, 5), (1, 7, 7), (2, 10, 30), (1, 10**9, 10 * HOUR), (9, 5, None)],
)
def test_a_call_is_repeated_not_sooner_than_its_receiver_wants(
    attempts: int, wish: int, seconds: float | None
) -> None:
    assert delay_of(attempts, wish) == seconds
    if seconds is not None and seconds == wish:  # chance makes it no sooner
        assert delay_of(attempts, wish, chance=0) == seconds


@pytest.mark.parametrize("text", ["soon", "0s", "5s,-1s", "5"])
def test_delays_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        WebhookSettings(retry_delays=text)


def test_only_failures_that_may_pass_are_repeated() -> None:
    final = [400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 451, 499]
    passing = [301, 302, 303, 307, 308, 304, 407, 408, 425, 429, 500, 502, 503, 504, 599]
    assert [status for status in final + passing if is_retried(status)] == passing
    assert is_retried(404, also={404})


async def test_an_answer_is_a_success_by_its_status_alone() -> None:
    statuses = iter([200, 204, 301, 404, 410, 429, 503])

    async def answer(_: web.Request) -> web.Response:
        headers = {"Retry-After": "7", "Location": "/"}
        return web.Response(status=next(statuses), headers=headers)

    app = web.Application()
    app.router.add_post("/", answer)
    async with TestServer(app) as server, Client(LOCAL) as client:
        url = str(server.make_url("/"))
        answers = [await client.post(url, b"", {}, TIMEOUTS) for _ in range(7)]
    wish = timedelta(seconds=7)
    assert answers == [
        *(Answer(n, retry_after=wish) for n in (200, 204)),
        *(Answer(n, error=f"answered {n}", retry_after=wish) for n in (301, 404, 410, 429, 503)),
    ]


@pytest.mark.parametrize("kind", ["refuses", "hangs", "drips"])
async def test_a_receiver_that_does_not_answer_in_time_is_called_again(kind: str) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while not reader.at_eof():
                writer.write(b"H" if kind == "drips" else b"")
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1000), 0.01)

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as listening:
        port = 1 if kind == "refuses" else listening.sockets[0].getsockname()[1]
        async with Client(LOCAL) as client:
            failure = await client.post(f"http://127.0.0.1:{port}/", b"", {}, Timeouts(0.1, 0.1))
    assert failure.error
    assert (failure.status, failure.is_hopeless) == (None, False)


@pytest.mark.parametrize("url", ["", "ftp://x", "http://"])
async def test_an_address_that_can_never_be_called_is_hopeless(url: str) -> None:
    async with Client(Guard()) as client:
        failure = await client.post(url, b"", {}, TIMEOUTS)
    assert failure.error
    assert failure.is_hopeless
