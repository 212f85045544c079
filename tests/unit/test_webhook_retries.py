"""When a webhook that failed is called again."""

from datetime import UTC, datetime, timedelta

import pytest

from services.webhook_dispatcher.calls import retry_delay
from services.webhook_dispatcher.client import Client, Failure, read_retry_after
from services.webhook_dispatcher.guard import Guard

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


@pytest.mark.parametrize(
    ("attempts", "wish", "seconds"), [(1, 0, 1), (3, 0, 4), (1, 5, 5), (4, 5, 8), (1, 10**9, 3600)]
)
def test_a_call_is_repeated_not_sooner_than_its_receiver_wants(
    attempts: int, wish: int, seconds: int
) -> None:
    assert retry_delay(attempts, timedelta(seconds=wish)) == timedelta(seconds=seconds)


@pytest.mark.parametrize("url", ["", "ftp://x", "http://"])
async def test_an_address_that_can_never_be_called_is_hopeless(url: str) -> None:
    async with Client(Guard()) as client:
        failure = await client.post(url, b"", {}, 1)
    assert isinstance(failure, Failure)
    assert failure.is_hopeless
