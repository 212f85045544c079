"""What is read of a receiver's answer, and what of it is kept."""

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from services.webhook_dispatcher.answers import (
    MOST_HEADER_BYTES,
    MOST_HEADERS,
    answered_headers,
    redacted_head,
    redactor_for,
    sent_headers,
)
from services.webhook_dispatcher.client import LONGEST_HEAD, Answer, Client, Timeouts
from shared.network.guard import Guard, parse_networks
from shared.process.redaction import Redactor

LOCAL = Guard(parse_networks(("127.0.0.0/8",)))
PATH = "/hook/T0KEN-of-the-path?key=t0ken-of-the-query&v=404"


@asynccontextmanager
async def receiver(*parts: bytes, drips: bytes = b"") -> AsyncIterator[str]:
    """Answers with `parts`, and then with `drips` again and again until the client has gone."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            for part in parts:
                writer.write(part)
                await writer.drain()
            while drips and not reader.at_eof():
                writer.write(drips)
                await writer.drain()
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 0.01)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}{PATH}"


async def post(url: str, total: float = 5, proxy: str = "") -> Answer:
    async with Client(LOCAL, proxy) as client:
        return await client.post(url, b"{}", {}, Timeouts(5, total))


def head(status: int = 200, *more: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status} x", "Connection: close", *more, "", "")).encode()


@pytest.mark.parametrize(
    ("length", "shown"), [(0, 0), (5, 5), (LONGEST_HEAD, LONGEST_HEAD), (10**7, LONGEST_HEAD)]
)
async def test_no_more_than_the_head_of_a_body_is_read(length: int, shown: int) -> None:
    async with receiver(head(200, f"Content-Length: {length}"), b"x" * length) as url:
        answer = await post(url)
    assert answer == Answer(200, "x" * shown, is_whole=length == shown)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, "answered 200, then: no complete answer within 0.2 s"),
        (503, "answered 503"),
    ],
)
async def test_a_body_that_drips_beyond_the_time_is_no_success(status: int, error: str) -> None:
    async with receiver(head(status, "Content-Length: 1000"), drips=b"x") as url:
        answer = await post(url, total=0.2)
    assert (answer.status, answer.error, answer.is_hopeless) == (status, error, False)
    assert 0 < len(answer.head) < 1000
    async with receiver(head(status), drips=b"x" * LONGEST_HEAD) as url:  # never ends
        assert (await post(url)).error == (None if status == 200 else error)


async def test_a_body_that_breaks_off_is_no_success() -> None:
    async with receiver(head(200, "Content-Length: 9"), b"half") as url:
        answer = await post(url)
    assert (answer.status, answer.head) == (200, "half")
    assert (answer.error or "").startswith("answered 200, then: ")


async def test_a_packed_body_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(10**7))
    lines = "Content-Encoding: gzip", f"Content-Length: {len(bomb)}"
    async with receiver(head(200, *lines), bomb) as url:
        assert await post(url) == Answer(200)


async def test_a_body_is_shown_as_text() -> None:
    async with receiver(head(200, "Content-Length: 4"), b"a\0\xffb") as url:
        assert (await post(url)).head == "a\0\ufffdb"


@pytest.mark.parametrize(
    "answer", [b"", b"NONSENSE\r\n\r\n", head(200, "Content-Length: x"), head(200, "a\0b: c")]
)
async def test_no_error_names_more_of_the_url_than_its_host(answer: bytes) -> None:
    async with receiver(answer) as url:
        errors = [(await post(url)).error]
    errors += [(await post(url)).error for url in (f"http://127.0.0.1:1{PATH}", f"x:{PATH}", PATH)]
    errors.append((await post(f"http://127.1{PATH}")).error)
    assert all(errors)
    assert "t0ken" not in str(errors).lower()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_wants_a_login_is_named(scheme: str) -> None:
    async with receiver(head(407, "Content-Length: 0")) as proxy:
        answer = await post(f"{scheme}://ci.example/", proxy=proxy.removesuffix(PATH))
    assert (answer.error, answer.is_hopeless) == ("the proxy answered 407", False)
    async with receiver(head(407, "Content-Length: 0")) as url:
        assert (await post(url)).error == "answered 407"


SENT = {
    "Authorization": "Bearer be4rer-token",
    "X-Login": f"Basic {base64.b64encode(b'ann:p4ssw0rd').decode()}",
    "Content-Type": "application/json",
    "webhook-id": "the-id",
}


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("ok: the-id of application/json", "ok: the-id of application/json"),
        ("no be4rer-token", "no [REDACTED]"),
        ("Bearer be4rer-token", "[REDACTED]"),
        ("no p4ssw0rd", "no [REDACTED]"),
        ("no s3cret of the job", "no [REDACTED] of the job"),
        (f"can't POST {PATH}", "can't POST [REDACTED]"),
        ("no T0KEN-of-the-path", "no [REDACTED]"),
        ("no t0ken-of-the-query", "no [REDACTED]"),
        ("no hook at ci.example", "no hook at ci.example"),
        ("answered 404", "answered 404"),
    ],
)
def test_what_a_request_held_in_confidence_is_not_kept_of_its_answer(
    answer: str, kept: str
) -> None:
    redactor = redactor_for(f"https://ci.example{PATH}", SENT, ["s3cret"])
    assert redacted_head(redactor, answer, is_whole=True) == kept


def test_a_secret_that_the_end_of_the_head_cuts_is_not_kept() -> None:
    redactor = redactor_for("https://ci.example", {}, ["a-rather-long-secret"])
    assert "rather" not in redacted_head(redactor, "x" * 500 + "a-rather-lo", is_whole=False)


def test_of_the_headers_of_a_request_those_are_shown_that_hold_no_secret() -> None:
    assert sent_headers(SENT | {"X-Env": "prod", "webhook-signature": "v1,abc"}) == {
        "Authorization": "[REDACTED]",
        "X-Login": "[REDACTED]",
        "Content-Type": "application/json",
        "webhook-id": "the-id",
        "X-Env": "[REDACTED]",
        "webhook-signature": "[REDACTED]",
    }


def test_the_headers_of_an_answer_are_kept_without_secrets() -> None:
    redactor = redactor_for("https://ci.example", SENT, ["s3cret"])
    answered = {"Server": "nginx", "Set-Cookie": "sid=1", "X-Echo": "be4rer-token", "X-S": "s3cret"}
    assert answered_headers(redactor, answered) == {
        "Server": "nginx",
        "Set-Cookie": "[REDACTED]",
        "X-Echo": "[REDACTED]",
        "X-S": "[REDACTED]",
    }
    # And a secret that is cut is not kept in part
    cut = answered_headers(redactor, {"X-Long": "x" * 991 + "be4rer-token"})
    assert "be4" not in cut["X-Long"]


def test_the_headers_of_an_answer_are_bounded_in_number_and_bytes() -> None:
    many = answered_headers(Redactor(), {f"X-{n}": "v" for n in range(1000)})
    assert len(many) == MOST_HEADERS
    large = answered_headers(Redactor(), {f"X-{n}": "\u20ac" * 5000 for n in range(20)})
    assert large
    assert sum(len((name + value).encode()) for name, value in large.items()) <= MOST_HEADER_BYTES


async def test_a_header_that_comes_twice_is_read_once() -> None:
    async with receiver(head(200, "X-A: 1", "X-A: 2", "Content-Length: 0")) as url:
        assert (await post(url)).headers["X-A"] == "1, 2"
