"""What the video job needs: an image with ffmpeg, and a video.

The image is made of the programs that Debian's packages have put on this machine, with the
libraries they are linked to: seconds, where a tree of its own would take minutes.
"""

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.engines.engine_process import EngineUnavailable
from tests.support.engines.images import add_file, add_link, busybox_tree, make_image

IMAGE = "conveyor-example/ffmpeg:1"
_PROGRAMS = ("ffmpeg", "ffprobe")
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


def make_video(seconds: int, target: Path) -> Path:
    """A moving test picture that long, with a key frame each second."""
    source = ["-f", "lavfi", "-i", f"testsrc=duration={seconds}:size=320x240:rate=25"]
    codec = ["-c:v", "mpeg4", "-g", "25", "-q:v", "5"]
    subprocess.run(["ffmpeg", "-v", "error", *source, *codec, os.fspath(target)], check=True)
    return target


def duration_of(video: Path) -> float:
    """Seconds, as ffprobe measures them."""
    entries = ["-show_entries", "format=duration", "-of", "csv=p=0"]
    done = subprocess.run(
        ["ffprobe", "-v", "error", *entries, os.fspath(video)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
