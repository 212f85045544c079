"""The system under test: every service a process, every link between them one that can be cut."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from shared.messages.queues import (
    COMPLETIONS,
    DEFAULT_TASK_QUEUE,
    EVENTS,
    HEARTBEATS,
    TELEMETRY,
)
from tests.chaos.links import Link
from tests.chaos.unruly import SWITCH_VARIABLE
from tests.support.eventually import eventually
from tests.support.fake_clock import FakeClock, faketime_library
from tests.support.servers.brokers import wait_until_registered
from tests.support.servers.postgres import PrivatePostgres, private_server
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.servers.rabbitmq_installations import installation
from tests.support.servers.rabbitmq_versions import RabbitKind
from tests.support.servers.small_disk import SmallDisk, can_mount, small_disk
from tests.support.services.cluster import Cluster, Service

LEASE_SECONDS = 3.0
BROKER, DATABASE = "broker", "database"
WORKERS = ("worker-1", "worker-2", "worker-3")
DISPATCHER = "webhook_dispatcher-1"
COORDINATORS = ("coordinator-1", "coordinator-2")
SERVICES = (*COORDINATORS, "scheduler-1", "scheduler-2", *WORKERS, DISPATCHER)

QUEUES = (COMPLETIONS, DEFAULT_TASK_QUEUE, EVENTS, HEARTBEATS, TELEMETRY, *WORKERS)
"""But for those by which single workers get their orders."""

_DISK_MEGABYTES = 600
_WARNINGS = 30
_LINES = 10

# Short times, so that a fault longer than each of them takes seconds.
_SETTINGS = {
    "CONVEYOR_WORKER_LEASE_SECONDS": f"{LEASE_SECONDS:g}",
    "CONVEYOR_WORKER_HEARTBEAT_SECONDS": "0.5",
    "CONVEYOR_WORKER_CLAIM_REPEAT_SECONDS": "1",
    "CONVEYOR_WORKER_DRAIN_SECONDS": "1",
    "CONVEYOR_WORKER_HOLD_SECONDS": "5",
    "CONVEYOR_WORKER_LEFTOVERS_LOOK_SECONDS": "2",
    "CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS": f"{LEASE_SECONDS + 1:g}",
    "CONVEYOR_SCHEDULE_RESEND_AFTER_SECONDS": "3",
    "CONVEYOR_WEBHOOK_TIMEOUT_SECONDS": "2",
}


class System:
    """`services` are those that run now, by their places (`SERVICES`).

    As long as the file `unruly` exists, they send messages twice and in no order.
    """

    def __init__(
        self,
        rabbit: PrivateRabbit,
        queues: str,
        postgres: PrivatePostgres,
        directory: Path,
        clocks: Mapping[str, FakeClock],
        disk: SmallDisk | None,
    ) -> None:
        self.rabbit = rabbit
        self.queues = queues
        self.directory = directory
        self.postgres = postgres
        self.services: dict[str, Service] = {}
        self.links: dict[tuple[str, str], Link] = {}
        self.unruly = directory / "unruly"
        self.repositories = directory / "repositories"
        self._clocks = clocks
        self._disk = disk
        self._logs: list[tuple[str, Path]] = []
        settings = {
            **_SETTINGS,
            "CONVEYOR_BROKER_QUEUE_TYPE": queues,
            "CONVEYOR_FILES_STORE": str(directory / "files"),
            "CONVEYOR_FILES_CACHE_DIR": str(directory / "cache"),
            "CONVEYOR_ARVADOS_REPOSITORIES": str(self.repositories),
        }
        self._cluster = Cluster(rabbit.url, postgres.tcp_dsn, directory, **settings)

    def __str__(self) -> str:
        return f"RabbitMQ {self.rabbit.installation.version}, {self.queues} queues"

    async def open_links(self) -> None:
        ports = {BROKER: self.rabbit.port, DATABASE: urlsplit(self.postgres.tcp_dsn).port or 0}
        for place in SERVICES:
            for server, port in ports.items():
                link = self.links[place, server] = Link(port)
                await link.open()

    def start(self, place: str) -> None:
        """The service of that place, again if it has gone. In the main thread."""
        dsn, url = self.postgres.tcp_dsn, self.rabbit.url
        env = {
            SWITCH_VARIABLE: str(self.unruly),
            "CONVEYOR_BROKER_URL": _through(url, self.links[place, BROKER]),
            "CONVEYOR_POSTGRES_DSN": _through(dsn, self.links[place, DATABASE]),
            "CONVEYOR_WORKER_NAME": place,
            # A queue of each worker's own shows whether that very worker is deaf.
            "CONVEYOR_WORKER_QUEUES": f"default:4,{place}:1",
            **self._clocks[place].env,
        }
        name = place.rpartition("-")[0]
        service = self._cluster.start(name, env, command=lambda _: _command_of(name))
        self.services[place] = service
        self._logs.append((place, service.log))

    def clock(self, place: str) -> FakeClock:
        """That of a service, or of the database. Raises RuntimeError where clocks can't be set."""
        if place not in self._clocks:
            raise RuntimeError("to set the database's clock takes Debian's package libfaketime")
        return self._clocks[place]

    @property
    def disk(self) -> SmallDisk:
        """The database's. Raises RuntimeError where it is none that can be filled."""
        if self._disk is None:
            raise RuntimeError("to fill a disk takes root")
        return self._disk

    def place_of(self, node: str) -> str | None:
        """Where the worker of that id is or was: its log says so, also when its row is gone."""
        found = (place for place, log in self._logs if _has_begun(node, log))
        return next(found, None)

    @property
    def coordinators(self) -> Iterator[str]:
        """Their URLs now."""
        for place in COORDINATORS:
            yield self.services[place].url

    async def wait_healthy(self, seconds: float) -> list[str]:
        """Wait until all are UP; those that weren't in time."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            ups = [_wait_up(session, service, seconds) for service in self.services.values()]
            answers = await asyncio.gather(*ups)
        return [place for place, up in zip(self.services, answers, strict=True) if not up]

    def logs(self) -> str:
        """What each service warned of at last, and what it said at last."""
        logs = ((log.name, log.read_text(errors="replace").splitlines()) for _, log in self._logs)
        return "\n".join(
            f"--- {name}\n" + "\n".join([*_warnings(lines)[-_WARNINGS:], "…", *lines[-_LINES:]])
            for name, lines in logs
        )

    def queues_listed(self) -> str:
        """As RabbitMQ lists them. One without a leader has no counts."""
        columns = ("name", "state", "messages_ready", "messages_unacknowledged", "consumers")
        try:
            return self.rabbit.ctl("--quiet", "list_queues", *columns)
        except (OSError, subprocess.SubprocessError) as error:  # it is away: also an answer
            return str(error)

    async def close(self) -> None:
        await asyncio.to_thread(self._cluster.close)
        await asyncio.gather(*(link.close() for link in self.links.values()))


@asynccontextmanager
async def opened_system(directory: Path, kind: RabbitKind) -> AsyncIterator[System]:
    """All parts started and every service UP. Raises Unavailable without such a RabbitMQ."""
    async with AsyncExitStack() as parts:
        rabbit = PrivateRabbit(installation(kind.version))
        parts.callback(rabbit.close)
        rabbit.launch()
        clocks = {place: FakeClock(directory / f"{place}.clock") for place in SERVICES}
        env: Mapping[str, str] = {}
        if (library := faketime_library()) is not None:
            clocks[DATABASE] = FakeClock(directory / f"{DATABASE}.clock")
            env = clocks[DATABASE].preloaded(library)
        home = directory / "postgres"
        disk = parts.enter_context(small_disk(home, _DISK_MEGABYTES)) if can_mount() else None
        postgres = parts.enter_context(private_server(home / "server", env=env))
        await asyncio.to_thread(rabbit.wait_ready)
        system = System(rabbit, kind.queues, postgres, directory, clocks, disk)
        parts.push_async_callback(system.close)
        await system.open_links()
        for place in SERVICES:
            system.start(place)
        if down := await system.wait_healthy(120):
            raise RuntimeError(f"not up: {down}\n{system.logs()}")
        if kind.is_quorum:
            # Were RabbitMQ killed before, they would have no leader until an operator deletes them:
            # a fault of its own, with tests of its own.
            await wait_until_registered([rabbit], QUEUES)
        yield system


def _warnings(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if '"level":"info"' not in line]


def _command_of(name: str) -> Sequence[str]:
    """A service whose broker can become unruly."""
    return [sys.executable, "-m", "tests.chaos.service", name]


def _through(url: str, link: Link) -> str:
    parts = urlsplit(url)
    netloc = f"{parts.username}:{parts.password}@127.0.0.1:{link.port}"
    return parts._replace(netloc=netloc).geturl()


async def _wait_up(session: aiohttp.ClientSession, service: Service, seconds: float) -> bool:
    try:
        await eventually(lambda: _is_up(session, service.url), seconds)
    except TimeoutError:  # the answer
        return False
    return True


async def _is_up(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/health") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):  # not listening, or frozen
        return False


def _has_begun(node: str, log: Path) -> bool:
    return any(node in line and "worker_started" in line for line in log.read_text().splitlines())
