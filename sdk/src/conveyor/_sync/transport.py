"""Sends requests, and again where that is of use; opens streams."""

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from conveyor.errors import Unavailable
from conveyor.failures import unavailable
from conveyor.http import Reply, Request, Retries, Server, request, seconds_of
from conveyor.streams import Lines

Pieces = Callable[[], Iterator[bytes]]

_CONNECT_SECONDS = 10.0
_UPLOAD_SECONDS = 600.0
SILENCE_SECONDS = 90.0
"""The server shows signs of life on its streams far more often."""


class Transport:
    def __init__(
        self,
        server: Server,
        retries: Retries,
        timeout_seconds: float,
        http: httpx.BaseTransport | None = None,
    ) -> None:
        self.server = server
        self._retries = retries
        self._timeout = httpx.Timeout(timeout_seconds, connect=_CONNECT_SECONDS)
        self._http = httpx.Client(
            headers=httpx.Headers(server.headers, encoding="utf-8"),
            transport=http,
            # The system's certificates; reading them takes a while, and unencrypted needs none.
            verify=ssl.create_default_context() if server.is_encrypted else False,
            trust_env=not server.is_here,
        )

    def close(self) -> None:
        self._http.close()

    def send_always(self, headers: Mapping[str, str]) -> None:
        """With each request from now on."""
        self._http.headers.update(headers)

    def pauses(self) -> Iterator[float]:
        """Between tries, in seconds."""
        return self._retries.pauses()

    def call(self, method: str, template: str, **parts: Any) -> Any:  # noqa: ANN401 - JSON
        """The answer's JSON; `parts` as `request` takes them. Raises ConveyorError."""
        reply = self._send(request(method, template, **parts))
        return reply.json(self.server.url)

    def upload(self, method: str, template: str, pieces: Pieces, **parts: Any) -> Any:  # noqa: ANN401 - JSON
        """As `call`, with a body that `pieces` begins anew for each try."""
        reply = self._send(request(method, template, **parts), pieces)
        return reply.json(self.server.url)

    def _send(self, sent: Request, pieces: Pieces | None = None) -> Reply:
        """The answer, which is a 2xx."""
        for pause in [*self._retries.pauses(), None]:
            outcome = self._try(sent, pieces)
            if isinstance(outcome, Unavailable):
                if pause is None or (outcome.may_have_happened and not sent.is_repeatable):
                    raise outcome
                time.sleep(pause)
            elif outcome.is_ok:
                return outcome
            elif pause is None or not outcome.will_pass(sent):
                raise outcome.error(self.server.url)
            else:
                time.sleep(max(pause, outcome.retry_after))
        raise AssertionError("the last try returns or raises")

    def _try(self, sent: Request, pieces: Pieces | None) -> Reply | Unavailable:
        timeout = httpx.Timeout(None, connect=_CONNECT_SECONDS) if sent.may_wait else self._timeout
        if pieces:  # the server writes what it got to its disk before it answers
            timeout = httpx.Timeout(_UPLOAD_SECONDS, connect=_CONNECT_SECONDS)
        try:
            response = self._http.request(
                sent.method,
                self.server.url + sent.path,
                params=sent.query,
                headers=sent.headers,
                content=pieces() if pieces else sent.content,
                timeout=timeout,
            )
        except httpx.HTTPError as error:
            return unavailable(self.server.url, error)
        return _reply(response)

    @contextmanager
    def stream(
        self,
        template: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        silence_seconds: float = SILENCE_SECONDS,
        **names: Any,  # noqa: ANN401 - texts; mypy would take them for any parameter of `request`
    ) -> Iterator["Stream"]:
        """An answer that goes on. Raises ConveyorError, also when nothing arrives for
        `silence_seconds`."""
        sent = request("GET", template, query=query, **names)
        timeout = httpx.Timeout(silence_seconds, connect=_CONNECT_SECONDS)
        url = self.server.url
        try:
            with self._http.stream(
                "GET", url + sent.path, params=sent.query, headers=headers, timeout=timeout
            ) as response:
                if not response.is_success:
                    response.read()
                    raise _reply(response).error(url)
                yield Stream(response)
        except httpx.HTTPError as error:
            raise unavailable(url, error) from error


class Stream:
    """Read it within the context that gave it."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def content_type(self) -> str:
        """Without its parameters."""
        return str(self._response.headers.get("Content-Type", "")).partition(";")[0].strip()

    @property
    def status(self) -> int:
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """Their names in any case."""
        return self._response.headers

    def chunks(self) -> Iterator[bytes]:
        return self._response.iter_bytes()

    def lines(self) -> Iterator[str]:
        """Without their line breaks, as they arrive."""
        lines = Lines()
        for chunk in self._response.iter_bytes():
            for line in lines.feed(chunk):
                yield line
        for line in lines.rest():
            yield line


def _reply(response: httpx.Response) -> Reply:
    wait = seconds_of(response.headers.get("Retry-After"))
    return Reply(response.status_code, response.reason_phrase, response.text, wait)


def items_of(answer: Any) -> Iterable[Mapping[str, Any]]:  # noqa: ANN401 - JSON
    """Of a page, or of a list that has no pages; without any the server says null."""
    items = answer.get("items") if isinstance(answer, Mapping) else answer
    return items or ()
