"""An image that can't be pulled is tried again where that may help."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from services.worker.runtimes.containers.engine import ImageMissing
from services.worker.runtimes.containers.images import Images, may_pass

NO_HOST = "dial tcp: lookup registry.example: no such host"


@dataclass
class Engine:
    """Its registry answers these in turn, then gives the image."""

    errors: list[str]
    pulls: int = 0
    log: bytearray = field(default_factory=bytearray)

    async def image_user(self, image: str) -> str:
        raise ImageMissing

    async def pull(
        self, image: str, login: object, on_message: Callable[[dict[str, Any]], Awaitable[None]]
    ) -> None:
        self.pulls += 1
        if self.errors:
            await on_message({"error": self.errors.pop(0)})

    async def take_log(self, data: bytes, stream: int = 1) -> None:
        self.log += data


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "services.worker.runtimes.containers.images._PAUSES_SECONDS", (0.0, 0.0, 0.0)
    )


async def pull(engine: Engine) -> None:
    await Images(engine, {}).pull_once("a:1", None, engine.take_log)  # type: ignore[arg-type]


async def test_a_registry_that_can_not_be_reached_is_tried_again_and_the_log_says_so() -> None:
    engine = Engine([NO_HOST, "received unexpected HTTP status: 503 Service Unavailable"])
    await pull(engine)
    assert engine.pulls == 3
    assert f"could not pull image a:1: {NO_HOST}; next try in 0 s" in engine.log.decode()


async def test_after_four_tries_it_is_given_up() -> None:
    engine = Engine([NO_HOST] * 9)
    with pytest.raises(RuntimeRejected, match="no such host"):
        await pull(engine)
    assert engine.pulls == 4


@pytest.mark.parametrize(
    "words",
    [
        "manifest for a:1 not found: manifest unknown: manifest unknown",
        "pull access denied for a, repository does not exist or may require 'docker login'",
        "unauthorized: authentication required",
        "repository name not known to registry",
    ],
)
async def test_an_image_that_is_not_to_be_had_is_not_tried_again(words: str) -> None:
    engine = Engine([words])
    with pytest.raises(RuntimeRejected):
        await pull(engine)
    assert engine.pulls == 1


@pytest.mark.parametrize(
    "words",
    [
        "Get https://r/v2/: net/http: request canceled (Client.Timeout exceeded while awaiting)",
        "Get https://r/v2/: context deadline exceeded",
        "dial tcp 127.0.0.1:1: connect: connection refused",
        "read tcp: connection reset by peer",
        "net/http: TLS handshake timeout",
        "unexpected EOF",
        "toomanyrequests: You have reached your pull rate limit",
        "unexpected status code 502 Bad Gateway",
    ],
)
def test_what_passes_is_known_by_its_words(words: str) -> None:
    assert may_pass(words)
