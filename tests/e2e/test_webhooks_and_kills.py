"""Webhooks to receivers that fail in every way, while dispatchers are killed: real processes."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random

import aiohttp
import asyncpg
import pytest

from tests.support.eventually import eventually
from tests.support.servers.postgres import PrivatePostgres
from tests.support.services.certificates import Authority
from tests.support.services.cluster import Api, Cluster
from tests.support.services.hostile_receiver import HostileReceiver, opened, receivers

pytestmark = pytest.mark.real

SEED = 11
KILLS = 5
JOBS_EACH = 2
STATES = ("PENDING", "SCHEDULED", "RUNNING", "COMPLETED")
DISPATCHER = {
    "CONVEYOR_WEBHOOK_RETRY_DELAYS": ",".join(["200ms"] * 50),
    "CONVEYOR_WEBHOOK_TIMEOUT_SECONDS": "0.5",
    "CONVEYOR_WEBHOOK_ROUND_SECONDS": "1",
}


async def test_no_webhook_is_lost_whatever_its_receiver_does_and_whoever_is_killed(
    cluster: Cluster, private_postgres: PrivatePostgres, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    settings = DISPATCHER | {"SSL_CERT_FILE": str(authority.file)}
    all_ = receivers(authority.context_for("127.0.0.2"))
    [api_service, *_] = [cluster.start(name) for name in ("coordinator", "scheduler", "worker")]
    dispatchers = [cluster.start("webhook_dispatcher", settings) for _ in range(2)]
    await cluster.wait_up()
    async with opened(all_), aiohttp.ClientSession() as session:
        api = Api(session, api_service.url)
        await _add_endpoints(api, all_)
        random, job_ids = Random(SEED), []
        for kill in range(KILLS):
            job_ids += await _submitted(api, all_)
            before = sum(receiver.requests for receiver in all_)
            await eventually(partial(_are_called, all_, before + random.randint(1, 4 * len(all_))))
            dispatchers.pop(random.randrange(2)).kill()
            dispatchers.append(cluster.start("webhook_dispatcher", settings))
            if kill == KILLS // 2:
                await _bring_back(all_, authority)
            await dispatchers[-1].wait_up(session)
        owed = {(job_id, state) for job_id in job_ids for state in STATES}
        try:
            await eventually(lambda: all(owed <= r.changes | r.refused for r in all_), 120)
        finally:
            sys.stdout.write(_table(all_, owed))
        # While they listen: what a killed dispatcher had sent and not noted is sent again.
        await _assert_nothing_is_owed(private_postgres.tcp_dsn)
    assert {r.name: r.invalid for r in all_ if r.invalid} == {}
    assert {r.name for r in all_ if len(set(r.taken)) != len(r.changes)} == set()  # by one id each
    assert {r.name: r.overtaken for r in all_ if r.is_ordered and r.overtaken} == {}


async def _add_endpoints(api: Api, all_: Sequence[HostileReceiver]) -> None:
    for receiver in all_:
        if receiver.endpoint is not None:
            asked = {"url": receiver.url, "events": ["job.StateChange"], **receiver.endpoint}
            receiver.secret = (await api.post("/webhooks", asked))["secret"]


async def _submitted(api: Api, all_: Sequence[HostileReceiver]) -> list[str]:
    hooks = [{"url": r.url, "secret": r.secret} for r in all_ if r.endpoint is None]
    spec = {"name": "j", "webhooks": hooks, "tasks": [{"name": "t", "run": "true"}]}
    return [(await api.submit(spec))["id"] for _ in range(JOBS_EACH)]


async def _bring_back(all_: Sequence[HostileReceiver], authority: Authority) -> None:
    """Those that no connection could be made to."""
    for receiver in all_:
        if receiver.name in ("refuses", "wrong TLS"):
            await receiver.open(authority.context_for("127.0.0.1") if receiver.tls else None)


def _are_called(all_: Sequence[HostileReceiver], times: int) -> bool:
    return sum(receiver.requests for receiver in all_) >= times


def _table(all_: Sequence[HostileReceiver], owed: set[tuple[str, str]]) -> str:
    lines = [
        "",
        "| receiver | owed | requests | delivered | given up | lost | doubled | overtaken "
        "| signatures invalid |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for r in all_:
        lost = len(owed - r.changes - r.refused)
        cells = (r.name, len(owed), r.requests, len(r.changes), len(r.refused - r.changes), lost)
        more = (r.doubled, r.overtaken, r.invalid)
        lines.append("| " + " | ".join(map(str, cells + more)) + " |")
    return "\n".join([*lines, ""])


async def _assert_nothing_is_owed(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    query = "SELECT count(*) = 0 FROM webhook_deliveries WHERE state = 'PENDING'"
    try:
        await eventually(lambda: connection.fetchval(query))
    finally:
        await connection.close()
