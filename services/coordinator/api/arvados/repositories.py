"""The git repositories that scripts of Arvados' jobs are in: those of a directory of the operator.

No address that a client names is ever fetched. What a job runs is kept when it is submitted: an
upload with the files of its commit, so that nothing that is pushed later changes it.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.files.lookup import opened_store
from services.coordinator.api.requests import ports
from services.coordinator.store import uploads
from services.coordinator.store.uploads import NewUpload
from shared.files.names import upload_object
from shared.jobspec.arvados.models import Job
from shared.jobspec.problems import InvalidJob, Problem

REPOSITORIES = web.AppKey("repositories", str)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SECONDS = 60.0
_PIECE = 256 * 1024
_SCRIPTS = "crunch_scripts"


class Repository:
    """A bare repository, or the `.git` of one that is not. `script_version` must be known to name
    nothing but a commit."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def commit_of(self, version: str) -> str | None:
        found = await self._told("rev-parse", "--verify", "--quiet", f"{version}^{{commit}}")
        text = (found or "").strip()
        return text if _COMMIT.fullmatch(text) else None

    async def has_script(self, commit: str, script: str) -> bool:
        return await self._told("cat-file", "-e", f"{commit}:{_SCRIPTS}/{script}") is not None

    async def files(self, commit: str) -> AsyncIterator[bytes]:
        """As a tar."""
        process = await self._git("archive", "--format=tar", commit)
        assert process.stdout is not None  # noqa: S101 - it was asked for
        try:
            while piece := await process.stdout.read(_PIECE):
                yield piece
        finally:
            if process.returncode is None and not process.stdout.at_eof():
                process.kill()
            await process.wait()

    async def _told(self, *arguments: str) -> str | None:
        """None where git says that it is not so."""
        process = await self._git(*arguments)
        async with asyncio.timeout(_SECONDS):
            output, _ = await process.communicate()
        return output.decode(errors="replace") if process.returncode == 0 else None

    async def _git(self, *arguments: str) -> asyncio.subprocess.Process:
        """It belongs to whoever the operator says."""
        return await asyncio.create_subprocess_exec(
            "git",
            *("-c", f"safe.directory={self._path}", f"--git-dir={self._path}"),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )


def _repository(request: web.Request, name: str) -> Repository | None:
    directory = request.app[REPOSITORIES]
    if not directory:
        return None
    at = Path(directory) / name
    for path in (at / ".git", at.with_name(f"{at.name}.git"), at):
        if (path / "HEAD").is_file():
            return Repository(path.resolve())
    return None


async def code_of(request: web.Request, job: Job) -> tuple[str, str]:
    """The commit that the job's version is now, and the id of the upload with its files. Raises
    InvalidJob, Conflict."""
    repository = _repository(request, job.repository)
    if repository is None:
        raise _invalid("repository", "there is no such repository", job.repository)
    commit = await repository.commit_of(job.script_version)
    if commit is None:
        raise _invalid("script_version", "names no commit of the repository", job.script_version)
    if not await repository.has_script(commit, job.script):
        raise _invalid("script", f"is not in {_SCRIPTS} of the commit", job.script)
    return commit, await _kept(request, repository, job.repository, commit)


async def _kept(request: web.Request, repository: Repository, name: str, commit: str) -> str:
    """Once for each commit and creator."""
    store, creator = opened_store(request), principal(request).creator
    key = f"arvados\0{creator or ''}\0{name}\0{commit}"
    upload_id = hashlib.sha256(key.encode()).hexdigest()[:32]
    if await ports(request).run(uploads.one, upload_id, creator) is None:
        stored = await store.put(upload_object(uuid4().hex), repository.files(commit))
        new = NewUpload(
            upload_id, f"{commit[:12]}.tar", stored.name, stored.size, stored.sha256, creator
        )
        await ports(request).run(uploads.add, new)
    return upload_id


def _invalid(field: str, rule: str, value: str) -> InvalidJob:
    return InvalidJob([Problem(field, rule, repr(value), place=(field,))])
