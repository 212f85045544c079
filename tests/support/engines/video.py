"""What the video job needs: an image with ffmpeg and curl, and an S3 server.

The image is made of the programs that Debian's packages have put on this machine, with the
libraries they are linked to: seconds, where a tree of its own would take minutes.
"""

import asyncio
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

from tests.support.engines.engine_process import EngineUnavailable
from tests.support.engines.images import add_file, add_link, busybox_tree, make_image

IMAGE = "conveyor-example/ffmpeg:1"
_PROGRAMS = ("ffmpeg", "ffprobe", "curl")
_LOADER = Path("/lib64/ld-linux-x86-64.so.2")


def make_video_image(host: str) -> None:
    """Import it into that engine, unless it is there. Raises EngineUnavailable."""
    make_image(host, IMAGE, video_tree)


def video_tree() -> bytes:
    """A tar of busybox and the programs. Raises EngineUnavailable."""
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        raise EngineUnavailable(f"not installed here: {', '.join(missing)}")
    buffer = io.BytesIO(busybox_tree())
    with tarfile.open(fileobj=buffer, mode="a") as tar:
        for name in _PROGRAMS:
            program = Path(shutil.which(name) or name)
            add_file(tar, f"usr/bin/{name}", program.read_bytes(), 0o755)
            add_link(tar, f"bin/{name}", f"/usr/bin/{name}")
        for library in sorted(_libraries()):
            add_file(tar, str(library).lstrip("/"), library.read_bytes(), 0o755)
    return buffer.getvalue()


def _libraries() -> Iterator[Path]:
    programs = [shutil.which(name) or name for name in _PROGRAMS]
    listed = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    found = {Path(word) for line in listed.splitlines() for word in line.split() if "/lib" in word}
    yield from (path for path in found if path.is_file())


class S3:
    """A bucket of a server of the test's own."""

    bucket = "videos"

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/{self.bucket}"
        self._client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="minio",
            aws_secret_access_key="minio-secret",
        )
        self._client.create_bucket(Bucket=self.bucket)

    def put(self, name: str, data: bytes) -> None:
        self._client.put_object(Bucket=self.bucket, Key=name, Body=data)

    def get(self, name: str) -> bytes:
        data: bytes = self._client.get_object(Bucket=self.bucket, Key=name)["Body"].read()
        return data


@asynccontextmanager
async def s3_server() -> AsyncIterator[S3]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    await asyncio.to_thread(server.start)
    try:
        _, port = server.get_host_and_port()
        yield await asyncio.to_thread(S3, port)
    finally:
        await asyncio.to_thread(server.stop)


def make_video(seconds: int, folder: Path) -> bytes:
    """A moving test picture that long, with a key frame each second."""
    target = folder / "source.mp4"
    source = ["-f", "lavfi", "-i", f"testsrc=duration={seconds}:size=320x240:rate=25"]
    codec = ["-c:v", "mpeg4", "-g", "25", "-q:v", "5"]
    subprocess.run(["ffmpeg", "-v", "error", *source, *codec, os.fspath(target)], check=True)
    return target.read_bytes()


def duration_of(video: bytes, folder: Path) -> float:
    """Seconds, as ffprobe measures them."""
    target = folder / "result.mp4"
    target.write_bytes(video)
    entries = ["-show_entries", "format=duration", "-of", "csv=p=0"]
    done = subprocess.run(
        ["ffprobe", "-v", "error", *entries, os.fspath(target)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
