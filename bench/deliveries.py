"""(k) Deliveries a second, and what receivers that are down or hang do to the others."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from statistics import quantiles

import asyncpg

from bench.client import Client, Json, shell_job
from bench.receivers import Call, Receivers, hosts, receiving
from bench.run import Run
from bench.services import COORDINATOR, DISPATCHER, Services
from bench.table import Table

DELIVERIES, QUICK_DELIVERIES = 5_000, 2_000
SECONDS, QUICK_SECONDS = 40, 20
_RECEIVERS = 100
_DISPATCHERS = 2
_JOBS_A_SECOND = 40
_PATIENCE_SECONDS = 120.0
_NOBODY_LISTENS = 1
_SETTINGS = {"CONVEYOR_WEBHOOK_ROUND_SECONDS": "0.5"}

# Of as many receivers as there are URLs; each URL has its turn.
ADD = """
INSERT INTO webhook_deliveries
    (id, job_id, version, webhook, url, body, event, receiver, owner, next_at, created_at)
SELECT gen_random_uuid(), 'job' || n, n, 0, url, convert_to(repeat('x', 500), 'UTF8'),
       'job.StateChange', rtrim(url, '/'), 'bench', clock_timestamp(), clock_timestamp()
FROM generate_series(1, $2::int) AS n,
     LATERAL (SELECT ($1::text[])[1 + n % cardinality($1::text[])] AS url) AS u
"""
CLEAR = "DELETE FROM webhook_deliveries"


async def measure(run: Run) -> Table:
    count = QUICK_DELIVERIES if run.quick else DELIVERIES
    async with receiving() as receivers:
        answering = [f"http://{host}:{receivers.port}/" for host in hosts(_RECEIVERS)]
        refusing = [f"http://{host}:{_NOBODY_LISTENS}/" for host in hosts(_RECEIVERS // 2)]
        half = [*answering[: _RECEIVERS // 2], *refusing]
        rows = [
            ("one receiver", f"{await _rate(run, receivers, answering[:1], count):.0f}", ""),
            (f"{_RECEIVERS}", f"{await _rate(run, receivers, answering, count):.0f}", ""),
            (
                f"{_RECEIVERS}, half of them refuse: to the others",
                f"{await _rate(run, receivers, half, count):.0f}",
                "",
            ),
            *await _delays(run, receivers, answering),
        ]
    return Table(
        f"(k) deliveries of {_DISPATCHERS} dispatchers to receivers that answer at once",
        ("receivers", "deliveries/s", "event to delivery p50, p99, ms"),
        rows,
        ("aim: with half of the receivers hanging, the p99 of the others is at most 1.5 times",),
    )


async def _rate(run: Run, receivers: Receivers, urls: Sequence[str], count: int) -> float:
    """A second, of those that arrive of `count` deliveries that are due at once."""
    connection = await asyncpg.connect(run.ground.dsn)
    services = Services(run.ground, run.profile)
    try:
        for _ in range(_DISPATCHERS):
            await services.start(DISPATCHER, _SETTINGS)
        port = f":{receivers.port}/"
        receivers.expect(sum(urls[(1 + n) % len(urls)].endswith(port) for n in range(count)))
        await connection.execute(ADD, urls, count)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await receivers.all_called()
        calls = receivers.calls
        return (len(calls) - 1) / (calls[-1].at - calls[0].at)
    finally:
        await services.stop_all()
        await connection.execute(CLEAR)
        await connection.close()


async def _delays(
    run: Run, receivers: Receivers, urls: Sequence[str]
) -> list[tuple[str, str, str]]:
    """Of the first half of `urls`, while jobs are submitted: when all answer, and when the others
    hang."""
    seconds = QUICK_SECONDS if run.quick else SECONDS
    services = Services(run.ground, run.profile)
    try:
        coordinator = await services.start(COORDINATOR)
        for _ in range(_DISPATCHERS):
            await services.start(DISPATCHER)
        async with Client(run.ground, coordinator, services.running) as client:
            await _submit(client, urls, 5)
            before = await _delays_of(client, receivers, urls, seconds)
            receivers.hanging = set(hosts(_RECEIVERS)[_RECEIVERS // 2 :])
            after = await _delays_of(client, receivers, urls, seconds)
    finally:
        await services.stop_all()
    ratio = after[98] / before[98]
    return [
        (f"half of {_RECEIVERS}, while the others answer", "", _cuts(before)),
        (f"half of {_RECEIVERS}, while the others hang", "", f"{_cuts(after)} ({ratio:.2f} times)"),
    ]


async def _delays_of(
    client: Client, receivers: Receivers, urls: Sequence[str], seconds: int
) -> list[float]:
    """The percentiles, in ms."""
    receivers.expect(0)
    await _submit(client, urls, seconds)
    good = set(hosts(_RECEIVERS)[: _RECEIVERS // 2])
    delays = [_delay(call) for call in receivers.calls if call.host in good]
    return quantiles(delays, n=100, method="inclusive")


async def _submit(client: Client, urls: Sequence[str], seconds: int) -> None:
    """Nobody runs them: what is told is that they were submitted."""
    async with asyncio.TaskGroup() as submitting:
        for number in range(seconds * _JOBS_A_SECOND):
            submitting.create_task(client.submit_all([_job(urls[number % len(urls)])]))
            await asyncio.sleep(1 / _JOBS_A_SECOND)
    await asyncio.sleep(2)  # until the last have arrived


def _job(url: str) -> Json:
    return shell_job() | {"webhooks": [{"url": url, "if": "job.state == 'PENDING'"}]}


def _delay(call: Call) -> float:
    created = datetime.fromisoformat(json.loads(call.body)["createdAt"])
    return (call.at - created.timestamp()) * 1000


def _cuts(delays: list[float]) -> str:
    return f"{delays[49]:.0f}, {delays[98]:.0f}"
