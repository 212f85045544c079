"""A job's trace through real services, as a collector gets it."""

import asyncio
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from shared.tracing.otel import OpenTelemetry
from shared.tracing.protocol import Finished, job_context
from tests.support.http.one_path_server import served
from tests.support.ports import free_port
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster
from tests.support.services.trace_collector import Collector, Span, collecting

pytestmark = pytest.mark.real

SERVICES = ("coordinator", "scheduler", "worker", "webhook_dispatcher")
CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as collector:
        yield collector


@pytest.fixture
async def cluster(
    private_rabbit: PrivateRabbit,
    private_postgres: PrivatePostgres,
    tmp_path: Path,
    collector: Collector,
) -> AsyncIterator[Cluster]:
    env = {
        "CONVEYOR_TRACING_ENABLED": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path, **env)
    yield cluster
    await asyncio.to_thread(cluster.close)


class Receiver:
    """A webhook receiver: by the span it is called in, the state it is told of."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: dict[str, str] = {}

    async def on_post(self, request: web.Request) -> web.Response:
        span = request.headers["traceparent"].split("-")[2]
        self.calls[span] = (await request.json())["state"]
        return web.Response()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with served("/hook", receiver.on_post) as url:
        receiver.url = f"{url}/hook"
        yield receiver


def counted(spans: Sequence[Span]) -> Counter[str]:
    """By name, without what was said twice and changed nothing."""
    return Counter(span.name for span in spans if "conveyor.ignored" not in span.facts)


def retried_job(webhook: str, directory: Path) -> dict[str, Any]:
    """A task that fails once, with a pre and a post, then another."""
    once = f"[ -e {directory}/once ] || {{ touch {directory}/once; exit 3; }}"
    first = {
        "name": "first",
        "pre": [{"name": "before", "run": "true"}],
        "run": f'{once}; printf "%s" "$TRACEPARENT" > "$TORK_OUTPUT"',
        "post": [{"name": "after", "run": "true"}],
        "var": "seen",
        "retry": {"limit": 1, "initialDelay": "100ms"},
    }
    return {
        "name": "traced",
        "tasks": [first, {"name": "second", "run": "true"}],
        "output": "{{ tasks.seen }}",
        "webhooks": [{"url": webhook}],
    }


async def test_one_trace_follows_a_job_through_all_services(
    cluster: Cluster,
    session: aiohttp.ClientSession,
    collector: Collector,
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    # Given all services, and a job that has ended
    for name in SERVICES:
        cluster.start(name)
    await cluster.wait_up()
    api = Api(session, cluster.services[0].url)
    submitted = await api.submit(retried_job(receiver.url, tmp_path))
    done = await api.final(submitted["id"])
    assert done["state"] == "COMPLETED", cluster.logs()

    # When the webhook of its end has been called, and every service has sent what it has
    trace = done["id"]
    last = {"job": 1, "POST /jobs": 1, "apply TaskSucceeded": 2, "run_task": 3}

    def is_all_there(_: Sequence[Span]) -> bool:
        sent = collector.of(trace)
        return (
            last.items() <= counted(sent).items()
            and "COMPLETED" in receiver.calls.values()
            and receiver.calls.keys() <= {span.id for span in sent}
        )

    await collector.wait_for(is_all_there)

    # Then the trace keeps what is promised of it
    spans = {span.id: span for span in collector.of(trace)}
    assert len(spans) == len(collector.of(trace))
    assert_all_hang_together(spans)
    assert_three_attempts_are_told_and_the_first_failed(spans)
    assert_programs_and_receivers_can_go_on(spans, trace, done["result"], receiver)


Spans = Mapping[str, Span]
"""By their ids."""


def assert_all_hang_together(spans: Spans) -> None:
    [root] = [span for span in spans.values() if not span.parent]
    assert root.name == "job"
    assert root.facts["conveyor.job.state"] == "COMPLETED"
    assert all(span.parent in spans for span in spans.values() if span is not root)
    assert {span.service for span in spans.values()} == {
        "conveyor-coordinator",
        "conveyor-scheduler",
        "conveyor-worker",
        "conveyor-webhook-dispatcher",
    }


def assert_three_attempts_are_told_and_the_first_failed(spans: Spans) -> None:
    counts = counted(list(spans.values()))
    assert counts["POST /jobs"] == 1
    assert counts["task"] == 3
    assert counts["apply TaskClaimed"] == counts["claim"] == counts["prepare"] == 3
    assert counts["apply TaskSucceeded"] == 2
    assert counts["apply TaskFailed"] == counts["apply RetryDue"] == 1
    assert (counts["pre"], counts["main"], counts["post"]) == (2, 3, 1)
    [failed] = [span for span in spans.values() if span.name == "task" and span.is_failed]
    assert failed.facts["conveyor.task.exit_code"] == 3
    for span in (s for s in spans.values() if s.name == "run_task"):
        task = spans[span.parent]
        assert task.name == "task"
        assert spans[task.parent].name == "job"
        assert task.facts["conveyor.task.id"] == span.facts["conveyor.task.id"]


def assert_programs_and_receivers_can_go_on(
    spans: Spans, trace: str, traceparent: str, receiver: Receiver
) -> None:
    version, seen_trace, seen_span, flags = traceparent.split("-")
    assert (version, seen_trace, flags) == ("00", trace, "01")
    assert spans[seen_span].name == "run_task"
    assert {spans[span].name for span in receiver.calls} == {"webhook"}


async def test_the_trace_of_a_client_and_that_of_its_job_are_linked(
    cluster: Cluster, session: aiohttp.ClientSession, collector: Collector
) -> None:
    coordinator = cluster.start("coordinator")
    await cluster.wait_up()
    caller, span = CALLER
    headers = {"traceparent": f"00-{caller}-{span}-01"}
    job = {"name": "traced", "tasks": [{"name": "a", "run": "true"}]}
    async with session.post(f"{coordinator.url}/jobs", json=job, headers=headers) as answer:
        job_id = (await answer.json())["id"]
    await collector.wait_for(
        lambda spans: {"submit", "POST /jobs"} <= {span.name for span in spans}
    )
    [served] = collector.of(caller)
    assert (served.name, served.parent) == ("POST /jobs", span)
    assert served.links == ((job_id, f"{job_context(job_id).span_id:016x}"),)
    [submit] = [span for span in collector.of(job_id) if span.name == "submit"]
    assert submit.links == ((caller, served.id),)


async def test_a_collector_that_is_away_holds_up_nobody(
    private_rabbit: PrivateRabbit,
    private_postgres: PrivatePostgres,
    session: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    env = {
        "CONVEYOR_TRACING_ENABLED": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
    }
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path, **env)
    try:
        for name in SERVICES:
            cluster.start(name)
        await cluster.wait_up()
        api = Api(session, cluster.services[0].url)
        job = await api.submit({"name": "a", "tasks": [{"name": "a", "run": "true"}]})
        assert (await api.final(job["id"]))["state"] == "COMPLETED"
        assert [await asyncio.to_thread(s.stop) for s in cluster.services] == [0, 0, 0, 0]
    finally:
        await asyncio.to_thread(cluster.close)


async def test_all_services_keep_the_same_part_of_all_traces(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two services that are to keep half of all traces
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    first, second = OpenTelemetry("first"), OpenTelemetry("second")
    # When the one has the first span of each of 200 jobs, and the other one beneath it
    jobs = [job_context(uuid.uuid4().hex) for _ in range(200)]
    for job in jobs:
        first.record(Finished(name="job", own=job, parent=None, began=1, ended=2))
        with second.span("beneath", job):
            pass
    await first.close()
    await second.close()
    # Then about half are there, each with both
    names = Counter(span.name for span in collector.spans)
    assert 60 < names["job"] < 140
    assert names["beneath"] == names["job"]
    by_trace = Counter(span.trace for span in collector.spans)
    assert set(by_trace.values()) == {2}


async def test_a_span_that_can_not_be_recorded_harms_nothing(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    tracing, job = OpenTelemetry("test"), job_context(uuid.uuid4().hex)
    bad = Finished(name="bad", own=job, parent=None, began=float("nan"), ended=2)
    assert tracing.record(bad) is None
    place = tracing.record(Finished(name="good", parent=job, began=1, ended=2))
    await tracing.close()
    [span] = collector.spans
    assert place is not None
    assert (span.name, span.id) == ("good", f"{place.span_id:016x}")
    assert place.span_id != job.span_id


UNTRACED = """
import asyncio, sys
from pathlib import Path

