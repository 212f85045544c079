"""Images for the tests, made here: one busybox under the names that job files use."""

import asyncio
import hashlib
import io
import tarfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp

from services.worker.runtimes.containers.engine_calls import connect
from tests.support.engines.engine_process import EngineUnavailable

BUSYBOX = "conveyor-test/busybox:1"
LOOK_ALIKES = ("ubuntu:mantic", "alpine:3.18.3")
_BINARIES = (Path("/bin/busybox"), Path("/usr/bin/busybox"))
# fmt: off
_APPLETS = (
    "sh", "true", "false", "echo", "cat", "ls", "env", "sleep", "head", "tail", "tr", "yes", "seq",
    "id", "kill", "ps", "touch", "mkdir", "rm", "mv", "cp", "grep", "wc", "test", "[", "stat", "dd",
    "printf", "pwd", "setsid", "wget", "nc", "httpd", "date", "sort",
)
# fmt: on


def busybox_tree() -> bytes:
    """A tar of the smallest root file system that runs scripts. Raises EngineUnavailable."""
    binary = next((p for p in _BINARIES if p.is_file()), None)
    if binary is None:
        raise EngineUnavailable("busybox-static is not installed")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder, mode in (("bin", 0o755), ("etc", 0o755), ("tmp", 0o1777)):
            add_folder(tar, folder, mode)
        add_file(tar, "bin/busybox", binary.read_bytes(), 0o755)
        add_file(tar, "etc/passwd", b"root:x:0:0:root:/:/bin/sh\n", 0o644)
        for applet in _APPLETS:
            add_link(tar, f"bin/{applet}", "busybox")
    return buffer.getvalue()


def make_images(host: str, names: Sequence[str] = (BUSYBOX, *LOOK_ALIKES)) -> None:
    """Import the tree under each name that the engine doesn't have yet."""
    _in_a_thread(_import(host, names, busybox_tree))


def make_image(host: str, name: str, tree: Callable[[], bytes]) -> None:
    """Import a tree of the caller's, unless the engine has the image. Raises EngineUnavailable."""
    _in_a_thread(_import(host, [name], tree))


def _in_a_thread(work: Coroutine[None, None, None]) -> None:
    """A thread, because a test's own loop may be running."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


async def _import(
    host: str, names: Sequence[str], make_tree: Callable[[], bytes], changes: Sequence[str] = ()
) -> None:
    docker = connect(host)
    tree: bytes | None = None
    try:
        here = {tag for image in await docker.images.list() for tag in image["RepoTags"] or ()}
        for name in names:
            if not any(tag.endswith(name) for tag in here):
                tree = tree or make_tree()
                base = f"{docker.docker_host}/{docker.api_version}"
                await _import_one(docker.session, base, name, tree, changes)
    finally:
        await docker.close()
        if docker.connector is not None:
            await docker.connector.close()


async def _import_one(
    session: aiohttp.ClientSession, base: str, name: str, tree: bytes, changes: Sequence[str]
) -> None:
    query = [("fromSrc", "-"), ("repo", name)]  # Podman would ignore a separate tag
    query += [("changes", line) for line in changes]
    async with session.post(
        f"{base}/images/create", params=query, data=io.BytesIO(tree)
    ) as response:
        text = await response.text()
        if response.status >= 400 or '"error"' in text:
            raise EngineUnavailable(f"could not make image {name}: {text}")


def add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    tar.addfile(entry)


def add_folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    tar.addfile(entry)


def add_file(tar: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    tar.addfile(entry, io.BytesIO(data))


def make_changed_image(
    host: str, *, links: Mapping[str, str] | None = None, changes: Sequence[str] = ()
) -> str:
    """An image like busybox's with links in it, or made with lines of a Dockerfile; its name."""
    told = f"{sorted((links or {}).items())}{changes}".encode()
    name = f"conveyor-test/changed:{hashlib.sha256(told).hexdigest()[:16]}"

    def tree() -> bytes:
        buffer = io.BytesIO(busybox_tree())
        with tarfile.open(fileobj=buffer, mode="a") as tar:
            for link, target in (links or {}).items():
                add_link(tar, link, target)
        return buffer.getvalue()

    _in_a_thread(_import(host, [name], tree, changes))
    return name
