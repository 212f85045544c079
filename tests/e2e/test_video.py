"""Real work through the four services: a video is split, transcoded chunk by chunk and stitched."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import yaml

from tests.support.availability import unavailable
from tests.support.engines.engine_process import EngineUnavailable
from tests.support.engines.video import duration_of, make_video, make_video_image, s3_server
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Api, Cluster

pytestmark = pytest.mark.real

EXAMPLE = Path(__file__).parents[2] / "examples" / "transcode-video.yaml"


@pytest.fixture
def video_engine(docker_host: str) -> str:
    """A Docker engine that has the image with ffmpeg."""
    try:
        make_video_image(docker_host)
    except EngineUnavailable as error:  # the machine can't: say so, and go on with the rest
        unavailable(f"the video job: {error}")
    return docker_host


@pytest.fixture
async def api(
    private_rabbit: PrivateRabbit,
    private_postgres: PrivatePostgres,
    video_engine: str,
    tmp_path: Path,
) -> AsyncIterator[Api]:
    cluster = Cluster(
        private_rabbit.url,
        private_postgres.tcp_dsn,
        tmp_path,
        CONVEYOR_RUNTIME_TYPE="docker",
        CONVEYOR_RUNTIME_DOCKER_HOST=video_engine,
        CONVEYOR_RUNTIME_CONTAINER_NETWORK="host",  # the S3 server listens on loopback alone
    )
    for name in ("coordinator", "scheduler", "webhook_dispatcher", "worker", "worker"):
        cluster.start(name)
    try:
        await cluster.wait_up()
        async with aiohttp.ClientSession() as session:
            yield Api(session, cluster.services[0].url)
    finally:
        await asyncio.to_thread(cluster.close)


async def test_a_video_is_transcoded_in_chunks_and_keeps_its_length(
    api: Api, tmp_path: Path
) -> None:
    job = yaml.safe_load(EXAMPLE.read_text())
    async with s3_server() as s3:
        # Given a video of 21 seconds in S3
        s3.put("source.mp4", make_video(21, tmp_path))
        job["inputs"]["s3"] = s3.url
        # When the example job has run
        submitted = await api.submit(job)
        done = await api.final(submitted["id"], seconds=240)
        # I expect a chunk for each five seconds, and a result as long as the source
        assert done["state"] == "COMPLETED", done.get("error")
        chunks = [task for task in done["execution"] if task["name"].startswith("transcode chunk")]
        assert len(chunks) == 5
        result = s3.get("result.mp4")
    assert duration_of(result, tmp_path) == pytest.approx(21, abs=0.3)
    assert float(done["result"]) == pytest.approx(21, abs=0.3)
