"""The tasks that a task has made: what it wrote to $TORK_SPAWN, line by line."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import orjson

from conveyor.extensions.runtimes import Archive, RuntimeRejected
from shared.definition import PARAMETERS_NAME, SPAWN_DIR, TASKS_NAME, Spawning
from shared.files.archives import Member, file_member, read_tar, rooted
from shared.files.archives.members import Members
from shared.files.streams import of_bytes
from shared.messages import Spawned
from shared.messages.spawned import MOST_SPAWNED, MOST_SPAWNED_BYTES, read_spawned


async def spawn_files(spawning: Spawning) -> Members:
    """What one that may make tasks finds in its directory for it."""
    told = json.loads(spawning.parameters)
    text = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    yield file_member(PARAMETERS_NAME, len(text), of_bytes(text))


async def spawned_in(
    take: Callable[[str], AbstractAsyncContextManager[Archive]], spawning: Spawning
) -> list[Spawned]:
    """Raises RuntimeRejected, naming the first line that is wrong."""
    text = b""
    async with take(SPAWN_DIR) as archive:
        _, tree = await rooted(read_tar(archive))
        async for member in tree:
            if member.path == TASKS_NAME:
                text = await _text(member)
    return parse_spawned(text, spawning)


async def _text(file: Member) -> bytes:
    if file.kind != "file":
        raise _bad("is no file")
    if file.size > MOST_SPAWNED_BYTES:
        raise _bad("is larger than 2 MiB")
    return b"".join([piece async for piece in file.content])


def parse_spawned(text: bytes, spawning: Spawning) -> list[Spawned]:
    """Raises RuntimeRejected."""
    spawned = list[Spawned]()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            spawned.append(read_spawned(_parsed(line), spawning.sequence))
        except ValueError as error:
            raise _bad(f"line {number}: {error}") from None
        if len(spawned) > MOST_SPAWNED:
            raise _bad(f"line {number}: one task makes at most {MOST_SPAWNED:,}")
    return spawned


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        given = orjson.loads(line)
    except ValueError:  # its own text tells a place in the line, without what is there
        raise ValueError("must be JSON") from None
    if not isinstance(given, dict):
        raise ValueError("must be an object")
    return given


def _bad(reason: str) -> RuntimeRejected:
    return RuntimeRejected(f"bad_spawn: $TORK_SPAWN, {reason}")
