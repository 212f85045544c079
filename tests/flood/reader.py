"""A customer who reads while others submit: one request after the other, each timed.

A process of its own, so that it isn't kept waiting by those who submit. It stops at SIGTERM, and
writes what it has measured.
"""

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp

_PAUSE_SECONDS = 0.02
_KNOWN = 200


@dataclass(frozen=True, slots=True)
class Read:
    """One request: what was asked for, when (time.time()), how long it took, and the answer."""

    asked: str
    at: float
    milliseconds: float
    status: int


ASKED = {
    "one job": "/jobs/{id}",
    "its log": "/jobs/{id}/log",
    "newest jobs": "/jobs?size=20",
    "by state": "/jobs?size=20&q=running",
    "by tag": "/jobs?size=20&q=tag:hundredth7",
    "by word": "/jobs?size=20&q=flood",
    "queues": "/queues",
    "nodes": "/nodes",
    "health": "/health",
}


async def main(path: Path, urls: Sequence[str]) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    reads: list[Read] = []
    async with aiohttp.ClientSession() as session:
        ids = await _first_ids(session, urls[0], stop)
        while not stop.is_set():
            for asked, path_of in ASKED.items():
                url = random.choice(urls) + path_of.format(id=random.choice(ids))
                reads.append(await _read(session, asked, url, ids))
                await asyncio.sleep(_PAUSE_SECONDS)
    path.write_text(json.dumps([asdict(read) for read in reads]))


async def _first_ids(session: aiohttp.ClientSession, url: str, stop: asyncio.Event) -> list[str]:
    """Wait until there is a job to read."""
    while not stop.is_set():
        async with session.get(f"{url}/jobs") as answer:
            if items := (await answer.json()).get("items"):
                return [item["id"] for item in items]
        await asyncio.sleep(_PAUSE_SECONDS)
    return [""]


async def _read(session: aiohttp.ClientSession, asked: str, url: str, ids: list[str]) -> Read:
    """Some of the jobs that it sees are remembered in `ids`, to be looked at later."""
    at, began = time.time(), time.perf_counter()
    async with session.get(url) as answer:
        body = await answer.read()
    read = Read(asked, at, (time.perf_counter() - began) * 1000, answer.status)
    if asked == "newest jobs" and answer.status == 200:
        ids += [item["id"] for item in json.loads(body)["items"]]
        random.shuffle(ids)
        del ids[_KNOWN:]
    return read


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
