"""Arvados' API on a whole Conveyor: scripts of a git repository, from creation to their end."""

import asyncio
import json
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import arvados.errors
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import RawTestServer
from dulwich import porcelain
from yarl import URL

from services.coordinator.settings import ArvadosSettings
from services.worker.runtimes.settings import RuntimeSettings
from tests.support.bytenite import database_of
from tests.support.engines.images import BUSYBOX
from tests.support.http.authenticated_api import OPERATOR, OPERATORS_KEY, PROTECTED
from tests.support.services.certificates import Authority
from tests.support.services.dev import running_dev

pytestmark = pytest.mark.real

SCRIPT = """#!/bin/sh
echo "greets $JOB_PARAMETER_INPUT"
printf "%s of %s" "$JOB_PARAMETER_INPUT" "$JOB_UUID" > "$TORK_OUTPUT"
"""


SPLIT = """#!{python}
import os
import arvados

who = {{"host": os.environ["JOB_PARAMETER_HOST"], "token": os.environ["TORK_TASK_TOKEN"]}}
api = arvados.api("v1", **who, insecure=True, cache=False)
me = api.job_tasks().get(uuid=os.environ["TASK_UUID"]).execute()
if me["sequence"] == 0:
    for part in ("a", "b"):
        body = {{
            "job_uuid": api.jobs().get(uuid=os.environ["JOB_UUID"]).execute()["uuid"],
            "created_by_job_task_uuid": me["uuid"],
            "sequence": 1,
            "parameters": {{"input": part}},
        }}
        api.job_tasks().create(body={{"job_task": body}}).execute()
    for wrong in ({{"job_uuid": "x"}}, {{"created_by_job_task_uuid": "x"}}, {{"sequence": -1}}):
        try:
            api.job_tasks().create(body={{"job_task": wrong}}).execute()
        except arvados.errors.ApiError as refused:
            print(refused.resp.status, *wrong)
    body = {{"success": True}}
else:
    body = {{"success": True, "progress": 1.0, "output": me["parameters"]["input"] + ";"}}
api.job_tasks().update(uuid=me["uuid"], body={{"job_task": body}}).execute()
"""


@dataclass(frozen=True)
class Site:
    """`commit` is the first of the repository `lab/tools`, which has the branch `main` and the tag
    `v1`."""

    port: int
    commit: str


def repository(at: Path) -> str:
    """Its commit."""
    scripts = at / "crunch_scripts"
    scripts.mkdir(parents=True)
    texts = {
        "greet": SCRIPT,
        "wait": "#!/bin/sh\nsleep 600\n",
        "split": SPLIT.format(python=sys.executable),
    }
    for name, text in texts.items():
        (scripts / name).write_text(text)
        (scripts / name).chmod(0o755)
    (scripts / "hello").symlink_to("greet")
    with porcelain.init(str(at)) as repo:
        porcelain.add(repo, [str(scripts / name) for name in (*texts, "hello")])
        who = b"t <t@example.com>"
        commit = porcelain.commit(repo, b"first", author=who, committer=who)
        porcelain.branch_create(repo, b"main")
        porcelain.tag_create(repo, b"v1")
    return commit.decode()


@pytest.fixture
async def site(docker_host: str, tmp_path: Path) -> AsyncIterator[Site]:
    commit = repository(tmp_path / "repositories" / "lab" / "tools")
    settings = ArvadosSettings(repositories=str(tmp_path / "repositories"))
    runtime = RuntimeSettings(type="auto", docker_host=docker_host, shell_allowed=True)
    async with running_dev(tmp_path / "dev", runtime, arvados=settings, auth=PROTECTED) as url:
        yield Site(URL(url).port or 0, commit)


@pytest.fixture
async def session(site: Site) -> AsyncIterator[ClientSession]:
    """Below /arvados/v1/."""
    url = f"http://127.0.0.1:{site.port}/arvados/v1/"
    async with ClientSession(url, headers=OPERATOR) as session:
        yield session


async def call(
    session: ClientSession, method: str, path: str, status: int = 200, **sent: Any
) -> Any:
    async with session.request(method, path, **sent) as response:
        body = await response.json()
        assert response.status == status, body
        return body


async def as_one_task(tmp_path: Path, job_id: str) -> None:
    """The job is as one that was made before scripts could make tasks."""
    async with database_of(tmp_path / "dev") as connection:
        alone = "UPDATE tasks SET parent_id = NULL, child_index = NULL WHERE job_id = $1"
        await connection.execute(f"{alone} AND kind = 'task'", job_id)
        await connection.execute("DELETE FROM tasks WHERE job_id = $1 AND kind <> 'task'", job_id)


