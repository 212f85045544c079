"""Videos, made and measured by ffmpeg."""

import os
import subprocess
from pathlib import Path


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
