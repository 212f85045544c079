"""(j) A large file through each store of files, beside a bare copy."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.containers import engine_host
from bench.file_transfer import LINK_KEY
from bench.run import Run
from bench.services import COORDINATOR, Services
from bench.table import Table
from bench.usage import peak_megabytes
from tests.support.engines.images import BUSYBOX, make_images
from tests.support.ports import free_port

_MEGABYTES, _QUICK_MEGABYTES = 2048, 128
_PIECE = bytes(1024 * 1024)


async def measure(run: Run) -> Table:
    megabytes = _QUICK_MEGABYTES if run.quick else _MEGABYTES
    with tempfile.TemporaryDirectory(prefix="conveyor-bench-files-") as text:
        folder = Path(text)
        write, read = await asyncio.to_thread(_bare_copy, folder / "bare", megabytes)
        bare = _Measured("bare file: write and fsync, read", megabytes / write, megabytes / read)
        directory = await _measured("directory", str(folder / "directory"), megabytes)
        links = await _by_links(run, folder / "linked", megabytes)
        async with _bare_s3(folder) as url:
            s3 = await _measured("s3", f"{url}/bucket", megabytes)
            http = await _measured("http", f"{url}/bucket", megabytes)
        shell = await _into_task("shell", "", megabytes)
        with engine_host() as host:
            make_images(host, (BUSYBOX,))
            copied = await asyncio.to_thread(_docker_copies, host, folder / "bare", megabytes)
            docker = await _into_task("docker", host, megabytes)
    return Table(
        f"(j) an object of {megabytes} MB",
        (
            "through",
            "put MB/s",
            "get MB/s",
            "of bare put",
            "of bare get",
            "memory growth MB",
            "peak MB",
        ),
        [_row(each, bare) for each in (bare, directory, links, s3, http, shell, copied, docker)],
        (
            f"directory by links: the coordinator's peak memory is {links.server_peak:.0f} MB",
            "S3 and HTTP: a bare server in a process of its own on the same cores; all is hashed",
            "tasks: put is bringing to a task before its start, get is taking after its end",
        ),
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """MB/s, and MB of the process that put and got; `server_peak` of the one that it asked."""

    name: str
    put: float
    get: float
    growth: float = 0.0
    peak: float = 0.0
    server_peak: float = 0.0


def _row(one: _Measured, bare: _Measured) -> list[str]:
    ratios = [f"{one.put / bare.put:.2f}", f"{one.get / bare.get:.2f}"]
    shown = [f"{one.put:.0f}", f"{one.get:.0f}", *ratios, f"{one.growth:.0f}", f"{one.peak:.0f}"]
    return [one.name, *(text if float(text) else "" for text in shown)]


def _bare_copy(path: Path, megabytes: int) -> tuple[float, float]:
    began = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for _ in range(megabytes):
            file.write(_PIECE)
        os.fsync(file.fileno())
    written = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        while file.read(len(_PIECE)):
            pass
    done = time.perf_counter()
    path.unlink()
    return written - began, done - written


async def _measured(kind: str, address: str, megabytes: int) -> _Measured:
    return await _run("file_transfer", kind, kind, address, megabytes)


async def _by_links(run: Run, folder: Path, megabytes: int) -> _Measured:
    """Through a coordinator with that directory."""
    services = Services(run.ground, run.profile)
    settings = {"CONVEYOR_FILES_STORE": str(folder), "CONVEYOR_FILES_LINK_KEY": LINK_KEY}
    try:
        coordinator = await services.start(COORDINATOR, settings)
        measured = await _run(
            "file_transfer", "directory by links", "links", coordinator.url, megabytes
        )
        return replace(measured, server_peak=peak_megabytes(coordinator))
    finally:
        await services.stop_all()


async def _into_task(runtime: str, engine: str, megabytes: int) -> _Measured:
    return await _run("task_transfer", f"{runtime} task", runtime, engine, megabytes)


def _docker_copies(host: str, path: Path, megabytes: int) -> _Measured:
    """By Docker's own command, into a container and out of it."""
    docker = ("docker", "--host", host)
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(_PIECE)
    made = subprocess.run([*docker, "create", BUSYBOX, "true"], check=True, capture_output=True)
    container = made.stdout.decode().strip()
    began = time.perf_counter()
    subprocess.run([*docker, "cp", str(path), f"{container}:/in"], check=True)
    written = time.perf_counter()
    subprocess.run([*docker, "cp", f"{container}:/in", "-"], check=True, stdout=subprocess.DEVNULL)
    done = time.perf_counter()
    subprocess.run([*docker, "rm", "--volumes", container], check=True, capture_output=True)
    path.unlink()
    return _Measured("docker cp", megabytes / (written - began), megabytes / (done - written))


async def _run(module: str, name: str, kind: str, address: str, megabytes: int) -> _Measured:
    program = [sys.executable, "-m", f"bench.{module}", kind, address, str(megabytes)]
    process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    put, get, growth, peak = map(float, out.splitlines()[-1].split())
    return _Measured(name, megabytes / put if put else 0.0, megabytes / get, growth, peak)


@asynccontextmanager
async def _bare_s3(folder: Path) -> AsyncIterator[str]:
    served, port = folder / "s3", free_port()
    served.mkdir()
    program = [sys.executable, "-m", "bench.bare_s3", str(served), str(port)]
    process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        await process.stdout.readline()  # it listens
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()
