"""The coordinator's HTTP door on the batcher that decides, with authentication."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.http.api import YAML, Api, api_on
from tests.support.http.authenticated_api import OPERATOR, PROTECTED, Headers, hash_cheaply
from tests.support.jobs.batcher import Rig, batcher_rig


@dataclass
class Door:
    """The API on the batcher that decides."""

    api: Api
    rig: Rig
    dsn: str

    async def post(
        self, text: str, headers: Headers = OPERATOR, path: str = "/jobs"
    ) -> tuple[int, Any]:
        body = text.encode()
        return await self.api.answer("POST", path, data=body, headers={**YAML, **headers})

    async def submit(self, text: str, headers: Headers = OPERATOR) -> tuple[str, bool]:
        """The id of the job, and whether it was there before."""
        status, answer = await self.post(text, headers)
        assert status == 200, answer
        return answer["id"], answer.get("reused", False)

    async def reuse_of(self, job_id: str) -> Any:
        return await self.api.get(f"/jobs/{job_id}/reuse", headers=OPERATOR)


@asynccontextmanager
async def open_door(dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    hash_cheaply(monkeypatch)
    async with batcher_rig(dsn) as rig, api_on(dsn, auth=PROTECTED) as api:
        monkeypatch.setattr(api.batcher, "perform_one", rig.batcher.perform_one)
        yield Door(api, rig, dsn)
