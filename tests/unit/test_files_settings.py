"""The settings of files: which store they make, what they refuse, and whose keys jobs get."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from conveyor.extensions.files import ObjectRefused
from services.dev.settings import DevBlock, IsolatedDevSettings
from services.worker.files.metrics import FileMetrics
from services.worker.files.services import opened_files
from services.worker.settings import WorkerSettings
from shared.definition.files import S3Object
from shared.files.directory.store import DirectoryStore
from shared.files.factory import http_access, ipfs_store, job_bucket, make_store, store_bucket
from shared.files.link_store import LinkStore
from shared.files.no_store import NoStore
from shared.files.s3.access import Anonymous, Bucket, Environment, KeyFile, Keys
from shared.files.s3.store import S3Store
from shared.files.settings import FilesSettings, LocalPath
from shared.files.watch import StoreWatch
from shared.process.metrics import Metrics
from shared.process.settings.loading import SettingsError, load

KEY = "0123456789abcdef0123456789abcdef"
PROFILES = "[default]\naws_access_key_id=D\n[team]\naws_access_key_id=T\n"


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("store", "gs://bucket", "there is no 'gs', must be one of: http, https, s3"),
        ("store", "s3://", "must be a URL with a host"),
        ("store", "s3://key:secret@bucket", "must be s3://BUCKET or s3://BUCKET/PREFIX"),
        ("store", "s3://bucket:9000/a", "must be s3://BUCKET or s3://BUCKET/PREFIX"),
        ("store", "http://c:8000/?a=b", "without a query"),
        ("store", "http://c:8000", "CONVEYOR_FILES_LINK_KEY is required"),
        ("link_key", f"{KEY},short", "each key must have at least 32 characters"),
        ("s3_access_key", "a", "S3_ACCESS_KEY and CONVEYOR_FILES_S3_SECRET_KEY require"),
        ("s3_endpoint", "minio:9000", "must be a URL with a host"),
        ("s3_endpoint", "ftp://minio", "must start with http:// or https://"),
        ("s3_style", "vhost", "'auto', 'path' or 'virtual'"),
        ("local_paths", "data/*", "'data/[*]' is not an absolute path such as"),
        ("local_paths", "/data/../etc:rw", "is not an absolute path"),
        ("local_paths", "/data:rx", "'/data:rx' must end with :ro or :rw, or with neither"),
        ("allowed_networks", "10.1.0.1/16", "'10.1.0.1/16' is not a network"),
        ("allowed_ports", "0", "'0' is not a port"),
        ("job_bytes", -1, "greater than or equal to 0"),
    ],
)
def test_a_bad_setting_is_refused_with_its_rule(name: str, value: object, rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        FilesSettings.model_validate({name: value})


def test_the_environment_names_the_setting_and_hides_its_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONVEYOR_BROKER_URL", "amqp://b")
    monkeypatch.setenv("CONVEYOR_FILES_STORE", "ftp://x")
    monkeypatch.setenv("CONVEYOR_FILES_LINK_KEY", "hush")
    with pytest.raises(SettingsError) as caught:
        load(WorkerSettings)
    assert "CONVEYOR_FILES_STORE='ftp://x': there is no 'ftp'" in str(caught.value)
    assert "CONVEYOR_FILES_LINK_KEY=(hidden): each key must have" in str(caught.value)


def test_what_settings_need_of_each_other_names_them_as_they_are_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONVEYOR_BROKER_URL", "amqp://b")
    monkeypatch.setenv("CONVEYOR_FILES_STORE", "http://c:8000")
    with pytest.raises(SettingsError, match=": CONVEYOR_FILES_LINK_KEY is required"):
        load(WorkerSettings)


async def test_a_cache_that_cant_be_used_is_named_by_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = FilesSettings(cache_dir=str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"CONVEYOR_FILES_CACHE_DIR: .*/file can't be used: "):
        async with opened_files(settings, NoStore(), FileMetrics(Metrics())):
            pass


async def test_the_store_is_what_the_setting_names(tmp_path: Path) -> None:
    stores = {
        "": NoStore,
        str(tmp_path): DirectoryStore,
        "s3://bucket/a/b": S3Store,
        "https://coordinator:8000/conveyor/": LinkStore,
    }
    for address, kind in stores.items():
        store = make_store(FilesSettings(store=address, link_key=SecretStr(KEY)))
        assert type(store) is kind
        await store.close()
    with pytest.raises(ObjectRefused, match=r"there is no store of files: .* CONVEYOR_FILES_STORE"):
        await NoStore().stat("a")


async def test_links_lead_to_the_coordinator_that_the_store_names() -> None:
    settings = FilesSettings(store="https://c:8000/conveyor/", link_key=SecretStr(f"{KEY},{KEY}2"))
    store = make_store(settings)
    assert (await store.link("j/t", "GET", 60)).startswith("https://c:8000/conveyor/objects/j/t?")
    await store.close()
    assert FilesSettings(store="/files").links is None


def test_a_bucket_is_made_of_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    plain = FilesSettings(store="s3://bucket")
    assert store_bucket(plain) == Bucket("bucket", credentials=Environment())
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert store_bucket(plain).region == "eu-north-1"

    full = FilesSettings(
        store="s3://bucket/a/b/",
        s3_endpoint="https://storage.googleapis.com",
        s3_region="auto",
        s3_style="virtual",
        s3_access_key="GOOG1",
        s3_secret_key=SecretStr("s"),
        s3_session_token=SecretStr("t"),
    )
    endpoint, keys = "https://storage.googleapis.com", Keys("GOOG1", "s", "t")
    assert store_bucket(full) == Bucket("bucket", endpoint, "auto", "virtual", keys, "a/b/")
    in_a_file = FilesSettings(store="s3://b", s3_credentials_file="/k", s3_profile="two")
    assert store_bucket(in_a_file).credentials == KeyFile(Path("/k"), "two")


def test_a_bucket_that_a_job_names_gets_no_key_of_the_store(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    settings = FilesSettings(
        store="s3://bucket",
        s3_endpoint="http://minio:9000",
        s3_access_key="OURS",
        s3_secret_key=SecretStr("s"),
    )
    named = S3Object(bucket="theirs", key="a")
    assert job_bucket(settings, named).credentials == Anonymous()
    with_keys = replace(named, access_key="a", secret_key="b", session_token="c")
    assert job_bucket(settings, with_keys).credentials == Keys("a", "b", "c")
    with pytest.raises(ObjectRefused, match="no credentials named 'team'"):
        job_bucket(settings, replace(named, credentials="team"))

    settings = settings.model_copy(update={"job_credentials_file": str(file)})
    with pytest.raises(ObjectRefused, match="cannot read its CONVEYOR_FILES_JOB_CREDENTIALS_FILE"):
        job_bucket(settings, named)
    file.write_text(PROFILES)
    assert job_bucket(settings, named).credentials == KeyFile(file)
    named = replace(named, credentials="team")
    assert job_bucket(settings, named).credentials == KeyFile(file, "team")
    with pytest.raises(ObjectRefused, match="no credentials named 'other'"):
        job_bucket(settings, replace(named, credentials="other"))
    file.write_text(PROFILES.removeprefix("[default]\naws_access_key_id=D\n"))
    assert job_bucket(settings, replace(named, credentials="")).credentials == Anonymous()


def test_addresses_that_jobs_name_are_guarded() -> None:
    settings = FilesSettings(allowed_networks="10.1.0.0/16", allowed_ports="443")
    private = S3Object(bucket="b", endpoint="http://10.2.0.1")
    for guard in (job_bucket(settings, private).guard, http_access(settings, {}).guard):
        assert guard is not None
        assert guard.refusal("10.1.2.3", 443) is None
        assert "see CONVEYOR_FILES_ALLOWED_NETWORKS" in (guard.refusal("10.2.0.1", 443) or "")
        assert guard.refusal("10.1.2.3", 80) == "port 80 is not allowed"
    ours = settings.model_copy(update={"s3_endpoint": "http://10.2.0.1:9000"})
    assert job_bucket(ours, replace(private, endpoint="")).guard is None
    with pytest.raises(ObjectRefused, match="CONVEYOR_FILES_IPFS_URL"):
        ipfs_store(settings)


def test_local_paths_are_read_only_unless_they_say_otherwise() -> None:
    settings = FilesSettings(local_paths="/data/**, /in/*.csv:ro,/out:rw,/a:b:ro")
    assert settings.allowed_local_paths == (
        LocalPath("/data/**"),
        LocalPath("/in/*.csv"),
        LocalPath("/out", is_writable=True),
        LocalPath("/a:b"),
    )


def test_conveyor_dev_keeps_files_beside_its_data(tmp_path: Path) -> None:
    dev = IsolatedDevSettings(dev=DevBlock(data_dir=tmp_path)).with_directories()
    assert (dev.files.store, dev.files.cache_dir) == (
        f"{tmp_path}/files",
        f"{tmp_path}/files-cache",
    )
    other = IsolatedDevSettings(files=FilesSettings(store="s3://bucket")).with_directories()
    assert other.files.store == "s3://bucket"


async def test_a_store_that_can_not_be_used_is_named_until_it_can(tmp_path: Path) -> None:
    root = tmp_path / "files"
    root.write_text("no directory")
    store = DirectoryStore(root)
    watch = StoreWatch(store, str(root))
    await watch.look()
    assert [text.partition(" can't be used: ")[0] for text in watch.missing()] == [f"files: {root}"]

    root.unlink()
    await watch.look()
    assert watch.missing() == ()
    assert [found.name async for found in store.list_objects("")] == []


async def test_without_a_store_nothing_is_missing() -> None:
    watch = StoreWatch(NoStore(), "")
    await watch.look()
    assert watch.missing() == ()
