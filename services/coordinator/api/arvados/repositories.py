"""The git repositories that scripts of Arvados' jobs are in: those of a directory of the operator.

No address that a client names is ever fetched. What a job runs is kept when it is submitted: an
upload with the files of its commit, so that nothing that is pushed later changes it.
"""

import asyncio
import hashlib
import stat
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from aiohttp import web
from dulwich.errors import NotTreeError
from dulwich.graph import can_fast_forward
from dulwich.object_store import iter_tree_contents
from dulwich.objects import S_ISGITLINK, ObjectID, SubmoduleEncountered, Tree
from dulwich.objectspec import parse_commit
from dulwich.repo import Repo

from services.coordinator.api.access.principal import principal
from services.coordinator.api.arvados.ranges import CommitRange
from services.coordinator.api.files.lookup import opened_store
from services.coordinator.api.requests import ports
from services.coordinator.store import uploads
from services.coordinator.store.uploads import NewUpload
from shared.files.archives import Member, file_member, write_tar
from shared.files.names import upload_object
from shared.files.streams import of_bytes
from shared.jobspec.arvados.models import Job
from shared.jobspec.problems import InvalidJob, Problem

REPOSITORIES = web.AppKey("repositories", str)
_SCRIPTS = "crunch_scripts"
_MOST_COMMITS = 10_000


class Repository:
    """A bare repository, or the `.git` of one that is not. What is read is read on a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def commit_of(self, version: str) -> str | None:
        """Of a branch, a tag, or a hash that is long enough to be the only one."""
        return await asyncio.to_thread(self._commit_of, version)

    def _commit_of(self, version: str) -> str | None:
        with Repo(str(self._path)) as repo:
            try:
                return parse_commit(repo, version).id.decode()
            except (KeyError, ValueError):  # there is none, or several, or it is no commit
                return None

    async def commits_since(self, minimum: str, commit: str) -> set[str]:
        """Those from `minimum` to `commit`, both included; none if the one is no ancestor of the
        other. At most the last 10,000."""
        return await asyncio.to_thread(self._commits_since, minimum, commit)

    def _commits_since(self, minimum: str, commit: str) -> set[str]:
        first, last = ObjectID(minimum.encode()), ObjectID(commit.encode())
        with Repo(str(self._path)) as repo:
            if not can_fast_forward(repo, first, last):
                return set()
            entries = repo.get_walker([last], exclude=[first], max_entries=_MOST_COMMITS)
            return {minimum, *(entry.commit.id.decode() for entry in entries)}

    async def has_script(self, commit: str, script: str) -> bool:
        return await asyncio.to_thread(self._has_script, commit, script)

    def _has_script(self, commit: str, script: str) -> bool:
        with Repo(str(self._path)) as repo:
            path = f"{_SCRIPTS}/{script}".encode()
            try:
                self._tree(repo, commit).lookup_path(repo.object_store.__getitem__, path)
            except (KeyError, NotTreeError, SubmoduleEncountered):
                return False
        return True

    @staticmethod
    def _tree(repo: Repo, commit: str) -> Tree:
        tree = repo.object_store[parse_commit(repo, commit).tree]
        assert isinstance(tree, Tree)  # noqa: S101 - what else
        return tree

    async def files(self, commit: str) -> AsyncIterator[Member]:
        """Submodules are left out: they are other repositories."""
        repo = await asyncio.to_thread(Repo, str(self._path))
        with repo:
            tree = await asyncio.to_thread(self._tree, repo, commit)
            entries = iter_tree_contents(repo.object_store, tree.id)
            while entry := await asyncio.to_thread(next, entries, None):
                if not S_ISGITLINK(entry.mode):
                    content = await asyncio.to_thread(repo.object_store.__getitem__, entry.sha)
                    yield _member(entry.path, entry.mode, content.as_raw_string())


def _member(path: bytes, mode: int, content: bytes) -> Member:
    """Workers check it again when they unpack it."""
    name = path.decode(errors="replace")
    if stat.S_ISLNK(mode):
        return Member(name, "symlink", 0o777, target=content.decode(errors="replace"))
    rights = 0o755 if mode & stat.S_IXUSR else 0o644
    return file_member(name, len(content), of_bytes(content), rights)


def _repository(request: web.Request, name: str) -> Repository | None:
    directory = request.app[REPOSITORIES]
    if not directory:
        return None
    at = Path(directory) / name
    for path in (at / ".git", at.with_name(f"{at.name}.git"), at):
        # No file has a name that is too long, which is_file() raises for.
        with suppress(OSError):
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
        files = write_tar(repository.files(commit))
        stored = await store.put(upload_object(uuid4().hex), files)
        new = NewUpload(
            upload_id, f"{commit[:12]}.tar", stored.name, stored.size, stored.sha256, creator
        )
        await ports(request).run(uploads.add, new)
    return upload_id


async def commits_in(
    request: web.Request, job: Job, commit: str, asked: CommitRange
) -> Collection[str]:
    """Those with which a job that does the same as `job` may answer it. Raises InvalidJob for a
    name that is of no commit."""
    repository = _repository(request, job.repository)
    assert repository is not None  # noqa: S101 - the job's code was just read there

    async def commit_of(version: str) -> str:
        found = await repository.commit_of(version)
        if found is None:
            rule = "must name a commit of the repository, in a range of commits too"
            raise _invalid("script_version", rule, version)
        return found

    sets = [await repository.commits_since(await commit_of(one), commit) for one in asked.since]
    if asked.only is not None:
        sets.append({await commit_of(version) for version in asked.only})
    found = set.intersection(*sets) if sets else {commit}
    return found - {await commit_of(version) for version in asked.excluded}


def _invalid(field: str, rule: str, value: str) -> InvalidJob:
    return InvalidJob([Problem(field, rule, repr(value), place=(field,))])
