"""A client that openapi-python-client makes from our document of ByteNite's API, unchanged."""

import asyncio
import importlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.jobspec.bytenite.phases import ORDER, Phase
from tests.support.bytenite import app, register, template
from tests.support.services.dev import running_dev

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

_SOON_SECONDS = 90
GENERATOR = Path(sys.executable).with_name("openapi-python-client")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    data_dir = Path(tmp_path_factory.mktemp("dev"))
    async with running_dev(data_dir) as url:
        await register(data_dir, "app", app())
        await register(data_dir, "template", template())
        yield url


def drawn(url: str, folder: Path) -> str:
    """The name of the client's package, made from what the server says of itself."""
    config = folder / "config.yml"
    config.write_text("post_hooks: []\n")
    subprocess.run(
        [GENERATOR, "generate", "--url", f"{url}/v1/openapi.json", "--meta", "none",
         "--output-path", folder / "drawn_bytenite", "--config", config, "--fail-on-warning"],
        check=True, timeout=120,
    )  # fmt: skip
    return "drawn_bytenite"


def life(url: str, package: str) -> None:
    """What a program that blocks does."""
    models = importlib.import_module(f"{package}.models")
    client = importlib.import_module(package).Client(base_url=url)
    with client:
        steps(client, package, models)


def steps(client: Any, package: str, models: Any) -> None:
    def call(name: str, *args: Any, **given: Any) -> Any:
        module = importlib.import_module(f"{package}.api.bytenite.{name}")
        answer = module.sync(*args, client=client, **given)
        assert not isinstance(answer, models.ByteniteError), answer
        return answer

    body = models.CreateJobRequest(job_id="drawn", template_id="upper", name="first")
    assert call("create_bytenite_job", body=body).job.state == Phase.NEW
    source = models.DataSourceRequest.from_dict(
        {"dataSourceDescriptor": "inline", "params": {"text": "one\ntwo\n"}}
    )
    bypass = models.DataSourceRequest.from_dict({"dataSourceDescriptor": "bypass"})
    edit = models.EditDataSourceRequest(data_source=source, data_destination=bypass)
    call("edit_bytenite_data_source", "drawn", body=edit)
    params = models.EditParamsRequest.from_dict({"assembler": {"name": "all.txt"}})
    call("edit_bytenite_params", "drawn", body=params)
    call("edit_bytenite_name", "drawn", body=models.EditNameRequest(name="second"))
    call("run_bytenite_job", "drawn", body=models.EditConfigRequest(task_timeout=60))

    deadline = time.monotonic() + _SOON_SECONDS
    while (job := call("get_bytenite_job", "drawn").job).state not in (
        Phase.COMPLETE,
        Phase.FAILED,
    ):
        assert time.monotonic() < deadline, job
        time.sleep(0.2)
    assert (job.state, job.name, job.num_chunks) == (Phase.COMPLETE, "second", 2), job
    phases = list(job.state_timestamps.additional_properties)
    assert phases == [phase for phase in ORDER if phase is not Phase.FAILED]
    assert [chunk.state for chunk in call("list_bytenite_chunks", "drawn").chunks] == [
        "Completed",
        "Completed",
    ]
    (result,) = call("list_bytenite_results", "drawn").results
    assert httpx.get(result.link).text == "ONE\nTWO\n"
    assert call("delete_bytenite_job", "drawn").job.deleted_at
    assert call("list_bytenite_jobs").data == []


async def test_a_drawn_client_runs_the_whole_life_of_a_job(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = await asyncio.to_thread(drawn, url, tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    await asyncio.to_thread(life, url, package)
