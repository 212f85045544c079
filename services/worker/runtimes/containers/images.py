"""Pulling images: once per image at a time, with progress in the log of whoever waits first, and
with the registry logins of this machine, from a Docker `config.json`.

Only logins written in the file itself (`auths`) are used. Credential helpers (`credHelpers`,
`credsStore`) are programs that need a desktop or a cloud account and are not supported.
"""

import asyncio
import base64
import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from conveyor.extensions.runtimes import LogSink, RuntimeRejected, RuntimeUnavailable
from conveyor.extensions.tasks import Registry
from services.worker.runtimes.containers.engine import ContainerEngine, ImageMissing
from services.worker.runtimes.containers.engine_calls import Json, is_engines_fault

_HUB = "docker.io"
_HUB_ALIASES = {"index.docker.io", "registry-1.docker.io", "docker.io"}


RegistryLogins = Mapping[str, Registry]
"""A login for each registry host (`docker.io` is Docker's own)."""


def read_logins(path: str | None) -> RegistryLogins:
    """Reads the file at start; without a path, `~/.docker/config.json` if there is one.

    Raises ValueError when the file isn't what it should be, and OSError when a path was given but
    can't be read.
    """
    file = Path(path) if path else Path.home() / ".docker" / "config.json"
    if path is None and not file.is_file():
        return {}
    try:
        auths = json.loads(file.read_text()).get("auths", {})
        return {_host(key): _login(entry) for key, entry in auths.items() if entry}
    # It is not JSON, or of another shape.
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise ValueError(f"{file} is not a Docker config file: {error}") from error


def registry_of(image: str) -> str:
    """The registry host an image reference names; `docker.io` when it names none."""
    first, slash, _ = image.partition("/")
    names_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return _canonical(first) if names_host else _HUB


def _host(key: str) -> str:
    return _canonical(key.removeprefix("https://").removeprefix("http://").partition("/")[0])


def _canonical(host: str) -> str:
    return _HUB if host in _HUB_ALIASES else host


def _login(entry: dict[str, Any]) -> Registry:
    if "auth" not in entry:
        return Registry(str(entry["username"]), str(entry["password"]))
    username, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    return Registry(username, password)


_SECONDS_BETWEEN_LINES = 5.0
# A tag may be pulled anew by others; until then an image isn't inspected for every task.
_USER_REMEMBERED_SECONDS = 60.0
_MOST_DIGESTS = 1_000
_SHA256 = "sha256:"
# A hundred tasks of one wrong image ask the registry once, not a hundred times in a row.
_FAILURE_REMEMBERED_SECONDS = 5.0


_PAUSES_SECONDS = (1.0, 2.0, 4.0)
# What engines say when it is the network or the registry, and not that there is no such image.
_PASSING = re.compile(
    r"time-?d? ?-?out|deadline exceeded|connection (refused|reset)|broken pipe|\beof\b|no such host"
    r"|server misbehaving|temporary failure|unreachable|no route to host|tls handshake"
    r"|too ?many ?requests|\b(429|50[0234])\b|internal server error|bad gateway|unavailable",
    re.IGNORECASE,
)


def may_pass(words: str) -> bool:
    """Whether an image that could not be pulled for this reason may be had a moment later."""
    return _PASSING.search(words) is not None


def digest_among(digests: Sequence[str], image: str, name: str) -> str:
    """`digests` of the image with that id, each after its repository. That of `name` comes first:
    it may be in several."""
    path = name.partition("@")[0].rpartition("/")[2].partition(":")[0]
    found = [digest.partition("@") for digest in digests if "@" in digest]
    same = [digest for repository, _, digest in found if repository.rpartition("/")[2] == path]
    others = [digest for _, _, digest in found]
    return next(iter([*same, *others]), f"{_SHA256}{image.removeprefix(_SHA256)}")


