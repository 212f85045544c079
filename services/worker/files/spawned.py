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

_FIELDS = ("sequence", "parameters", "name")
_MOST_BYTES = 2 * 1024 * 1024
_MOST_LINES = 10_000
_LONGEST_NAME = 256
"""As a submitted one may be: the worker has no job language to ask."""
_GREATEST_SEQUENCE = 2**31 - 1


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
    if file.size > _MOST_BYTES:
        raise _bad("is larger than 2 MiB")
    return b"".join([piece async for piece in file.content])


def parse_spawned(text: bytes, spawning: Spawning) -> list[Spawned]:
    """Raises RuntimeRejected."""
    spawned = list[Spawned]()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            spawned.append(_read(line, spawning))
        except ValueError as error:
            raise _bad(f"line {number}: {error}") from None
        if len(spawned) > _MOST_LINES:
            raise _bad(f"line {number}: one task makes at most {_MOST_LINES:,}")
    return spawned


def _read(line: bytes, spawning: Spawning) -> Spawned:
    """Raises ValueError."""
    given = _parsed(line)
    if unknown := given.keys() - set(_FIELDS):
        raise ValueError(f"{min(unknown)!r} is none of {', '.join(_FIELDS)}")
    sequence, name = given.get("sequence", spawning.sequence + 1), given.get("name")
    if isinstance(sequence, bool) or not isinstance(sequence, int):
        raise ValueError("sequence must be a whole number")
    if not spawning.sequence <= sequence <= _GREATEST_SEQUENCE:
        raise ValueError(
            f"sequence must be at least {spawning.sequence}, that of the task itself, "
            f"and at most {_GREATEST_SEQUENCE}"
        )
    if not isinstance(name, str | None) or len(name or "") > _LONGEST_NAME:
        raise ValueError(f"name must be a text of at most {_LONGEST_NAME} characters")
    parameters = orjson.dumps(given.get("parameters", {})).decode()
    return Spawned(sequence=sequence, parameters=parameters, name=name or None)


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
