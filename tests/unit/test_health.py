"""Health: green when nothing is missing, red with the names of what is."""

import asyncio
import re
from contextlib import suppress

import aiohttp
import pytest

from shared.process.health import serve_health
from shared.process.metrics import Metrics, MetricSpec
from shared.process.settings.blocks import HealthSettings

ROUNDS = MetricSpec("rounds_total", "Rounds done.")
ANY_PORT = HealthSettings(address="127.0.0.1:0")


async def test_health_turns_red_with_what_is_missing_and_green_again() -> None:
    missing: list[str] = []
    checks = [lambda: missing, lambda: ()]
    async with serve_health(ANY_PORT, checks, Metrics()) as url, aiohttp.ClientSession() as client:
        async with client.get(f"{url}/health") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "UP"})
        missing.append("consumer of completions")
        async with client.get(f"{url}/health") as answer:
            assert answer.status == 503
            assert await answer.json() == {"status": "DOWN", "missing": ["consumer of completions"]}
        missing.clear()
        async with client.get(f"{url}/health") as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/health?from=probe", 200),
        ("POST", "/health", 405),
        ("GET", "/", 404),
    ],
)
async def test_only_the_two_pages_are_served_and_only_for_reading(
    method: str, path: str, status: int
) -> None:
    async with (
        serve_health(ANY_PORT, [], Metrics()) as url,
        aiohttp.ClientSession() as client,
        client.request(method, f"{url}{path}") as answer,
    ):
        assert answer.status == status
        assert int(answer.headers["Content-Length"]) > 0
        assert bool(await answer.read()) is (method != "HEAD")


async def test_callers_that_send_nothing_or_too_much_stop_nobody_else() -> None:
    async with serve_health(ANY_PORT, [], Metrics()) as url, aiohttp.ClientSession() as client:
        host, _, port = url.removeprefix("http://").rpartition(":")
        _, silent = await asyncio.open_connection(host, int(port))
        reader, talkative = await asyncio.open_connection(host, int(port))
        talkative.write(b"x" * 200_000)
        with suppress(ConnectionError):  # the server doesn't read it to the end
            assert await reader.read() == b""
        async with client.get(f"{url}/health") as answer:
            assert answer.status == 200
        talkative.close()
        silent.close()


async def test_an_address_that_is_taken_is_named_with_its_setting() -> None:
    async with serve_health(ANY_PORT, [], Metrics()) as url:
        address = url.removeprefix("http://")
        taken = f"can't listen on {address} (CONVEYOR_HEALTH_ADDRESS): Address already in use"
        with pytest.raises(OSError, match=f"^{re.escape(taken)}$"):
            async with serve_health(HealthSettings(address=address), [], Metrics()):
                pass


async def test_metrics_are_shown_in_the_format_of_prometheus() -> None:
    metrics = Metrics()
    metrics.counter(MetricSpec("claims_total", "Claims answered.", labels=("verdict",))).labels(
        "granted"
    ).inc(2)
    async with (
        serve_health(ANY_PORT, [], metrics) as url,
        aiohttp.ClientSession() as client,
        client.get(f"{url}/metrics") as answer,
    ):
        page = await answer.text()
    assert answer.content_type == "text/plain"
    assert 'conveyor_claims_total{verdict="granted"} 2.0' in page
    assert "process_resident_memory_bytes" in page


def test_two_services_in_one_process_have_metrics_of_their_own() -> None:
    first, second = Metrics(), Metrics()
    first.counter(ROUNDS).inc()
    second.counter(ROUNDS)
    assert b"conveyor_rounds_total 1.0" in first.render()[0]
    assert b"conveyor_rounds_total 0.0" in second.render()[0]