class Images:
    def __init__(self, engine: ContainerEngine, logins: RegistryLogins) -> None:
        self._engine = engine
        self._logins = logins
        self._users: dict[str, tuple[float, str]] = {}
        self._digests: dict[tuple[str, str], str] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._failures: dict[tuple[str, Registry | None], tuple[float, str]] = {}

    async def user_of(self, image: str) -> str:
        """The user the image's processes run as, "" for root. Raises ImageMissing."""
        known = self._users.get(image)
        if known is None or time.monotonic() - known[0] > _USER_REMEMBERED_SECONDS:
            known = (time.monotonic(), await self._engine.image_user(image))
            self._users[image] = known
        return known[1]

    async def digest_of(self, image: str, name: str) -> str:
        """Of the image with that id, which was asked for by `name`: what registries call it, and
        for one that was made here its id."""
        known = self._digests.get((image, name))
        if known is None:
            while len(self._digests) >= _MOST_DIGESTS:
                del self._digests[next(iter(self._digests))]
            known = digest_among(await self._engine.digests_of(image), image, name)
            self._digests[image, name] = known
        return known

    async def pull_once(self, image: str, login: Registry | None, log: LogSink) -> None:
        """Pull an image that wasn't there, unless somebody else has done so meanwhile.

        Raises RuntimeRejected, naming the image, when the registry won't give it, and
        RuntimeUnavailable when the engine can't take it.
        """
        self._users.pop(image, None)
        lock = self._locks.get(image)
        if lock is None:
            lock = self._locks[image] = asyncio.Lock()
        async with lock:
            try:
                await self.user_of(image)
            except ImageMissing:
                await self._pull(image, login, log)

    async def _pull(self, image: str, login: Registry | None, log: LogSink) -> None:
        login = login or self._logins.get(registry_of(image))
        self._fail_again(image, login)
        try:
            await self._pull_patiently(image, login, log)
        except RuntimeRejected as error:
            self._failures[image, login] = (time.monotonic(), str(error))
            raise

    async def _pull_patiently(self, image: str, login: Registry | None, log: LogSink) -> None:
        for pause in (*_PAUSES_SECONDS, None):
            progress = _PullLog(image, log)
            try:
                await progress.begin()
                await self._engine.pull(image, login, progress.on_message)
                await progress.end()
                return
            except RuntimeRejected as error:
                if pause is None or not may_pass(str(error).replace(image, "")):
                    raise
                await log(f"{error}; next try in {pause:g} s\n".encode())
                await asyncio.sleep(pause)

    def _fail_again(self, image: str, login: Registry | None) -> None:
        now = time.monotonic()
        for key, (at, _) in list(self._failures.items()):
            if now - at > _FAILURE_REMEMBERED_SECONDS:
                del self._failures[key]
        if (image, login) in self._failures:
            raise RuntimeRejected(self._failures[image, login][1])


class _PullLog:
    """Turns the engine's hundreds of progress messages into a few readable lines."""

    def __init__(self, image: str, log: LogSink) -> None:
        self._image = image
        self._log = log
        self._layers: dict[str, tuple[int, int]] = {}
        self._begun_at = self._last_line_at = time.monotonic()

    async def begin(self) -> None:
        await self._line(f"pulling image {self._image}")

    async def on_message(self, message: Json) -> None:
        if "error" in message:
            words = f"could not pull image {self._image}: {message['error']}"
            raise (RuntimeUnavailable if is_engines_fault(words) else RuntimeRejected)(words)
        detail = message.get("progressDetail") or {}
        if message.get("status") == "Downloading" and detail.get("total"):
            self._layers[message["id"]] = (detail["current"], detail["total"])
        if self._layers and time.monotonic() - self._last_line_at >= _SECONDS_BETWEEN_LINES:
            await self._line(f"pulling image {self._image}: {self._amounts()}")

    async def end(self) -> None:
        seconds = time.monotonic() - self._begun_at
        await self._line(f"pulled image {self._image} in {seconds:.1f} s")

    def _amounts(self) -> str:
        done = sum(current for current, _ in self._layers.values()) / 1e6
        total = sum(total for _, total in self._layers.values()) / 1e6
        return f"{done:.1f} of {total:.1f} MB of {len(self._layers)} layers"

    async def _line(self, text: str) -> None:
        self._last_line_at = time.monotonic()
        await self._log(f"{text}\n".encode())
