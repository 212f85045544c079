"""Asks each process, and each server, what it has at this moment."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import aiodocker
import aiohttp
import asyncpg
import psutil

from services.worker.runtimes.containers.labels import LABEL_NODE, LABEL_TASK
from tests.soak.kinds import (
    BLOCKS,
    BROKER_CONNECTIONS,
    CHANNELS,
    CHILDREN,
    CONSUMERS,
    CONTAINERS,
    DATABASE_SESSIONS,
    DIRECTORIES,
    FILES,
    MEMORY,
    MESSAGES,
    OUTBOX,
    QUEUES,
    ROWS,
    SESSIONS,
    SIZE,
    TASKS,
    THREADS,
    Name,
    Sample,
)
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.footprint import POSTGRES, RABBITMQ, footprint, together_megabytes

_PROMETHEUS = {"Accept": "text/plain"}
_METRICS = {"conveyor_asyncio_tasks": TASKS, "conveyor_memory_blocks": BLOCKS}
_METRIC = re.compile(r"^(\w+) (\S+)$", re.MULTILINE)
_WATCHDOG = "/watchdog/"
_OF_TASKS = json.dumps({"label": [LABEL_TASK]})

TABLES = """
SELECT relname, pg_total_relation_size(oid) / 1e6 AS megabytes FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> ALL($1)
"""
_STILL = ("api_keys", "feed_cursors", "roles", "schema_migrations", "user_roles", "users")
"""Tables that nothing of ours writes to."""
SESSIONS_OF_ALL = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
COUNTS = """
SELECT (SELECT count(*) FROM jobs) AS jobs, (SELECT count(*) FROM tasks) AS tasks,
       (SELECT count(*) FROM job_events) AS job_events,
       (SELECT count(*) FROM task_log_parts) AS task_log_parts,
       (SELECT count(*) FROM webhook_deliveries WHERE state = 'PENDING') AS webhooks_owed,
       (SELECT count(*) FROM webhook_events) AS webhook_events,
       (SELECT count(*) FROM idempotency_keys) AS idempotency_keys,
       (SELECT count(*) FROM outbox) AS outbox
"""

JOBS = "SELECT count(*) FROM jobs"
NODES = "SELECT id FROM nodes"

# One start of Erlang for all of it: each takes a second of a core.
_CENSUS = """
Connections = [{proplists:get_value(peer_port, C), proplists:get_value(channels, C)}
               || C <- rabbit_networking:connection_info_all([peer_port, channels])],
Queues = rabbit_amqqueue:info_all(<<"/">>, [name, messages, consumers]),
Sum = fun(Key) -> lists:sum([proplists:get_value(Key, Q) || Q <- Queues]) end,
io:format("~w ~w ~w ~w~n",
          [[[P, N] || {P, N} <- Connections], length(Queues), Sum(messages), Sum(consumers)]).
"""


async def of_service(session: aiohttp.ClientSession, who: str, pid: int, url: str) -> Sample:
    """Raises psutil.NoSuchProcess when it has ended, ClientError when it doesn't answer."""
    async with session.get(f"{url}/metrics", headers=_PROMETHEUS) as answer:
        page = await answer.text()
    metrics = dict(_METRIC.findall(page))
    told = {Name(who, kind): float(metrics[metric]) for metric, kind in _METRICS.items()}
    return of_process(who, pid) | told


def of_process(who: str, pid: int) -> Sample:
    taken = footprint(pid)
    return {
        Name(who, MEMORY): taken.memory,
        Name(who, FILES): taken.files,
        Name(who, THREADS): taken.threads,
    }


def of_worker(who: str, pid: int) -> Sample:
    """Its tasks' processes, and the watchdog beside it."""
    children = psutil.Process(pid).children()
    watchdogs = [child for child in children if _is_watchdog(child)]
    sample: Sample = {Name(who, CHILDREN): len(children)}
    for watchdog in watchdogs:
        sample |= of_process(f"watchdog of {who}", watchdog.pid)
    return sample


def _is_watchdog(child: psutil.Process) -> bool:
    try:
        return any(_WATCHDOG in argument for argument in child.cmdline())
    except psutil.NoSuchProcess:  # a task's process, which has just ended
        return False


def sockets_to(port: int, pids: Mapping[str, int]) -> Counter[str]:
    """How many connections each of these has with what listens at `port`."""
    return Counter(
        who
        for who, pid in pids.items()
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.raddr and connection.raddr.port == port
    )


async def of_database(connection: "asyncpg.Connection[asyncpg.Record]") -> Sample:
    who = "Postgres"
    sample: Sample = {
        Name(who, SESSIONS): await connection.fetchval(SESSIONS_OF_ALL),
        Name(who, MEMORY): together_megabytes(POSTGRES),
    }
    for table, megabytes in await connection.fetch(TABLES, _STILL):
        sample[Name(who, SIZE, table)] = float(megabytes)
    counts = dict(await connection.fetchrow(COUNTS) or {})
    sample[Name(who, OUTBOX)] = counts.pop("outbox")
    return sample | {Name(who, ROWS, table): count for table, count in counts.items()}


def of_sockets(database_port: int, pids: Mapping[str, int], sample: Sample) -> Sample:
    """The sessions of each with the database; they count no longer as open files of `sample`."""
    sessions = sockets_to(database_port, pids)
    return {
        name: value
        for who in pids
        for name, value in (
            (Name(who, DATABASE_SESSIONS), sessions[who]),
            (Name(who, FILES), sample[Name(who, FILES)] - sessions[who]),
        )
    }


async def of_broker(rabbit: PrivateRabbit, pids: Mapping[str, int]) -> Sample:
    """Connections and channels by the service that has them."""
    told = await asyncio.to_thread(rabbit.ctl, "eval", _CENSUS)
    connections, queues, messages, consumers = _read_census(told)
    who = "RabbitMQ"
    sample: Sample = {
        Name(who, MEMORY): together_megabytes(RABBITMQ),
        Name(who, QUEUES): queues,
        Name(who, MESSAGES): messages,
        Name(who, CONSUMERS): consumers,
    }
    owners = _owners_of_ports(pids)
    own, channels = Counter[str](), Counter[str]()
    for port, count in connections:
        own[owners.get(port, "nobody")] += 1
        channels[owners.get(port, "nobody")] += count
    for service in pids:
        sample[Name(service, BROKER_CONNECTIONS)] = own[service]
        sample[Name(service, CHANNELS)] = channels[service]
    return sample


def _read_census(told: str) -> tuple[list[tuple[int, int]], int, int, int]:
    pairs, *counts = told.splitlines()[0].rsplit(" ", 3)
    queues, messages, consumers = map(int, counts)
    return json.loads(pairs), queues, messages, consumers


def _owners_of_ports(pids: Mapping[str, int]) -> dict[int, str]:
    return {
        connection.laddr.port: who
        for who, pid in pids.items()
        for connection in psutil.Process(pid).net_connections("tcp")
    }


async def of_containers(
    docker: aiodocker.Docker, connection: "asyncpg.Connection[asyncpg.Record]"
) -> Sample:
    """Those of the tasks of our workers, running or not: others may use the engine too."""
    ours = {row["id"] for row in await connection.fetch(NODES)}
    found = await docker.containers.list(all=True, filters=_OF_TASKS)
    count = sum(container["Labels"].get(LABEL_NODE) in ours for container in found)
    return {Name("Docker", CONTAINERS): count}


def of_directory(directory: Path) -> Sample:
    found = list(directory.glob("conveyor-task.*"))
    return {Name("workers together", DIRECTORIES): len(found)}