import aiohttp

from services.coordinator.settings import ApiSettings
from services.dev.app import running
from services.dev.settings import DevBlock, IsolatedDevSettings
from services.worker.runtimes.settings import RuntimeSettings
from shared.process.run import Stop


async def main(data_dir, address):
    settings = IsolatedDevSettings(
        dev=DevBlock(data_dir=Path(data_dir)),
        api=ApiSettings(address=address),
        runtime=RuntimeSettings(type="shell", shell_allowed=True),
    )
    stop = Stop()
    job = {"name": "a", "tasks": [{"name": "a", "run": "env"}], "wait": {"timeout": "30s"}}
    async with running(settings, stop) as up, aiohttp.ClientSession() as session:
        async with session.post(f"{up}/jobs", json=job) as answer:
            done = await answer.json()
        log_url = f"{up}/tasks/{done['execution'][0]['id']}/log"
        async with session.get(log_url) as answer:
            log = await answer.text()
        stop.request()
        stop.request()
    assert done["state"] == "COMPLETED", done
    assert "PATH=" in log and "TRACEPARENT" not in log, log
    assert not [name for name in sys.modules if name.startswith("opentelemetry")]


asyncio.run(main(*sys.argv[1:]))
"""


async def test_switched_off_nothing_is_sent_and_opentelemetry_is_not_even_loaded(
    collector: Collector, tmp_path: Path
) -> None:
    # Given all services in one process, where OpenTelemetry's own variables are set, but not ours
    arguments = (str(tmp_path / "data"), f"127.0.0.1:{free_port()}")
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", UNTRACED, *arguments],
        cwd=Path(__file__).parents[2],
        env={"PATH": "/usr/bin:/bin", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    # When a job has run, then nothing was sent, loaded, or put into a task's environment
    assert ended.returncode == 0, ended.stderr
    assert collector.spans == []
