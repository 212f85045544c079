"""Many clients who submit at once, each the next job as soon as it has its answer."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import aiohttp

from tests.flood.orders import Submitted

_HEADERS = {"Content-Type": "application/json"}
_MOST_SECONDS = 60.0


class Submitting:
    """`urls` are the coordinators', `job` makes the job of a number.

    `refused` counts the answers that asked to come again.
    """

    def __init__(
        self, urls: Sequence[str], job: Callable[[int], dict[str, Any]], clients: int
    ) -> None:
        self._urls = urls
        self._job = job
        self._clients = clients
        self.submitted: dict[int, Submitted] = {}
        self.refused: Counter[int] = Counter()
        self.wrong: list[str] = []

    async def run(self, count: int) -> float:
        """Submit jobs 0 to `count`; the seconds it took."""
        numbers = iter(range(count))
        began = time.monotonic()
        timeout = aiohttp.ClientTimeout(total=_MOST_SECONDS)
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
            asyncio.TaskGroup() as group,
        ):
            for place in range(self._clients):
                url = self._urls[place % len(self._urls)]
                group.create_task(self._client(session, f"{url}/jobs", numbers))
        return time.monotonic() - began

    async def _client(
        self, session: aiohttp.ClientSession, url: str, numbers: Iterator[int]
    ) -> None:
        for number in numbers:
            body = json.dumps(self._job(number)).encode()
            while (pause := await self._submit(session, url, number, body)) is not None:
                await asyncio.sleep(pause)

    async def _submit(
        self, session: aiohttp.ClientSession, url: str, number: int, body: bytes
    ) -> float | None:
        """The seconds after which to ask again, or None when the job is taken."""
        sent_at = time.time()
        async with session.post(url, data=body, headers=_HEADERS) as answer:
            told = await answer.json()
        if answer.status == 200:
            self.submitted[number] = Submitted(number, told["id"], sent_at, time.time())
            return None
        self.refused[answer.status] += 1
        after = answer.headers.get("Retry-After")
        if answer.status not in (429, 503) or after is None:
            self.wrong.append(f"job {number} was answered {answer.status} {told}")
            return None
        return float(after)
