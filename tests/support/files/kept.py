"""What tasks have kept, put into a store and into rows as if an attempt had reported it."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

from conveyor.extensions.files import FileStore
from shared.files.archives import ArchiveIndex, Member, file_member, index_name, write_tar
from shared.files.streams import of_bytes
from shared.lifecycle import Task
from shared.postgres.pool import Pool, acquired

INSERT = """
INSERT INTO artifacts (job_id, task_id, attempt, name, object, file_name, size, sha256, files, mode)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 493)
"""


async def keep_file(
    pool: Pool, store: FileStore, task: Task, name: str, content: bytes, file_name: str = ""
) -> str:
    """Its SHA-256."""
    stored = await store.put(_object(task, name), of_bytes(content))
    await _insert(pool, task, name, stored.sha256, len(content), None, file_name)
    return stored.sha256


async def keep_directory(
    pool: Pool, store: FileStore, task: Task, name: str, tree: Mapping[str, bytes | str]
) -> None:
    """`tree`: contents by path; a text is what a symbolic link leads to."""
    archive, size = hashlib.sha256(), 0
    with ArchiveIndex() as index:

        async def tar() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in write_tar(_members(tree), index.add):
                archive.update(chunk)
                size += len(chunk)
                yield chunk

        async with aclosing(tar()) as chunks:  # type: ignore[type-var]  # it is a generator
            await store.put(_object(task, name), chunks)
        chunks_of_index = index.chunks(size, archive.hexdigest())
        stored = await store.put(index_name(_object(task, name)), chunks_of_index)
        await _insert(pool, task, name, stored.sha256, size, index.files, "")


async def _members(tree: Mapping[str, bytes | str]) -> AsyncIterator[Member]:
    for path, content in tree.items():
        if isinstance(content, str):
            yield Member(path, "symlink", 0o777, target=content)
        else:
            yield file_member(path, len(content), of_bytes(content))


def _object(task: Task, name: str) -> str:
    return f"{task.job_id}/{task.id}/{task.attempt}.1/{name}"


async def _insert(
    pool: Pool, task: Task, name: str, sha256: str, size: int, files: int | None, file_name: str
) -> None:
    row = (task.job_id, task.id, task.attempt, name, _object(task, name), file_name or name)
    async with acquired(pool) as connection:
        await connection.execute(INSERT, *row, size, sha256, files)
