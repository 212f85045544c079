"""A batch of Bacalhau whose executions read parts of a bucket and publish their results."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from conveyor import AsyncClient
from services.worker.files.partitions import hash_of
from tests.support.engines.images import BUSYBOX
from tests.support.files.s3_server import ACCESS_KEY, SECRET_KEY, S3Server
from tests.support.files.tars import files_in
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster

pytestmark = pytest.mark.real

COUNT = 3
KEYS = [f"data/{name}.csv" for name in "abcdefghijkl"]
SERVICES = ("coordinator", "scheduler", *["worker"] * COUNT)
SCRIPT = "find /in -type f | sort | xargs cat > /outputs/all; echo done; echo no >&2; exit 4"


@pytest.fixture
async def api(
    private_rabbit: PrivateRabbit,
    private_postgres: PrivatePostgres,
    docker_host: str,
    s3: S3Server,
    session: aiohttp.ClientSession,
    tmp_path: Path,
) -> AsyncIterator[Api]:
    logins = tmp_path / "credentials"
    keys = f"aws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    logins.write_text(f"[default]\n{keys}")
    cluster = Cluster(
        private_rabbit.url,
        private_postgres.tcp_dsn,
        tmp_path,
        CONVEYOR_RUNTIME_TYPE="docker",
        CONVEYOR_RUNTIME_DOCKER_HOST=docker_host,
        CONVEYOR_FILES_STORE=f"s3://{s3.new_bucket()}",
        CONVEYOR_FILES_S3_ENDPOINT=s3.url,
        CONVEYOR_FILES_S3_ACCESS_KEY=ACCESS_KEY,
        CONVEYOR_FILES_S3_SECRET_KEY=SECRET_KEY,
        CONVEYOR_FILES_JOB_CREDENTIALS_FILE=str(logins),
        CONVEYOR_FILES_CACHE_DIR=str(tmp_path / "cache"),
    )
    try:
        for name in SERVICES:
            cluster.start(name)
        await cluster.wait_up()
        yield Api(session, cluster.services[0].url)
    finally:
        await asyncio.to_thread(cluster.close)


async def test_each_execution_reads_its_part_of_a_bucket_and_its_results_are_published(
    api: Api, session: aiohttp.ClientSession, s3: S3Server, tmp_path: Path
) -> None:
    # Given a bucket of twelve objects
    bucket = s3.new_bucket()
    for key in (*KEYS, "data/folder/"):
        s3.client.put_object(Bucket=bucket, Key=key, Body=f"{key}\n".encode())
    task = {
        "Name": "main",
        "Engine": {
            "Type": "docker",
            "Params": {"Image": BUSYBOX, "Entrypoint": ["sh", "-c"], "Parameters": [SCRIPT]},
        },
        "InputSources": [
            {
                "Source": {
                    "Type": "s3",
                    "Params": {"Bucket": bucket, "Key": "data/*", "Partition": {"Type": "object"}},
                },
                "Target": "/in",
            }
        ],
        "Publisher": {"Type": "s3", "Params": {"Bucket": bucket, "Key": "out/{executionID}"}},
        "ResultPaths": [{"Name": "outputs", "Path": "/outputs"}],
    }
    job = {"Name": "parts", "Type": "batch", "Count": COUNT, "Tasks": [task]}
    url = f"{api.url}/api/v1/orchestrator/jobs"
    async with session.put(url, json={"Job": job}) as answer:
        assert answer.status == 200, await answer.text()
        job_id = (await answer.json())["JobID"].removeprefix("j-").replace("-", "")
    # When it has ended, with any exit code
    done = await api.final(job_id)
    assert done["state"] == "COMPLETED", done["error"]
    # Then each execution has read the objects that are its own
    expected = {
        index: "".join(f"{key}\n" for key in KEYS if hash_of(key.encode()) % COUNT == index)
        for index in range(COUNT)
    }
    assert all(expected.values())
    async with AsyncClient(api.url) as client:
        for index, text in expected.items():
            kept = await client.files.download(job_id, f"main/{index}/results", tmp_path)
            assert (kept / "outputs" / "all").read_text() == text
            streams = [(kept / name).read_text() for name in ("stdout", "stderr", "exitCode")]
            assert streams == ["done\n", "no\n", "4"]
    # And the bucket has the same, an archive for each
    found = s3.client.list_objects_v2(Bucket=bucket, Prefix="out/")["Contents"]
    bodies = [s3.client.get_object(Bucket=bucket, Key=each["Key"])["Body"] for each in found]
    published = [files_in(gzip.decompress(body.read()))["outputs/all"] for body in bodies]
    assert sorted(published) == sorted(text.encode() for text in expected.values())
