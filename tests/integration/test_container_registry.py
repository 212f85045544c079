"""Pulling from a private registry: logins, progress in the log, once per image at a time."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiodocker
import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import Registry
from services.worker.phases import Phases, phases_of_attempt
from services.worker.runtimes.containers.engine_calls import connect
from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.settings import RuntimeSettings
from tests.support.engines.execution_driver import NODE, Rig
from tests.support.engines.registry import PASSWORD, USERNAME, FakeRegistry

pytestmark = pytest.mark.real
LOGIN = Registry(USERNAME, PASSWORD)


@pytest.fixture
async def registry(docker_host: str) -> AsyncIterator[FakeRegistry]:
    async with FakeRegistry() as registry:
        yield registry
        docker = connect(docker_host)
        with suppress(aiodocker.DockerError):  # 404: the test pulled nothing
            await docker.images.delete(registry.image, force=True)
        await docker.close()
        await docker.connector.close()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A Docker config file without logins: the machine's own must not play a part."""
    file = tmp_path / "config.json"
    _write(file, {})
    return file


def _write(file: Path, content: dict[str, object]) -> None:
    file.write_text(json.dumps(content))


@asynccontextmanager
async def docker_rig(docker_host: str, config: Path) -> AsyncIterator[Rig]:
    settings = RuntimeSettings(type="docker", docker_host=docker_host, docker_config=str(config))
    runtime = make_runtime(settings)
    try:
        yield Rig("docker", runtime, settings)
    finally:
        await runtime.reap(lambda left: left.node_id == NODE)
        await runtime.close()


async def test_a_task_with_a_registry_login_pulls_and_says_so_in_its_log_and_its_phases(
    registry: FakeRegistry, docker_host: str, config: Path
) -> None:
    async with docker_rig(docker_host, config) as rig:
        with phases_of_attempt(phases := Phases()):
            outcome, ran = await rig.run(image=registry.image, registry=LOGIN, run="echo ran")
    assert outcome.exit_code == 0
    assert [timing.phase for timing in phases.timings()] == ["pull"]
    assert (phases.image_digest or "").startswith("sha256:")
    lines = ran.text.splitlines()
    assert lines[0] == f"pulling image {registry.image}"
    assert lines[1].startswith(f"pulled image {registry.image} in ")
    assert lines[2:] == ["ran"]


async def test_an_image_whose_user_is_not_root_can_write_its_output(
    registry: FakeRegistry, docker_host: str, config: Path
) -> None:
    async with docker_rig(docker_host, config) as rig:
        outcome, ran = await rig.run(
            image=registry.image, registry=LOGIN, run='id -u; echo out > "$TORK_OUTPUT"'
        )
    assert (outcome.exit_code, outcome.output) == (0, "out\n")
    assert ran.text.endswith("1000\n")


async def test_the_docker_config_file_gives_the_login_when_the_task_has_none(
    registry: FakeRegistry, docker_host: str, config: Path
) -> None:
    auth = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    _write(config, {"auths": {registry.address: {"auth": auth}}})
    async with docker_rig(docker_host, config) as rig:
        outcome, _ = await rig.run(image=registry.image, cmd=("true",))
    assert outcome.exit_code == 0


@pytest.mark.parametrize("login", [None, Registry(USERNAME, "wrong")])
async def test_without_the_right_login_the_task_is_rejected_naming_the_image(
    registry: FakeRegistry, docker_host: str, config: Path, login: Registry | None
) -> None:
    async with docker_rig(docker_host, config) as rig:
        with pytest.raises(RuntimeRejected, match=registry.image):
            await rig.run(image=registry.image, registry=login, cmd=("true",))


async def test_a_missing_tag_is_rejected_and_not_asked_for_again_at_once(
    registry: FakeRegistry, docker_host: str, config: Path
) -> None:
    image = f"{registry.address}/private/busybox:2"
    async with docker_rig(docker_host, config) as rig:
        ran = [rig.run(image=image, registry=LOGIN, cmd=("true",)) for _ in range(5)]
        errors = await asyncio.gather(*ran, return_exceptions=True)
    assert all(isinstance(error, RuntimeRejected) for error in errors)
    assert all(image in str(error) for error in errors)


async def test_five_tasks_of_one_new_image_pull_it_once(
    registry: FakeRegistry, docker_host: str, config: Path
) -> None:
    async with docker_rig(docker_host, config) as rig:
        ran = [
            rig.run(image=registry.image, registry=LOGIN, cmd=("true",), task_id=f"task-{n}")
            for n in range(5)
        ]
        outcomes = await asyncio.gather(*ran)
    assert [outcome.exit_code for outcome, _ in outcomes] == [0] * 5
    assert sum("pulled image" in one.text for _, one in outcomes) == 1
    assert registry.layer_downloads <= 1
