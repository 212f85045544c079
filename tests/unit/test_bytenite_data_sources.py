"""Data sources of ByteNite's jobs: what is wrong with one, and what it is of ours."""

from typing import Any

import pytest

from shared.definition import Source
from shared.jobspec.bytenite.data_source_rules import data_source_problems
from shared.jobspec.bytenite.data_sources import (
    Bound,
    Direction,
    Login,
    bind,
    is_wrong_direction,
    secret_id_of,
)
from shared.jobspec.bytenite.models import DataSource

TYPE = "type.googleapis.com/bytenite.data_source."


def given(descriptor: str, **params: Any) -> DataSource:
    return DataSource(data_source_descriptor=descriptor, params=params)


def broken(one: DataSource, direction: Direction = "dataSource") -> list[str]:
    return [f"{p.field}: {p.rule}" for p in data_source_problems(one, direction)]


def source_of(one: DataSource, login: Login | None = None) -> Source:
    assert broken(one) == []
    bound = bind(one, "dataSource", login)
    assert bound.source is not None
    return bound.source


@pytest.mark.parametrize(
    ("descriptor", "params", "rule"),
    [
        ("ftp", {}, "dataSource.dataSourceDescriptor: must be one of s3, aws, gcp, storj, url"),
        ("s3", {"bucketName": "b"}, "dataSource.params.bucketName: must be the name of a bucket"),
        ("s3", {"bucketName": "bkt"}, "dataSource.params.name: is required"),
        ("s3", {"bucketName": "bkt", "name": "a/../b"}, "dataSource.params.name: must not hold"),
        ("s3", {"bucketName": "bkt", "name": "a", "accessKey": "x"}, "secretKey: is required"),
        ("s3", {"bucketName": "bkt", "name": "a", "buckt": ""}, "did you mean 'bucketName'?"),
        ("s3", {"bucketName": "bkt", "name": "a", "secret_id": "a b"}, "secretId: must have 1 to"),
        ("gcp", {"@type": TYPE + "HttpDataSource"}, "must end with bytenite.data_source.S3Data"),
        ("url", {"url": "file:///etc/passwd"}, "dataSource.params.url: must be an http or https"),
        ("url", {"url": "http://a:b@c.test/x"}, "must not hold a user name or password"),
        ("url", {"url": "http://c.test/x", "name": "../x"}, "dataSource.params.name: must not"),
        ("inline", {"text": "x", "name": "/etc/x"}, "must not start with '/'"),
        ("job", {"jobId": "a/b"}, "dataSource.params.jobId: must be the id of a job"),
        ("volume", {"path": "data"}, "must be an absolute path on the worker"),
        ("bucket", {}, "dataSource.dataSourceDescriptor: is only an output"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(
    descriptor: str, params: dict[str, Any], rule: str
) -> None:
    assert any(rule in one for one in broken(given(descriptor, **params)))


@pytest.mark.parametrize("descriptor", ["url", "file", "inline", "job"])
def test_nothing_is_delivered_to_what_is_only_an_input(descriptor: str) -> None:
    assert broken(given(descriptor), "dataDestination") == [
        "dataDestination.dataSourceDescriptor: is only an input"
    ]
    assert is_wrong_direction(given(descriptor), "dataDestination")


def test_an_object_is_fetched_with_the_login_of_its_secret_which_stands_nowhere() -> None:
    one = given(
        "storj",
        **{"@type": TYPE + "StorjDataSource"},
        name="in/{{ x }}.mp4",
        bucketName="films",
        cloudRegion="global",
        secret_id="team",
    )
    assert secret_id_of(one) == "team"
    bound = bind(one, "dataSource", Login("key", "hidden"))
    assert bound.source is not None
    assert bound.source.s3 is not None
    s3 = bound.source.s3
    assert (s3.endpoint, s3.region) == ("https://gateway.storjshare.io", "global")
    assert s3.key == '{{ "in/{{ x }}.mp4" }}'  # a name is no expression
    assert s3.secret_key == '{{ secrets["conveyor.dataSource.secret_key"] }}'
    assert bound.secrets["conveyor.dataSource.secret_key"] == "hidden"
    assert "hidden" not in str(bound.source)


def test_the_keys_of_2023_are_taken_too() -> None:
    one = given("s3", name="/a.csv", bucketName="bkt", accessKey="key", secretKey="hidden")
    assert set(bind(one, "dataSource").secrets.values()) == {"key", "hidden"}
    assert source_of(one).target == "a.csv"


def test_a_folder_or_a_prefix_goes_into_the_directory_of_the_source_itself() -> None:
    targets = [
        source_of(given("s3", name=name, bucketName="bkt")).target for name in ("in/", "in/part*")
    ]
    assert targets == [".", "."]


def test_a_destination_is_a_folder() -> None:
    for name in ("out/{jobID}", "/out/{jobID}/"):
        one = given("gcp", name=name, bucketName="bkt", secretId="team")
        assert broken(one, "dataDestination") == []
        publication = bind(one, "dataDestination", Login("k", "s")).publication
        assert publication is not None
        assert publication.s3 is not None
        assert publication.s3.key == '{{ "out/{jobID}/" }}'
        assert publication.s3.endpoint == "https://storage.googleapis.com"


def test_a_url_is_asked_with_its_login_and_named_by_its_path() -> None:
    one = given("url", url="https://c.test/a/film.mp4?q=1", username="ann", password="hidden")
    source = source_of(one)
    assert (source.url, source.target) == ("https://c.test/a/film.mp4?q=1", "film.mp4")
    assert source.headers == {"Authorization": '{{ secrets["conveyor.dataSource.authorization"] }}'}
    assert bind(one, "dataSource").secrets["conveyor.dataSource.authorization"] == (
        "Basic YW5uOmhpZGRlbg=="
    )


def test_a_file_is_an_upload_of_the_job() -> None:
    assert bind(given("file"), "dataSource") == Bound()  # it is not sent yet
    bound = bind(given("file", name="film.mp4", uploadId="u1"), "dataSource")
    assert bound.source == Source(upload="source", target="film.mp4")
    assert bound.uploads == {"source": "u1"}


def test_texts_other_jobs_and_volumes_are_sources_as_well() -> None:
    assert source_of(given("inline", text="{{ 1 }}")).inline == '{{ "{{ 1 }}" }}'
    assert source_of(given("job", jobId="j1")).artifact == "j1/assemble.output"
    assert source_of(given("volume", path="/data/in")).local == "/data/in"
    publication = bind(given("volume", path="/out"), "dataDestination").publication
    assert publication is not None
    assert publication.local == "/out"


def test_a_bypass_brings_and_delivers_nothing() -> None:
    for direction in ("dataSource", "dataDestination"):
        assert broken(given("bypass"), direction) == []
        assert bind(given("bypass"), direction) == Bound()
