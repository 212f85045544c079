"""The disk of the database, where task logs are stored, is full for a while."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.chaos.system import System, opened_system
from tests.support.availability import Unavailable, unavailable
from tests.support.servers.rabbitmq_installations import installation
from tests.support.servers.rabbitmq_versions import RabbitKind
from tests.support.servers.small_disk import can_mount
from tests.support.services.cluster import Api

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200)]

CHATTY = {
    "name": "chatty",
    "tasks": [
        {
            "name": "talk",
            "var": "said",
            "run": "head -c 2000000 /dev/urandom | base64; printf all > $TORK_OUTPUT",
        }
    ],
    "output": "{{ tasks.said }}",
}


async def test_no_job_is_lost_while_the_log_store_is_full_and_the_api_says_try_later(
    tmp_path: Path,
) -> None:
    if not can_mount():
        unavailable("needs root: a disk that can be filled is mounted for it")
    try:
        installation()
    except Unavailable as error:
        unavailable(f"RabbitMQ: {error}")
    async with (
        opened_system(tmp_path, RabbitKind()) as system,
        aiohttp.ClientSession() as session,
    ):
        # Given jobs that write much, and a disk without room for it
        system.disk.fill()
        api = Api(session, next(system.coordinators))
        answered = [await submitted(session, system)]
        while answered[-1] is not None:
            answered.append(await submitted(session, system))
        ids = [job["id"] for job in answered if job]
        # Then every service is still there, and once there is room all goes on
        assert all(service.process.poll() is None for service in system.services.values())
        system.disk.make_room()
        if system.postgres.pid is None:
            await asyncio.to_thread(system.postgres.start)
        for job_id in ids:
            job = await api.final(job_id)
            assert (job["state"], job["result"]) == ("COMPLETED", "all")
        assert await submitted(session, system) is not None


async def submitted(session: aiohttp.ClientSession, system: System) -> dict[str, Any] | None:
    """None when the answer was to try again later."""
    async with session.post(f"{next(system.coordinators)}/jobs", json=CHATTY) as answer:
        body: dict[str, Any] = await answer.json()
        if answer.status == 503:
            assert int(answer.headers["Retry-After"]) > 0
            return None
        assert answer.status == 200, body
        return body
