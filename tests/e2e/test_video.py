"""Real work with files: a video is split, transcoded chunk by chunk and stitched."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from conveyor import AsyncClient
from tests.support.availability import unavailable
from tests.support.engines.engine_process import EngineUnavailable
from tests.support.engines.video import IMAGE, duration_of, make_video, make_video_image
from tests.support.files.s3_server import ACCESS_KEY, SECRET_KEY, S3Server
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Cluster
from tests.support.services.dev import running_dev

pytestmark = pytest.mark.real

EXAMPLE = Path(__file__).parents[2] / "examples" / "transcode-video.yaml"
SERVICES = ("coordinator", "scheduler", "webhook_dispatcher", "worker", "worker", "worker")
SECONDS = 21


async def transcode(url: str, tmp_path: Path) -> None:
    """As a user of the client would, with a video of 21 seconds."""
    job = yaml.safe_load(EXAMPLE.read_text())
    async with AsyncClient(url) as client:
        upload = await client.uploads.create(make_video(SECONDS, tmp_path / "holiday.mp4"))
        done = await client.run({**job, "uploads": {"video": upload.id}}, timeout_seconds=240)
        # I expect a chunk for each five seconds, and a video as long as the source
        assert done.state == "COMPLETED", done.error
        kept = [each.path async for each in client.files.list(done.id)]
        chunks = [f"small/{index}/video" for index in range(5)]
        assert sorted(kept) == sorted(["chunks/chunks", *chunks, "seconds/video"])
        video = await client.files.download(done.id, "stitch/video", tmp_path)
    assert duration_of(video) == pytest.approx(SECONDS, abs=0.3)
    assert float(done.result or 0) == pytest.approx(SECONDS, abs=0.3)


@pytest.fixture
def installed_ffmpeg() -> None:
    if shutil.which("ffmpeg") is None:
        unavailable("the video job: ffmpeg is not installed here")


@pytest.fixture
def video_engine(installed_ffmpeg: None, docker_host: str) -> str:
    """A Docker engine that has the image with ffmpeg."""
    try:
        make_video_image(docker_host)
    except EngineUnavailable as error:  # the machine can't: say so, and go on with the rest
        unavailable(f"the video job: {error}")
    return docker_host


@asynccontextmanager
async def running_cluster(cluster: Cluster) -> AsyncIterator[str]:
    """The URL of its API."""
    try:
        for name in SERVICES:
            cluster.start(name)
        await cluster.wait_up()
        yield cluster.services[0].url
    finally:
        await asyncio.to_thread(cluster.close)


async def test_a_video_is_transcoded_with_nothing_but_conveyor(
    installed_ffmpeg: None, tmp_path: Path
) -> None:
    async with running_dev(tmp_path / "data") as url:
        await transcode(url, tmp_path)


async def test_a_video_is_transcoded_by_three_workers_with_containers_and_s3(
    private_rabbit: PrivateRabbit,
    private_postgres: PrivatePostgres,
    video_engine: str,
    s3: S3Server,
    tmp_path: Path,
) -> None:
    cluster = Cluster(
        private_rabbit.url,
        private_postgres.tcp_dsn,
        tmp_path,
        CONVEYOR_RUNTIME_TYPE="docker",
        CONVEYOR_RUNTIME_DOCKER_HOST=video_engine,
        CONVEYOR_RUNTIME_DEFAULT_IMAGE=IMAGE,
        CONVEYOR_FILES_STORE=f"s3://{s3.new_bucket()}",
        CONVEYOR_FILES_S3_ENDPOINT=s3.url,
        CONVEYOR_FILES_S3_ACCESS_KEY=ACCESS_KEY,
        CONVEYOR_FILES_S3_SECRET_KEY=SECRET_KEY,
        CONVEYOR_FILES_CACHE_DIR=str(tmp_path / "cache"),
    )
    async with running_cluster(cluster) as url:
        await transcode(url, tmp_path)