async def refused_or_answered_by_range(
    session: ClientSession, at: Path, job: dict[str, Any], uuid: str
) -> None:
    """The branch moves on; `uuid` ran at its first commit, the tag `v1`."""
    changed(at)
    filters = [["repository", "=", job["repository"]], ["script", "=", job["script"]]]
    for asked in (
        {"minimum_script_version": "v1"},
        {"filters": [*filters, ["script_version", "in git", "v1"]]},
    ):
        again = await call(session, "POST", "jobs", json={"job": {**job}, **asked})
        assert again["uuid"] == uuid
    await call(session, "POST", "jobs", 422, json={**job, "minimum_script_version": "v9"})
    without = {"minimum_script_version": "v1", "exclude_script_versions": ["v1"]}
    newer = await call(session, "POST", "jobs", json={"job": job, **without})
    assert newer["uuid"] != uuid
    assert newer["script_version"] != newer["supplied_script_version"] == "main"
    assert (await call(session, "POST", "jobs", json=job))["uuid"] == newer["uuid"]
    job["script_version"] = "v1"


def changed(at: Path) -> None:
    """Another commit of `main`."""
    (at / "crunch_scripts" / "greet").write_text(SCRIPT + "# changed\n")
    with porcelain.open_repo_closing(str(at)) as repo:
        porcelain.add(repo, [str(at / "crunch_scripts" / "greet")])
        who = b"t <t@example.com>"
        porcelain.commit(repo, b"second", author=who, committer=who)
        porcelain.branch_create(repo, b"main", force=True)


