"""Arvados' API on a whole Conveyor: scripts of a git repository, from creation to their end."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from services.coordinator.settings import ArvadosSettings
from tests.support.services.dev import running_dev

pytestmark = pytest.mark.real

SCRIPT = """#!/bin/sh
printf "%s of %s" "$JOB_PARAMETER_INPUT" "$JOB_UUID" > "$TORK_OUTPUT"
"""


def git(*arguments: str, at: Path) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    made = subprocess.run(
        ["git", *identity, *arguments], cwd=at, check=True, capture_output=True, text=True
    )
    return made.stdout.strip()


def repository(at: Path) -> str:
    """Its first commit, which has the branch `main` and the tag `v1`."""
    scripts = at / "crunch_scripts"
    scripts.mkdir(parents=True)
    git("init", "-q", "-b", "main", at=at)
    for name, text in (("greet", SCRIPT), ("wait", "#!/bin/sh\nsleep 600\n")):
        (scripts / name).write_text(text)
        (scripts / name).chmod(0o755)
    git("add", ".", at=at)
    git("commit", "-q", "-m", "first", at=at)
    git("tag", "v1", at=at)
    return git("rev-parse", "HEAD", at=at)


@pytest.fixture
async def arvados(tmp_path: Path) -> AsyncIterator[tuple[ClientSession, str]]:
    """A session below /arvados/v1/, and the commit of the repository `lab/tools`."""
    commit = repository(tmp_path / "repositories" / "lab" / "tools")
    settings = ArvadosSettings(repositories=str(tmp_path / "repositories"))
    async with (
        running_dev(tmp_path / "dev", arvados=settings) as url,
        ClientSession(f"{url}/arvados/v1/") as session,
    ):
        yield session, commit


async def call(
    session: ClientSession, method: str, path: str, status: int = 200, **sent: Any
) -> Any:
    async with session.request(method, path, **sent) as response:
        body = await response.json()
        assert response.status == status, body
        return body


async def test_a_script_runs_at_the_commit_that_its_branch_was_when_it_was_submitted(
    arvados: tuple[ClientSession, str], tmp_path: Path
) -> None:
    session, commit = arvados
    job = {
        "script": "greet",
        "script_version": "main",
        "repository": "lab/tools",
        "script_parameters": {"input": "hello"},
        "priority": 500,
    }
    made = await call(session, "POST", "jobs", data={"job": json.dumps(job)})
    uuid = made["uuid"]
    assert (made["script_version"], made["supplied_script_version"]) == (commit, "main")
    assert (made["kind"], made["cancelled_at"]) == ("arvados#job", None)
    while (shown := await call(session, "GET", f"jobs/{uuid}"))["finished_at"] is None:
        assert shown["success"] is None
        await asyncio.sleep(0.05)
    assert (shown["state"], shown["success"], shown["running"]) == ("Complete", True, False)
    words, _, job_id = shown["output"].partition(" of ")
    assert (words, (await call(session, "GET", f"jobs/{job_id}"))["uuid"]) == ("hello", uuid)
    assert shown["started_at"] <= shown["finished_at"]
    # The same commit, named otherwise, is the same work
    for version in ("v1", commit[:8]):
        again = await call(session, "POST", "jobs", json={**job, "script_version": version})
        assert (again["uuid"], again["script_version"]) == (uuid, commit)
    other = await call(session, "POST", "jobs", json={**job, "allow_duplicate": True})
    assert other["uuid"] != uuid
    for wrong in ({"script_version": "nothing"}, {"script": "other"}, {"repository": "other"}):
        refused = await call(session, "POST", "jobs", 422, json={"job": job | wrong})
        assert next(iter(wrong)) in refused["errors"][0]
        assert refused["error_token"]
    both = {"job": job, "allow_duplicate": True, "find_or_create": True}
    await call(session, "POST", "jobs", 422, json=both)


async def test_jobs_are_locked_changed_cancelled_listed_and_deleted(
    arvados: tuple[ClientSession, str],
) -> None:
    session, commit = arvados
    job = {
        "script": "wait",
        "script_version": commit,
        "repository": "lab/tools",
        "script_parameters": {},
    }
    uuid = (await call(session, "POST", "jobs", json={"job": job}))["uuid"]
    user = await call(session, "GET", "users/current")
    locked = await call(session, "POST", f"jobs/{uuid}/lock")
    assert locked["is_locked_by_uuid"] == user["uuid"] == locked["owner_uuid"]
    await call(session, "POST", f"jobs/{uuid}/lock", 422)
    changed = {"job": {"description": "other"}}
    assert (await call(session, "PUT", f"jobs/{uuid}", json=changed))["description"] == "other"
    listed = await call(session, "GET", "jobs", params={"where[owner_uuid]": user["uuid"]})
    assert (listed["kind"], [one["uuid"] for one in listed["items"]]) == ("arvados#jobList", [uuid])
    asked = {"_method": "GET", "filters": json.dumps([["uuid", "=", uuid]])}
    assert (await call(session, "POST", "jobs", data=asked))["items_available"] == 1
    # A locked job is in no queue
    assert (await call(session, "POST", "jobs/queue", data={"_method": "GET"}))["items"] == []
    assert isinstance((await call(session, "GET", "jobs/queue_size"))["queue_size"], int)
    for _ in range(2):
        cancelled = await call(session, "POST", f"jobs/{uuid}/cancel", json={"cascade": True})
    assert (cancelled["state"], cancelled["success"]) == ("Cancelled", False)
    assert (cancelled["finished_at"], cancelled["cancelled_at"] is None) == (None, False)
    assert cancelled["cancelled_by_user_uuid"] == user["uuid"]
    assert (await call(session, "DELETE", f"jobs/{uuid}"))["uuid"] == uuid
    await call(session, "GET", f"jobs/{uuid}", 404)
