"""Where the results of a job are, by Bacalhau's API."""

import io
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from shared.files.directory.store import DirectoryStore
from shared.files.links import Links
from tests.support.bacalhau_clients.calls import blocking, orchestrator
from tests.support.bacalhau_clients.jobs import JOBS, add_execution, batch_job, put
from tests.support.files.kept import keep_directory, keep_file
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import PROTECTED, add_key

pytestmark = pytest.mark.real


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path, Links("http://store/objects", (b"k" * 32,)))


@pytest.fixture
async def api(postgres_dsn: str, store: DirectoryStore) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn, files=store, links=store._links) as running:
        yield running


async def test_each_completed_execution_has_links_to_what_it_kept(
    api: Api, store: DirectoryStore
) -> None:
    job_id = await put(api, batch_job("x", Count=3))
    for index in (0, 1):
        task = await add_execution(api, job_id, "COMPLETED", index)
        await keep_file(api.pool, store, task, "out", f"of {index}".encode())
    await keep_directory(api.pool, store, task, "tree", {"a": b"a"})
    failed = await add_execution(api, job_id, "FAILED", 2)
    await keep_file(api.pool, store, failed, "out", b"broken")
    items = (await api.get(f"{JOBS}/x/results"))["Items"]
    told = [(i["Type"], i["Params"]["Name"], i["Params"]["PartitionIndex"]) for i in items]
    assert told == [
        ("urlDownload", "out", 0), ("urlDownload", "out", 1), ("urlDownload", "tree", 1),
    ]  # fmt: skip
    assert [item["Params"]["IsDirectory"] for item in items] == [False, False, True]
    assert await _unpacked(api, items[0]) == {"out": b"of 0"}
    assert await _unpacked(api, items[2]) == {"a": b"a"}
    found = await blocking(orchestrator(api.client.make_url("")).orchestratorjob_results, job_id)
    assert [item.type for item in found.items] == ["urlDownload"] * 3


async def _unpacked(api: Api, item: dict[str, Any]) -> dict[str, bytes]:
    """As Bacalhau's command does it, which goes by the end of the URL's path and brings no
    credentials."""
    url = URL(item["Params"]["URL"])
    assert url.path.endswith(".tar.gz")
    async with api.client.get(url.relative(), headers={"Authorization": ""}) as response:
        content = await response.read()
        assert response.status == 200, content
        assert "Content-Encoding" not in response.headers
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        files = [(file.name, archive.extractfile(file)) for file in archive if file.isfile()]
        return {name: opened.read() for name, opened in files if opened}


async def test_links_to_results_open_only_what_they_are_for(
    postgres_dsn: str, store: DirectoryStore
) -> None:
    async with api_on(postgres_dsn, files=store, auth=PROTECTED) as api:
        key = await add_key(api, "read", "submit")
        job_id = await put(api, batch_job("x"), headers=key)
        task = await add_execution(api, job_id, "COMPLETED")
        await keep_directory(api.pool, store, task, "one", {"a": b"1"})
        await keep_directory(api.pool, store, task, "two", {"a": b"2"})
        one, two = (await api.get(f"{JOBS}/x/results", headers=key))["Items"]
        assert await _unpacked(api, one) == {"a": b"1"}
        url, other = URL(one["Params"]["URL"]).relative(), URL(two["Params"]["URL"]).relative()
        told = {"execution": task.id, "results": "one", "ends": 9_999_999_999}
        plain = f"plain:{json.dumps(told)}"
        refused = {"": 404, "x": 403, other.query["token"]: 403, plain: 400}
        for token, expected in refused.items():
            status, _ = await api.answer("GET", str(url.with_query(token=token)))
            assert status == expected, token


@pytest.mark.parametrize(
    ("published", "kind", "params"),
    [
        ("s3://bucket/some/key", "s3PreSigned", {"Bucket": "bucket", "Key": "some/key"}),
        ("ipfs://bafy", "ipfs", {"CID": "bafy"}),
    ],
)
async def test_what_was_published_is_named_where_it_is(
    api: Api, store: DirectoryStore, published: str, kind: str, params: dict[str, str]
) -> None:
    job_id = await put(api, batch_job("x"))
    task = await add_execution(api, job_id, "COMPLETED")
    await keep_file(api.pool, store, task, "out", b"x")
    async with api.pool.acquire() as connection:
        await connection.execute("UPDATE artifacts SET published = ARRAY[$1]", published)
    [item] = (await api.get(f"{JOBS}/x/results"))["Items"]
    assert item["Type"] == kind
    assert item["Params"].items() >= params.items()


async def test_what_is_kept_running_has_no_results(api: Api) -> None:
    await put(api, batch_job("x"))
    assert (await api.get(f"{JOBS}/x/results"))["Items"] == []
    await put(api, batch_job("s", Type="service"))
    status, answer = await api.answer("GET", f"{JOBS}/s/results")
    assert (status, answer["Message"]) == (400, "a service job has no results: it is kept running")
