"""Sends requests, and again where that is of use; opens streams."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from conveyor.errors import Unavailable
from conveyor.http import Reply, Request, Retries, Server, request, seconds_of
from conveyor.streams import Lines

_CONNECT_SECONDS = 10.0
_SILENCE_SECONDS = 90.0
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
        self._http = httpx.Client(headers=server.headers, transport=http)

    def close(self) -> None:
        self._http.close()

    def pauses(self) -> Iterator[float]:
        """Between tries, in seconds."""
        return self._retries.pauses()

    def call(self, method: str, template: str, **parts: Any) -> Any:  # noqa: ANN401 - JSON
        """The answer's JSON; `parts` as `request` takes them. Raises ConveyorError."""
        reply = self._send(request(method, template, **parts))
        return reply.json(self.server.url)

    def _send(self, sent: Request) -> Reply:
        """The answer, which is a 2xx."""
        for pause in [*self._retries.pauses(), None]:
            outcome = self._try(sent)
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

    def _try(self, sent: Request) -> Reply | Unavailable:
        try:
            response = self._http.request(
                sent.method,
                self.server.url + sent.path,
                params=sent.query,
                headers=sent.headers,
                content=sent.content,
                timeout=self._timeout,
            )
        except httpx.HTTPError as error:
            return _unavailable(self.server.url, error)
        wait = seconds_of(response.headers.get("Retry-After"))
        return Reply(response.status_code, response.text, wait)

    @contextmanager
    def stream(
        self,
        template: str,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, object],
        **names: Any,  # noqa: ANN401 - texts; mypy would take them for any parameter of `request`
    ) -> Iterator[Iterator[str]]:
        """The lines of an answer that goes on, as they arrive. Raises ConveyorError."""
        sent = request("GET", template, query=query, **names)
        timeout = httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS)
        url = self.server.url
        try:
            with self._http.stream(
                "GET", url + sent.path, params=sent.query, headers=headers, timeout=timeout
            ) as response:
                if not response.is_success:
                    response.read()
                    raise Reply(response.status_code, response.text).error(url)
                yield _lines(response)
        except httpx.HTTPError as error:
            raise _unavailable(url, error) from error


def _lines(response: httpx.Response) -> Iterator[str]:
    lines = Lines()
    for chunk in response.iter_bytes():
        for line in lines.feed(chunk):
            yield line
    for line in lines.rest():
        yield line


def _unavailable(url: str, error: httpx.HTTPError) -> Unavailable:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return Unavailable(f"can't reach {url}: {error}")
    why = "does not answer in time" if isinstance(error, httpx.TimeoutException) else str(error)
    return Unavailable(f"{url}: {why or type(error).__name__}", may_have_happened=True)


def items_of(answer: Any) -> Iterable[Mapping[str, Any]]:  # noqa: ANN401 - JSON
    """Of a page, or of a list that has no pages; without any the server says null."""
    items = answer.get("items") if isinstance(answer, Mapping) else answer
    return items or ()
