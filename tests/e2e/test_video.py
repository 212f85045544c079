"""Real work in chunks: a video is split, transcoded chunk by chunk and assembled, come what may."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from conveyor import AsyncClient
from tests.support.availability import unavailable
from tests.support.engines.video import duration_of, make_video
from tests.support.eventually import eventually
from tests.support.files.s3_server import ACCESS_KEY, SECRET_KEY, S3Server
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Cluster, Service

pytestmark = pytest.mark.real

EXAMPLE = Path(__file__).parents[2] / "examples" / "transcode-video.yaml"
SERVICES = ("coordinator", "scheduler", "webhook_dispatcher", "worker", "worker", "worker")
CHUNKS, SLOTS, BAD = 40, 4, 5
GATE = """\
echo . >> "$STATE/began.$CHUNK_INDEX"
while [ ! -e "$STATE/go" ]; do sleep 0.1; done
if [ "$CHUNK_INDEX" = "$BAD" ] && [ "$(cat "$STATE"/failed* | wc -l)" -lt "$FAILURES" ]; then
  echo . >> "$STATE/failed"; exit 1
fi
"""


class Act:
    """The example with a second in each chunk. None goes on before `go`; BAD fails some times."""

    def __init__(self, folder: Path, failures: int, **partition: Any) -> None:
        folder.mkdir()
        self.folder = folder
        (folder / "failed").touch()
        job = yaml.safe_load(EXAMPLE.read_text())
        stages = job["tasks"][0]["partition"] | {"concurrency": 3 * SLOTS} | partition
        told = {"STATE": str(folder), "BAD": str(BAD), "FAILURES": str(failures)}
        stages["task"]["env"] |= told
        stages["task"]["run"] = GATE + stages["task"]["run"]
        stages["assemble"]["run"] += 'cp "$TASK_RESULTS_DIR/manifest.json" "$OUTPUT_DIR"\n'
        job["tasks"][0]["partition"] = stages
        self.job = job | {"inputs": {**job["inputs"], "chunkSeconds": 1}}

    def go(self) -> None:
        (self.folder / "go").touch()

    @property
    def begun(self) -> int:
        """Chunks, each as often as it began."""
        return sum(len(path.read_text().split()) for path in self.folder.glob("began.*"))


@asynccontextmanager
async def running_cluster(
    rabbit: PrivateRabbit, postgres: PrivatePostgres, s3: S3Server, tmp_path: Path
) -> AsyncIterator[list[Service]]:
    cluster = Cluster(
        *(rabbit.url, postgres.tcp_dsn, tmp_path),
        CONVEYOR_FILES_STORE=f"s3://{s3.new_bucket()}",
        CONVEYOR_FILES_S3_ENDPOINT=s3.url,
        CONVEYOR_FILES_S3_ACCESS_KEY=ACCESS_KEY,
        CONVEYOR_FILES_S3_SECRET_KEY=SECRET_KEY,
        CONVEYOR_FILES_CACHE_DIR=str(tmp_path / "cache"),
        CONVEYOR_WORKER_QUEUES=f"default:{SLOTS}",
    )
    try:
        for name in SERVICES:
            cluster.start(name)
        await cluster.wait_up()
        yield cluster.services
    finally:
        await asyncio.to_thread(cluster.close)


async def finished(client: AsyncClient, job_id: str, folder: Path) -> list[dict[str, Any]]:
    """The manifest that the assembler has got of a job that completes with all it could have."""
    done = await client.wait(job_id, timeout_seconds=240)
    assert done.state == "COMPLETED", done.error
    output = await client.files.download(job_id, "transcode/output", folder)
    manifest = json.loads((output / "manifest.json").read_bytes())
    succeeded = [child for child in manifest if child["state"] == "COMPLETED"]
    assert [child["index"] for child in manifest] == list(range(CHUNKS))
    assert all([file["name"] for file in child["files"]] == ["small.mp4"] for child in succeeded)
    for seconds in (duration_of(output / "video.mp4"), float(done.result or 0)):
        assert seconds == pytest.approx(len(succeeded), abs=0.5)
    return [child for child in manifest if child not in succeeded]


async def test_a_video_in_forty_chunks_survives_failures_and_a_killed_worker(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, s3: S3Server, tmp_path: Path
) -> None:
    if shutil.which("ffmpeg") is None:
        unavailable("the video job: ffmpeg is not installed here")
    async with (
        running_cluster(private_rabbit, private_postgres, s3, tmp_path) as services,
        AsyncClient(services[0].url) as client,
    ):
        upload = await client.uploads.create(make_video(CHUNKS, tmp_path / "holiday.mp4"))
        # Given chunks on all three workers, of which one is killed, and a chunk that fails twice
        act = Act(tmp_path / "first", failures=2)
        job = await client.submit({**act.job, "uploads": {"video": upload.id}})
        await eventually(lambda: act.begun == 3 * SLOTS)
        services[-1].kill()
        act.go()
        # I expect all of the video, and no chunk to run without need
        assert await finished(client, job.id, tmp_path / "all") == []
        # One less where the chunk that fails did so once on the killed worker, and nobody heard.
        assert CHUNKS + SLOTS + 1 <= act.begun <= CHUNKS + SLOTS + 2
        # And where one may fail, and does, all but that, which the manifest names
        act = Act(tmp_path / "second", failures=CHUNKS, maxFailed=1)
        act.go()
        job = await client.submit({**act.job, "uploads": {"video": upload.id}})
        [failed] = await finished(client, job.id, tmp_path / "most")
        assert (failed["index"], failed["state"], failed["files"]) == (BAD, "FAILED", [])
        assert act.begun == CHUNKS + 2
