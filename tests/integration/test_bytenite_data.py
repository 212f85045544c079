"""Data of ByteNite's jobs: files that are sent to links, keys that are in no document, and
data sources that are tried before a job needs them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request, unused_port

from services.coordinator.api.access.principal import UNRESTRICTED, remember
from services.coordinator.api.bytenite.data_sources import with_keys_stored
from services.coordinator.api.bytenite.links import sent_upload, upload_link
from services.coordinator.api.errors import Conflict
from shared.files.directory.store import DirectoryStore
from shared.files.settings import FilesSettings
from tests.support.files.s3_server import ACCESS_KEY, SECRET_KEY, S3Server, signed_s3_server
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import OPERATOR, PROTECTED, add_user, hash_cheaply

pytestmark = pytest.mark.real

__all__ = ["hash_cheaply"]

APP = {"name": "upper", "version": "1.0", "platform": "shell", "entrypoint": ["true"]}


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
async def api(postgres_dsn: str, store: DirectoryStore) -> AsyncIterator[Api]:
    local = FilesSettings(allowed_networks="127.0.0.0/8")
    async with api_on(postgres_dsn, files=store, files_settings=local) as running:
        yield running


@pytest.fixture(scope="module")
def signed_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with signed_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


def asking(api: Api) -> web.Request:
    request = make_mocked_request("GET", "/", {"Host": "conveyor.test"}, app=api.client.app)
    remember(request, UNRESTRICTED, _again)
    return request


async def _again() -> Any:
    return UNRESTRICTED


def path_of(link: str) -> str:
    parts = urlsplit(link)
    assert parts.netloc == "conveyor.test"
    return f"{parts.path}?{parts.query}"


async def test_a_file_is_sent_to_its_link_without_a_login_until_the_link_ends(api: Api) -> None:
    link, _ = await upload_link(asking(api), "u1", "my film.mp4", None)
    with pytest.raises(Conflict, match="the file was not sent"):
        await sent_upload(asking(api), "u1", None)

    for _ in range(2):  # a client may repeat it
        status, _ = await api.answer("PUT", path_of(link), data=b"frames")
        assert status == 200
    await sent_upload(asking(api), "u1", None)
    assert (await api.get("/uploads/u1"))["name"] == "my film.mp4"

    status, said = await api.answer("PUT", path_of(link), data=b"others")
    assert (status, said["message"]) == (409, "another file was sent to this link before")
    for other in (path_of(link).replace("u1", "u2"), path_of(link).partition("?")[0]):
        assert (await api.answer("PUT", other, data=b"x"))[0] == 403


async def test_keys_that_stand_in_a_document_become_a_stored_secret(api: Api) -> None:
    source = {
        "dataSourceDescriptor": "gcp",
        "params": {"bucketName": "bkt", "name": "a", "accessKey": "AK", "secretKey": "hidden"},
    }
    url = {"dataSourceDescriptor": "url", "params": {"url": "http://x.test", "password": "hidden"}}
    for given, kind in ((source, "gcp"), (url, "other")):
        document = await with_keys_stored(asking(api), {"dataSource": given}, "job-1")
        assert "hidden" not in str(document)
        secret_id = document["dataSource"]["params"]["secretId"]
        assert (await api.get(f"/secrets/{secret_id}"))["kind"] == kind
    assert len(await api.get("/secrets")) == 1  # the later ones take the place of the first


def s3_source(server: str, bucket: str, secret: str = SECRET_KEY, **more: str) -> dict[str, Any]:
    params = {"endpoint": server, "bucketName": bucket, "accessKey": ACCESS_KEY}
    return {
        "dataSourceDescriptor": "s3",
        "params": {**params, "secretKey": secret, "name": "in/a.csv", **more},
    }


async def tried(
    api: Api, source: dict[str, Any], direction: str = "input", **more: Any
) -> dict[str, Any]:
    sent = {"dataSource": source, "direction": direction, **more}
    status, said = await api.answer("POST", "/v1/computing/datasource/test", json=sent)
    assert status == 200, said
    assert "files-secret" not in str(said)
    return dict(said)


async def test_a_bucket_is_read_and_written_with_its_keys(api: Api, signed_s3: S3Server) -> None:
    bucket = signed_s3.new_bucket()
    source = s3_source(signed_s3.url, bucket)
    missing = await tried(api, source)
    assert (missing["ok"], missing["checks"][-1]["name"]) == (False, "readable")

    signed_s3.client.put_object(Bucket=bucket, Key="in/a.csv", Body=b"1,2")
    found = await tried(api, source)
    assert (found["ok"], found["filename"], found["size"]) == (True, "in/a.csv", "3")
    assert (await tried(api, s3_source(signed_s3.url, bucket, name="out"), "output"))["ok"]
    assert [one["Key"] for one in signed_s3.client.list_objects_v2(Bucket=bucket)["Contents"]] == [
        "in/a.csv"
    ]
    files = await tried(api, s3_source(signed_s3.url, bucket, name="in/"), listFiles=True)
    assert files["files"] == [{"path": "a.csv", "size": "3"}]
    none = await tried(api, s3_source(signed_s3.url, bucket, name="in/"), listFiles=True, path="b")
    assert none["ok"] is False
    wrong = await tried(api, s3_source(signed_s3.url, bucket, "wrong"))
    assert (wrong["ok"], wrong["checks"][-1]["name"]) == (False, "allowed")


async def test_an_address_that_is_not_allowed_looks_like_one_where_nothing_answers(
    api: Api,
) -> None:
    nothing = f"http://127.0.0.1:{unused_port()}/x"
    said = [
        await tried(api, {"dataSourceDescriptor": "url", "params": {"url": url}})
        for url in (nothing, "http://169.254.169.254/latest", "http://10.0.0.1/", "http://[::1]/")
    ]
    assert all(one == said[0] for one in said)
    assert said[0]["ok"] is False


async def test_a_data_source_for_the_wrong_direction_is_refused(api: Api) -> None:
    sent = {"dataSource": {"dataSourceDescriptor": "bucket"}, "direction": "input"}
    status, said = await api.answer("POST", "/v1/customer/datasource/test", json=sent)
    assert (status, said["error"]["code"]) == (422, "wrong_direction")


async def pushed(api: Api, noun: str, body: Any, headers: Any) -> Any:
    status, answer = await api.answer("POST", f"/v1/dev/{noun}", json=body, headers=headers)
    assert status == 200, answer
    tag = f"{body.get('name') or body['id']}@1.0"
    for act in ("activate", "publish"):
        await api.answer("POST", f"/v1/dev/{noun}/{tag}/{act}", headers=headers)
    return answer


async def test_inline_keys_are_deleted_with_their_job_or_template(postgres_dsn: str) -> None:
    source = s3_source("http://s3.test", "bucket", "very-secret")
    template = {"id": "upper", "app": "upper@1", "dataSource": source}
    async with api_on(postgres_dsn, auth=PROTECTED) as api:

        async def secrets() -> int:
            return len((await api.answer("GET", "/secrets", headers=OPERATOR))[1])

        await pushed(api, "apps", APP, OPERATOR)
        assert "very-secret" not in str(await pushed(api, "templates", template, OPERATOR))
        assert await secrets() == 1
        draft = {"templateId": "upper", "dataSource": source}
        jobs = "/v1/computing/jobs"
        for ending in (("POST", "/abort"), ("DELETE", "")):
            _, made = await api.answer("POST", jobs, json=draft, headers=OPERATOR)
            assert await secrets() == 2
            path = f"{jobs}/{made['job']['id']}{ending[1]}"
            assert (await api.answer(ending[0], path, headers=OPERATOR))[0] == 200
            assert await secrets() == 1
        refused = {**draft, "name": "x" * 10_000}
        assert (await api.answer("POST", jobs, json=refused, headers=OPERATOR))[0] == 422
        assert await secrets() == 1
        await api.answer("DELETE", "/v1/dev/templates/upper@1.0", headers=OPERATOR)
        assert await secrets() == 0


async def test_a_job_reads_only_jobs_of_its_creator_that_its_editor_may_see(
    postgres_dsn: str,
) -> None:
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        ann, bob = [await add_user(api, name) for name in ("ann", "bob")]
        await pushed(api, "apps", APP, ann)
        await pushed(api, "templates", {"id": "upper", "app": "upper@1"}, ann)

        async def made(headers: Any, name: str, reads: str | None = None) -> tuple[int, Any]:
            source = {"dataSourceDescriptor": "job", "params": {"jobId": reads}}
            body = {"jobId": name, "templateId": "upper"} | (
                {"dataSource": source} if reads else {}
            )
            return await api.answer("POST", "/v1/computing/jobs", json=body, headers=headers)

        private = {
            "name": "p",
            "tasks": [{"name": "t", "run": "true"}],
            "permissions": [{"user": "ann"}],
        }
        _, hidden = await api.answer("POST", "/jobs", json=private, headers=ann)
        await made(ann, "first")
        for reads in (hidden["id"], "missing"):
            status, said = await made(bob, "second", reads)
            assert (status, said["error"]["code"]) == (404, "not_found")
        status, said = await made(bob, "second", "first")  # seen by all, and still of another
        assert (status, said["details"][0]["field"]) == (422, "dataSource.params.jobId")

        assert (await made(ann, "third", "first"))[0] == 200
        _, listed = await api.answer("GET", "/jobs", headers=ann)
        ids = {job["name"]: job["id"] for job in listed["items"]}
        _, third = await api.answer("GET", f"/jobs/{ids['third']}/definition", headers=ann)
        assert f"{ids['first']}/assemble.output" in str(third)
