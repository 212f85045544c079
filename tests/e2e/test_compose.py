"""`docker compose up`, as the readme says it: every service in a container, three workers."""

import asyncio
import json
import re
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.availability import Unavailable, unavailable
from tests.support.engines.compose_images import CONVEYOR, docker_environment, make_compose_images
from tests.support.engines.images import BUSYBOX
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
SERVICES = {"postgres", "rabbitmq", "coordinator", "scheduler", "webhook-dispatcher", "worker"}
JOB = f"""
name: compose
tasks:
  - name: first
    image: {BUSYBOX}
    var: first
    run: |
      printf 'from a container' > $TORK_OUTPUT
      head -c 1000000 /dev/zero > /tmp/zeros
    artifacts:
      - {{name: zeros, path: /tmp/zeros}}
  - name: second
    image: {BUSYBOX}
    env:
      FIRST: "{{{{ tasks.first }}}}"
    sources:
      - {{artifact: first.zeros, target: /in/zeros}}
    run: echo "$FIRST, $(wc -c < /in/zeros)" > $TORK_OUTPUT
    var: second
output: "{{{{ tasks.second }}}}"
wait:
  timeout: 180s
"""

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200)]


@dataclass
class Stack:
    """A running `docker compose up`."""

    environment: dict[str, str]
    port: int

    @cached_property
    def key(self) -> str:
        """What the first start has printed."""
        printed = re.search(r"CONVEYOR_API_KEY=(\S+)", self.compose("logs", "migrate"))
        assert printed, self.compose("logs", "migrate")
        return printed[1]

    def compose(self, *arguments: str) -> str:
        return self.docker("compose", *arguments)

    def docker(self, *arguments: str) -> str:
        done = subprocess.run(
            ["docker", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self) -> None:
        try:
            self.compose("up", "--detach", "--no-build", "--wait", "--scale", "worker=3")
        except AssertionError as error:  # what compose says doesn't tell why a service is not well
            pytest.fail(f"{error}\n{self.compose('logs', '--no-color', '--tail', '40')}")

    async def call(self, method: str, path: str, **request: Any) -> Any:
        url = f"http://127.0.0.1:{self.port}{path}"
        headers = {"X-API-Key": self.key, **request.pop("headers", {})}
        async with aiohttp.request(method, url, headers=headers, **request) as response:
            answer = await response.json()
            assert response.status == 200, answer
            return answer


@pytest.fixture(scope="module")
def stack(docker_host: str) -> Iterator[Stack]:
    if not docker_host.startswith("unix://"):
        unavailable("the worker's container needs an engine on a socket of this machine")
    try:
        environment = docker_environment(docker_host)
        make_compose_images(environment)
    except Unavailable as error:
        unavailable(f"docker compose: {error}")
    port = free_port()
    environment |= {
        "COMPOSE_PROJECT_NAME": f"conveyor-test-{uuid.uuid4().hex[:8]}",
        "CONVEYOR_IMAGE": CONVEYOR,
        "CONVEYOR_PORT": str(port),
        "DOCKER_SOCKET": docker_host.removeprefix("unix://"),
    }
    running = Stack(environment, port)
    try:
        running.up()
        yield running
    finally:
        running.compose("down", "--volumes", "--timeout", "20")


def test_every_service_is_up_and_healthy(stack: Stack) -> None:
    rows = stack.compose("ps", "--format", "{{.Service}} {{.Health}}").splitlines()
    healthy = [row.removesuffix(" healthy") for row in rows if row.endswith(" healthy")]
    assert set(healthy) == SERVICES
    assert healthy.count("worker") == 3


def test_each_installation_has_passwords_and_a_key_of_its_own(stack: Stack) -> None:
    settings = stack.compose("exec", "coordinator", "cat", "/secrets/conveyor.toml")
    passwords = re.findall(r"conveyor:([0-9a-f]{48})@(rabbitmq|postgres)", settings)
    assert len({password for password, _ in passwords}) == 2
    assert re.search(r'^key = "[\w-]{43}="$', settings, re.MULTILINE)
    assert re.search(r'^link_key = "[0-9a-f]{48}"$', settings, re.MULTILINE)
    of_worker = stack.compose("exec", "worker", "cat", "/secrets/conveyor.toml")
    assert "postgres" not in of_worker
    assert of_worker in settings
    logs = stack.compose("logs", "--no-color")
    assert "secrets_stored_unencrypted" not in logs
    assert not [password for password, _ in passwords if password in logs]


def test_no_container_has_rights_that_it_does_not_need(stack: Stack) -> None:
    for service in sorted(SERVICES):
        container = stack.compose("ps", "--quiet", service).splitlines()[0]
        host = json.loads(stack.docker("inspect", container))[0]["HostConfig"]
        assert host["CapDrop"] == ["ALL"], service
        assert host["SecurityOpt"] == ["no-new-privileges:true"], service
        assert host["ReadonlyRootfs"] or service in {"postgres", "rabbitmq"}, service
        for bindings in (host["PortBindings"] or {}).values():
            assert [binding["HostIp"] for binding in bindings] == ["127.0.0.1"]


async def test_nobody_gets_in_without_the_key_that_was_printed(stack: Stack) -> None:
    async with aiohttp.request("GET", f"http://127.0.0.1:{stack.port}/jobs") as response:
        assert response.status == 401
    assert (await stack.call("GET", "/jobs"))["totalItems"] == 0


async def test_the_image_has_the_page(stack: Stack) -> None:
    url, asked = f"http://127.0.0.1:{stack.port}/", {"Accept": "text/html"}
    async with aiohttp.request("GET", url, headers=asked) as response:
        assert "/ui/assets/" in await response.text()


async def test_a_job_runs_in_containers_of_the_host(stack: Stack) -> None:
    headers = {"Content-Type": "text/yaml"}
    job = await stack.call("POST", "/jobs", data=JOB, headers=headers)
    assert job["state"] == "COMPLETED", job
    assert job["result"] == "from a container, 1000000\n"


async def test_the_api_knows_all_three_workers(stack: Stack) -> None:
    async with asyncio.timeout(60):
        # A node is known from its first heartbeat on, which may come after its health is green.
        while len(await stack.call("GET", "/nodes")) < 3:
            await asyncio.sleep(0.2)


async def test_what_was_done_outlives_the_containers(stack: Stack) -> None:
    before = await stack.call("GET", "/jobs")
    stack.compose("restart", "--timeout", "20", "postgres", "rabbitmq", "coordinator")
    stack.up()
    after = await stack.call("GET", "/jobs")
    assert [job["id"] for job in after["items"]] == [job["id"] for job in before["items"]]
    job = await stack.call("POST", "/jobs", data=JOB, headers={"Content-Type": "text/yaml"})
    assert job["state"] == "COMPLETED", job
    assert "already" in stack.compose("run", "--rm", "migrate")