async def test_a_script_runs_at_the_commit_that_its_branch_was_when_it_was_submitted(
    session: ClientSession, site: Site, tmp_path: Path
) -> None:
    commit = site.commit
    job = {
        "script": "hello",
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
    tasks = await call(session, "GET", "job_tasks", params={"where[job_uuid]": uuid})
    [task] = tasks["items"]
    assert (tasks["kind"], tasks["items_available"]) == ("arvados#jobTaskList", 1)
    assert (task["sequence"], task["qsequence"], task["parameters"]) == (0, 0, {})
    assert (task["output"], task["progress"], task["success"]) == (shown["output"], 1, True)
    for name in (task["uuid"], f"{job_id}-0"):  # the second one is the TASK_UUID of its script
        assert await call(session, "GET", f"job_tasks/{name}") == task
    await call(session, "GET", f"job_tasks/{job_id}-1", 404)
    async with session.get(f"jobs/{uuid}/log_tail_follow") as followed:
        # The first line is its worker's
        assert (await followed.text()).splitlines()[1:] == ["greets hello"]
    [node] = (await call(session, "GET", "nodes"))["items"]
    assert (node["uuid"], node["crunch_worker_state"]) == (task["node_uuid"], "idle")
    assert await call(session, "GET", f"nodes/{node['uuid']}", params={"select": '["uuid"]'}) == {
        "uuid": node["uuid"]
    }
    await call(session, "GET", "nodes/none", 404)
    # The same commit, named otherwise, is the same work
    for version in ("v1", commit[:8]):
        again = await call(session, "POST", "jobs", json={**job, "script_version": version})
        assert (again["uuid"], again["script_version"]) == (uuid, commit)
    await refused_or_answered_by_range(session, tmp_path / "repositories/lab/tools", job, uuid)
    other = await call(session, "POST", "jobs", json={**job, "allow_duplicate": True})
    assert other["uuid"] != uuid
    once = {**job, "allow_duplicate": True, "submit_id": "mine"}
    first = await call(session, "POST", "jobs", json=once)
    assert first["uuid"] not in (uuid, other["uuid"])
    assert (await call(session, "POST", "jobs", json=once))["uuid"] == first["uuid"]
    await call(session, "POST", "jobs", 422, json={**once, "priority": 1})
    for wrong in (
        {"script_version": "nothing"},
        {"script": "other"},
        {"repository": "other"},
        {"repository": "a" * 256},
    ):
        refused = await call(session, "POST", "jobs", 422, json={"job": job | wrong})
        assert next(iter(wrong)) in refused["errors"][0]
        assert refused["error_token"]
    both = {"job": job, "allow_duplicate": True, "find_or_create": True}
    await call(session, "POST", "jobs", 422, json=both)
    await as_one_task(tmp_path, job_id)
    for name in (task["uuid"], f"{job_id}-0"):
        assert await call(session, "GET", f"job_tasks/{name}") == task
    await call(session, "GET", f"job_tasks/{job_id}-1", 404)


async def test_jobs_are_locked_changed_cancelled_listed_and_deleted(
    session: ClientSession, site: Site
) -> None:
    commit = site.commit
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
    urgent = {"job": {"priority": 700}}  # of a job that a worker has, too
    assert (await call(session, "PUT", f"jobs/{uuid}", json=urgent))["priority"] == 700
    bodies = [{"job": one} for one in ({"priority": 600}, {"description": "new"}) * 4]
    await asyncio.gather(*(call(session, "PUT", f"jobs/{uuid}", json=body) for body in bodies))
    await call(session, "PUT", f"jobs/{uuid}", 422, json={"job": {"state": "Complete"}})
    while not (shown := await call(session, "GET", f"jobs/{uuid}"))["running"]:
        await asyncio.sleep(0.05)
    assert (shown["priority"], shown["description"]) == (600, "new")  # each changed what it named
    [node] = (await call(session, "GET", "nodes"))["items"]
    assert shown["node_uuids"] == [node["uuid"]]
    assert shown["tasks_summary"] == {"todo": 0, "running": 1, "done": 0, "failed": 0}
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
    await call(session, "PUT", f"jobs/{uuid}", 422, json=changed)
    assert (await call(session, "DELETE", f"jobs/{uuid}"))["uuid"] == uuid
    await call(session, "GET", f"jobs/{uuid}", 404)


async def test_the_client_of_arvados_runs_lists_and_cancels_jobs_and_containers_over_tls(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    monkeypatch.setenv("HOME", str(tmp_path))  # it keeps the discovery document there
    async with tls_door(site.port, authority.context_for("127.0.0.1")) as port:
        job_id = await asyncio.to_thread(use_as_its_users_do, f"127.0.0.1:{port}", site.commit)
    async with ClientSession(f"http://127.0.0.1:{site.port}", headers=OPERATOR) as session:
        [task] = (await call(session, "GET", f"/jobs/{job_id}"))["execution"]
    assert task["priority"] == 9  # that of its request, once it had one


@asynccontextmanager
async def tls_door(target: int, tls: ssl.SSLContext) -> AsyncIterator[int]:
    """The port of a reverse proxy, as docs/operation.md has one."""

    async def forward(request: web.BaseRequest) -> web.Response:
        url = URL(f"http://127.0.0.1:{target}{request.raw_path}", encoded=True)
        headers = {**request.headers, "X-Forwarded-Proto": "https"}
        body = await request.read()
        async with (
            ClientSession() as session,
            session.request(request.method, url, headers=headers, data=body) as answer,
        ):
            kind = {"Content-Type": answer.headers["Content-Type"]}
            return web.Response(status=answer.status, body=await answer.read(), headers=kind)

    server = RawTestServer(forward, scheme="https")
    await server.start_server(ssl=tls)
    try:
        yield server.port or 0
    finally:
        await server.close()


def use_as_its_users_do(host: str, commit: str) -> str:
    api = arvados.api("v1", host=host, token=OPERATORS_KEY, cache=False)
    with closing(api.localapi()):  # the connections of this thread
        common = {"script_version": "main", "repository": "lab/tools", "script_parameters": {}}
        made = api.jobs().create(body={"job": {**common, "script": "greet"}}).execute()
        assert (made["script_version"], made["state"] in ("Queued", "Running", "Complete")) == (
            commit,
            True,
        )
        while (shown := api.jobs().get(uuid=made["uuid"]).execute())["finished_at"] is None:
            time.sleep(0.05)
        assert shown["success"] is True
        tasks = api.job_tasks().list(filters=[["job_uuid", "=", made["uuid"]]]).execute()["items"]
        one = api.job_tasks().get(uuid=tasks[0]["uuid"], select=["success"]).execute()
        assert one == {"success": True}
        split = {**common, "script": "split", "script_parameters": {"host": host}}
        # So its tasks are placed, which makes no difference for what follows
        split["runtime_constraints"] = {"max_nodes": 1, "min_ram_mb_per_node": 1}
        parts = api.jobs().create(body={"job": split}).execute()["uuid"]
        made_of_parts(api, parts)
        waits = api.jobs().create(body={"job": {**common, "script": "wait"}}).execute()
        me = api.users().current().execute()["uuid"]
        assert api.jobs().lock(uuid=waits["uuid"]).execute()["is_locked_by_uuid"] == me
        with pytest.raises(arvados.errors.ApiError) as refused:
            api.jobs().lock(uuid=waits["uuid"]).execute()
        assert refused.value.resp.status == 422
        listed = (
            api.jobs().list(filters=[["state", "=", "Complete"]], order=["created_at"]).execute()
        )
        assert [one["uuid"] for one in listed["items"]] == [made["uuid"], parts]
        assert api.jobs().cancel(uuid=waits["uuid"]).execute()["state"] == "Cancelled"
        return use_containers(api)


def made_of_parts(api: Any, uuid: str) -> None:
    """A script that makes tasks with its token, as its users have written them."""
    while (shown := api.jobs().get(uuid=uuid).execute())["finished_at"] is None:
        time.sleep(0.05)
    assert (shown["state"], shown["output"]) == ("Complete", "a;b;")
    assert shown["tasks_summary"] == {"todo": 0, "running": 0, "done": 3, "failed": 0}
    tasks = api.job_tasks().list(filters=[["job_uuid", "=", uuid]]).execute()["items"]
    first, *parts = tasks
    assert (first["created_by_job_task_uuid"], first["output"]) == (None, None)
    assert [task["created_by_job_task_uuid"] for task in parts] == [first["uuid"]] * 2
    assert [(t["sequence"], t["qsequence"], t["parameters"]) for t in parts] == [
        (1, 1, {"input": "a"}),
        (1, 2, {"input": "b"}),
    ]
    assert {task["success"] for task in tasks} == {True}
    with pytest.raises(arvados.errors.ApiError, match="only a task that runs"):
        api.job_tasks().update(uuid=first["uuid"], body={"job_task": {"output": "x"}}).execute()
    with pytest.raises(arvados.errors.ApiError, match="deleted with its job"):
        api.job_tasks().delete(uuid=first["uuid"]).execute()


def use_containers(api: Any) -> str:
    """The job that is the container of the first request."""
    requests = api.container_requests()
    command = "cat /in/a /in/b > /out/all; exit 3"
    asked: dict[str, Any] = {
        "name": "first",
        "container_image": BUSYBOX,
        "command": ["sh", "-c", command],
        "mounts": {"/in/a": {"kind": "text", "content": "hush"}, "/out": {"kind": "tmp"}},
        "secret_mounts": {"/in/b": {"kind": "json", "content": "secret"}},
        "output_path": "/out",
        "runtime_constraints": {"vcpus": 1, "ram": 1 << 26},
    }
    # A draft lacks what it needs to be committed
    draft = requests.create(body={"container_request": asked}).execute()
    uuid = draft["uuid"]
    assert (draft["state"], draft["container_uuid"], "secret_mounts" in draft) == (
        "Uncommitted",
        None,
        False,
    )
    with pytest.raises(arvados.errors.ApiError, match="priority"):
        requests.update(uuid=uuid, body={"container_request": {"state": "Committed"}}).execute()
    # With priority 0 it waits; a second request for the same work is one more for its container
    wanted = {"state": "Committed", "priority": 0}
    held = requests.update(uuid=uuid, body={"container_request": wanted}).execute()
    assert (held["state"], held["container_uuid"][:12]) == ("Committed", "cnvyr-dz642-")
    status = requests.container_status(uuid=uuid).execute()
    assert (status["container_state"], status["uuid"]) == ("Queued", held["container_uuid"])
    ran = requests.update(uuid=uuid, body={"container_request": {"priority": 900}}).execute()
    while ran["state"] != "Final":
        time.sleep(0.05)
        ran = requests.get(uuid=uuid).execute()
    container = api.containers().get(uuid=ran["container_uuid"]).execute()
    assert (container["state"], container["exit_code"]) == ("Complete", 3)
    assert container["output"] == ran["output_uuid"] is not None
    listed = requests.list(filters=[["container_uuid", "=", container["uuid"]]]).execute()
    assert [one["uuid"] for one in listed["items"]] == [uuid]
    # What the first one has kept is what the second one reads; two requests share it
    waits = {**asked, "command": ["sh", "-c", "cat /in/a/greeting; echo > /out/x; sleep 600"]}
    ok = {**asked, "command": ["sh", "-c", "cat /in/* > /out/greeting"], **wanted, "priority": 9}
    done = requests.create(body={"container_request": ok}).execute()
    while done["state"] != "Final":
        time.sleep(0.05)
        done = requests.get(uuid=done["uuid"]).execute()
    kept = {"kind": "collection", "portable_data_hash": done["output_uuid"]}
    waits["mounts"] = {"/in/a": kept, "/out": {"kind": "tmp"}}
    waits |= {"state": "Committed", "priority": 2, "secret_mounts": {}}
    both = [requests.create(body={"container_request": waits}).execute() for _ in range(2)]
    assert both[0]["container_uuid"] == both[1]["container_uuid"]
    assert both[0]["uuid"] != both[1]["uuid"]
    first, second = (one["uuid"] for one in both)
    stop, again = ({"container_request": {"priority": priority}} for priority in (0, 1))
    assert requests.update(uuid=first, body=stop).execute()["state"] == "Committed"
    with pytest.raises(arvados.errors.ApiError, match="taken back"):
        requests.update(uuid=first, body=again).execute()
    assert requests.update(uuid=second, body=stop).execute()["state"] == "Final"
    [stopped] = api.containers().list(filters=[["state", "=", "Cancelled"]]).execute()["items"]
    assert (stopped["uuid"], stopped["exit_code"]) == (both[0]["container_uuid"], None)
    assert requests.delete(uuid=uuid).execute()["uuid"] == uuid
    with pytest.raises(arvados.errors.ApiError, match="no such"):
        requests.get(uuid=uuid).execute()
    return str(ran["output_uuid"]).partition("/")[0]
