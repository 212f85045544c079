"""A customer of the API: asks again, and elsewhere, for as long as it takes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.chaos.mix import Planned
from tests.chaos.system import System

_PATIENCE_SECONDS = 0.2
_ANSWER_SECONDS = 10.0
_FINAL = ("COMPLETED", "FAILED", "CANCELLED")
_FINAL_IN_ARVADOS = ("Complete", "Failed", "Cancelled")


@dataclass(frozen=True, slots=True)
class Answer:
    """To a submission. `is_reused`: the job was made for another one."""

    id: str
    is_reused: bool


class Client:
    """`answered` holds the key of every job that was answered 200, by the job's id."""

    def __init__(self, system: System, session: aiohttp.ClientSession) -> None:
        self._system = system
        self._session = session
        self.answered: dict[str, str] = {}

    async def submit(self, planned: Planned) -> Answer:
        """A job whose answer was lost is submitted again: the first may exist as well."""
        job = await self._insist("POST", planned.door, planned.body)
        id_ = str(job.get("uuid") or job["id"])
        answer = Answer(id_, job.get("reused", False) or id_ in self.answered)
        self.answered[id_] = planned.key
        return answer

    async def submit_and_cancel(self, planned: Planned) -> None:
        answer = await self.submit(planned)
        await self.wait_for(answer.id, "RUNNING", *_FINAL)
        await self.cancel(answer.id)

    async def cancel(self, job_id: str) -> None:
        """400 is as good: it has ended, or an earlier call was heard though not answered."""
        await self._insist("PUT", f"/jobs/{job_id}/cancel", accepted=(200, 400))

    async def ban(self, job_id: str) -> None:
        await self._insist("POST", f"/jobs/{job_id}/reuse/ban")

    async def delete(self, job_id: str) -> None:
        """404 is as good: an earlier call was heard though not answered."""
        await self._insist("DELETE", f"/jobs/{job_id}", accepted=(200, 404))

    async def wait_final(self, job_id: str, door: str = "/jobs") -> dict[str, Any]:
        return await self.wait_for(job_id, *_FINAL, *_FINAL_IN_ARVADOS, door=door)

    async def wait_for(self, job_id: str, *states: str, door: str = "/jobs") -> dict[str, Any]:
        while True:
            job = await self._insist("GET", f"{door}/{job_id}")
            if job["state"] in states:
                return job
            await asyncio.sleep(_PATIENCE_SECONDS)

    async def _insist(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        accepted: tuple[int, ...] = (200,),
    ) -> dict[str, Any]:
        """The answer of any coordinator that gives one. Raises AssertionError for a 4xx."""
        while True:
            for url in list(self._system.coordinators):
                answer = await self._ask(method, url + path, body, accepted)
                if answer is not None:
                    return answer
            await asyncio.sleep(_PATIENCE_SECONDS)

    async def _ask(
        self, method: str, url: str, body: Mapping[str, Any] | None, accepted: tuple[int, ...]
    ) -> dict[str, Any] | None:
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        try:
            async with self._session.request(method, url, json=body, timeout=timeout) as answer:
                if answer.status >= 500:
                    return None
                told: dict[str, Any] = await answer.json()
                assert answer.status in accepted, f"{method} {url}: {answer.status} {told}"
                return told
        except (aiohttp.ClientError, TimeoutError, OSError):  # away, frozen, killed meanwhile
            return None
