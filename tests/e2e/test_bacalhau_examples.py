"""The example files of Bacalhau's documents run as they stand, with images of those names."""

import io
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines.images import add_file, busybox_tree, make_image
from tests.support.files.kubo import kubo_server
from tests.support.http.command_line import run_command
from tests.support.services.cluster import Cluster

pytestmark = pytest.mark.real

EXAMPLES = Path(__file__).parents[1] / "unit" / "data" / "bacalhau"
LOGS = "/data/log-orchestration"
"""Of the examples, on the machine of a node: here a directory of the test."""
VARIABLES = "query=SELECT 1,OpenSearchEndpoint=https://s,AccessLogBucket=b,AWSRegion=eu"
CID = "QmSYE8dVx6RTdDFFhBu51JjFG1fwwPdUJoXZ4ZNXvfoK2V"
PROGRAMS = {
    "python": 'cat /data; echo "$@" > "$3"; echo "part $BACALHAU_PARTITION_INDEX"',
    "--query": 'echo "query $1"; cat /logs/a.log | tee /outputs/found',
}
KEPT = 'cat /app/logs/a.log; echo "state" > /app/state/s; sleep 1000'
IMAGES = {
    "alek5eyk/batchjobexample:1.1": PROGRAMS,
    "expanso/nginx-access-log-processor:1.0.0": PROGRAMS,
    "expanso/nginx-access-log-agent:1.0.0": {"--query": KEPT},
    "my-kinesis-consumer:latest": {"-stream-arn": KEPT},
}


def _tree(programs: dict[str, str]) -> bytes:
    """Their first parameter is the program that an engine looks for: here a script of that name."""
    buffer = io.BytesIO(busybox_tree())
    with tarfile.open(fileobj=buffer, mode="a") as tar:
        for name, script in programs.items():
            add_file(tar, f"bin/{name}", f"#!/bin/sh\n{script}\n".encode(), 0o755)
    return buffer.getvalue()


def _started(cluster: Cluster, **settings: str) -> str:
    for service in ("coordinator", "scheduler", "worker"):
        cluster.start(service, settings)
    return cluster.services[0].url


async def test_the_four_examples_run_with_their_variables_and_images_of_those_names(
    cluster: Cluster, docker_host: str, tmp_path: Path
) -> None:
    for name, programs in IMAGES.items():
        make_image(docker_host, name, partial(_tree, programs))
    data = tmp_path / "machine"
    for folder in ("logs", "state"):
        (data / folder).mkdir(parents=True)
    (data / "logs/a.log").write_text("a line\n")
    async with kubo_server() as (kubo, port):
        kubo.add_as(CID, b"from ipfs\n")
        url = _started(
            cluster,
            CONVEYOR_RUNTIME_DOCKER_HOST=docker_host,
            CONVEYOR_RUNTIME_TYPE="docker",
            CONVEYOR_RUNTIME_HOST_NETWORKS_ALLOWED="true",
            CONVEYOR_FILES_STORE=str(tmp_path / "files"),
            CONVEYOR_FILES_IPFS_URL=f"http://127.0.0.1:{port}",
            CONVEYOR_FILES_LOCAL_PATHS=f"{data}:rw",
            CONVEYOR_WORKER_LABELS="service=WebService,region=us-west-2,Architecture=arm64",
        )
        await cluster.wait_up()

        async def conveyor(*arguments: str, code: int = 0, stdin: str = "") -> str:
            result: Any = await run_command(url, *arguments, stdin=stdin)
            assert result.exit_code == code, result.output
            return str(result.stdout)

        for name in ("batch", "ops", "daemon", "service"):
            text = (EXAMPLES / f"{name}.yaml").read_text().replace(LOGS, str(data))
            await conveyor("submit", "-", "--wait", "-V", VARIABLES, stdin=text)

        await conveyor("download", "Batch Job Example", "--merge", "-o", str(tmp_path / "batch"))
        outputs = sorted((tmp_path / "batch/stdout").read_text().splitlines())
        assert outputs == ["from ipfs", "from ipfs", "part 0", "part 1"]
        assert (tmp_path / "batch/outputs/result.txt").read_text() == (
            "supercalc.py 5 /outputs/result.txt\n"
        )
        await conveyor("download", "Live logs processing", "-o", str(tmp_path / "ops"))
        results = tmp_path / "ops/LiveLogProcessing/0/results"
        assert (results / "outputs/found").read_text() == "a line\n"
        assert (results / "stdout").read_text() == "query SELECT 1\na line\n"
        assert (results / "exitCode").read_text() == "0"
        for name in ("Logstash", "Kinesis Consumer"):
            assert "1 of 1 running" in await conveyor("get", name)
            await conveyor("cancel", name)
        assert (data / "state/s").read_text() == "state\n"
