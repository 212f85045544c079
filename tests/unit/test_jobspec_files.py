"""What a job may say of files: what is kept, brought and published."""

from typing import Any

import pytest

from shared.definition import Artifact, Publication, S3Object, Source
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.parsing import parse_job
from tests.support.jobs.submissions import refusal, submitted, with_task

LOGIN = {"accessKey": "{{ secrets.id }}", "secretKey": "{{ secrets.key }}"}
DIGEST = "ab" * 32
CID = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
KEPT = [{"name": "out", "path": "out"}]
A_SOURCE = {"inline": "x", "target": "a"}


def sources(*items: dict[str, Any]) -> dict[str, Any]:
    return with_task(sources=[{"target": f"in/{n}", **item} for n, item in enumerate(items)])


def s3(**fields: Any) -> dict[str, Any]:
    return {"s3": {"bucket": "data", "key": "a", **fields}}


def test_files_are_compiled_as_they_were_submitted() -> None:
    submitted = b"""
name: files
uploads: {orders: 1f3a}
tasks:
  - name: build
    run: make
    sources:
      - {upload: orders, target: /in/orders.csv, readOnly: true}
      - {s3: {bucket: data, key: in/, filter: csv$, style: path, versionId: null}, target: in}
      - {url: "https://a.example/x.tgz", target: src, extract: true, sha256: %s,
         headers: {Authorization: "Bearer {{ secrets.token }}"}}
    artifacts:
      - {name: report, path: out/report.csv}
      - {name: log, path: /tmp/log, when: always}
    publish:
      - {artifact: report, s3: {bucket: results, key: "{jobID}/{date}/", endpoint: "https://s3.example"}}
      - {ipfs: true}
    largeResult: rows
""" % DIGEST.upper().encode()

    job = compile_job(parse_job(submitted, "text/yaml"))

    (task,) = job.tasks
    assert job.uploads == {"orders": "1f3a"}
    assert task.sources == (
        Source(upload="orders", target="/in/orders.csv", read_only=True),
        Source(s3=S3Object(bucket="data", key="in/", filter="csv$", style="path"), target="in"),
        Source(
            url="https://a.example/x.tgz",
            target="src",
            extract=True,
            sha256=DIGEST,
            headers={"Authorization": "Bearer {{ secrets.token }}"},
        ),
    )
    assert task.artifacts == (
        Artifact(name="report", path="out/report.csv"),
        Artifact(name="log", path="/tmp/log", always=True),
    )
    results = S3Object(bucket="results", key="{jobID}/{date}/", endpoint="https://s3.example")
    assert task.publish == (Publication(artifact="report", s3=results), Publication(ipfs=True))
    assert task.large_result == "rows"


@pytest.mark.parametrize(
    "source",
    [
        {"artifact": "{{ inputs.from }}"},
        {"url": "{{ inputs.base }}/x"},
        {"inline": "data:text/plain;base64,aGk="},
        {"inline": "data:,hello"},
        {"inline": "{{ inputs.text }}"},
        {"ipfs": f"{CID}/a/b.csv"},
        {"ipfs": "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPBdG"},
        {"local": "/srv/models"},
        s3(key="*"),
        s3(key="in/2026*", filter="csv$"),
        s3(versionId="3"),
        s3(**LOGIN, sessionToken="{{ secrets['token'] }}"),
        s3(credentials="team", region="eu-central-1", endpoint="http://127.0.0.1:9000"),
        {"url": "https://a.example", "headers": {"X-Api-Key": "{{ secrets.key }}", "Accept": "a"}},
        {"target": "/in/{{ inputs.name }}", "inline": "x"},
        {"target": "in/", "url": "https://a.example/x.csv"},
    ],
)
def test_a_source_is_accepted(source: dict[str, Any]) -> None:
    assert submitted(sources(source)).tasks[0].sources


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "sources[0]: must have one of artifact, upload, url, s3, ipfs, inline and local"),
        ({"url": "http://a.b", "inline": "x"}, "inline: can't be combined with url"),
        ({"artifact": "build"}, 'artifact: "build" is not allowed: must be a task\'s name, a poi'),
        ({"artifact": "build.out/../x"}, "must have a path without '//', '.' and '..'"),
        ({"url": "s3://data/key"}, "must be an http or https URL: use s3 with bucket and key"),
        ({"url": "ftp://a.b/c"}, "must be an http or https URL"),
        ({"url": "http://me:pw@a.b/c"}, "must not hold a user name or password"),
        ({"ipfs": f"ipfs://{CID}"}, "must be a CID, and perhaps a path in it, without anything"),
        ({"ipfs": "hello"}, "must be a CID, such as bafy"),
        ({"inline": "data:text/plain"}, "a data URL must have a comma"),
        ({"inline": "data:;base64,a"}, "must hold valid base64"),
        ({"local": "models"}, "must be an absolute path on the worker"),
        ({"local": "/srv/../etc"}, "must not hold '..'"),
        ({"inline": "x", "target": "../x"}, "target: \"../x\" is not allowed: must not hold '..'"),
        ({"inline": "x", "target": "/"}, "must be below the root directory"),
        ({"inline": "x", "target": "./"}, "must be below the working directory"),
        ({"inline": "x", "target": "/tork/x"}, "must not be /tork or below it"),
        ({"inline": "x", "target": "a/"}, "must name the file: inline text has no name of its own"),
        ({"inline": "x", "sha256": DIGEST}, "sha256: is only for url, s3 and ipfs"),
        ({"url": "http://a.b", "sha256": "x"}, "must be 64 hexadecimal digits"),
        ({"inline": "x", "headers": {"a": "b"}}, "headers: is only for a url, not for inline"),
        ({"local": "/x", "extract": True}, "extract: is not for local"),
        (s3(bucket="My Bucket"), "must be the name of a bucket"),
        (s3(key="a*b"), "must have a '*' only at its end"),
        (s3(key="/a"), "must not start with '/'"),
        (s3(key="a//b"), "must not hold '//'"),
        (s3(key="a/", versionId="1"), "s3.versionId: is only for one object"),
        ({**s3(key="a*"), "sha256": DIGEST}, "sha256: is only for one object, and the key 'a*'"),
        ({**s3(key="a/"), "extract": True}, "extract: is only for one object"),
        (s3(filter="x"), "s3.filter: is only for many objects"),
        (s3(key="a/", filter="("), "must be a regular expression"),
        (s3(sha256=DIGEST), "s3.sha256: is a field of the source, beside s3"),
        (s3(style="dns"), "must be 'path' or 'virtual'"),
        (s3(accessKey="{{ secrets.a }}"), "s3.secretKey: is required"),
        (s3(sessionToken="{{ secrets.a }}"), "sessionToken: is only for a login by accessKey"),
        (s3(**LOGIN, credentials="team"), "credentials: can't be combined with accessKey"),
    ],
)
def test_a_source_is_refused(source: dict[str, Any], message: str) -> None:
    assert message in refusal(sources(source))


@pytest.mark.parametrize(
    "source",
    [
        s3(**{**LOGIN, "secretKey": "hush-hush"}),
        s3(**{**LOGIN, "secretKey": "hush-hush{{ secrets.a }}"}),
        s3(**{**LOGIN, "accessKey": "{{ 'hush-hush' }}"}),
        s3(**LOGIN, sessionToken="{{ inputs['hush-hush'] }}"),
        {"url": "http://a.b", "headers": {"Authorization": "Bearer hush-hush"}},
        {"url": "http://a.b", "headers": {"X-Api-Key": "{{ 'hush-hush' }}"}},
    ],
)
def test_what_logs_in_must_be_an_expression_of_a_secret(source: dict[str, Any]) -> None:
    message = refusal(sources(source))

    assert "must" in message
    assert "an expression that reads a secret, such as {{ secrets.name }}" in message
    assert "would be stored and shown with it" in message
    assert "hush" not in message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"artifacts": [{"name": "a.b", "path": "x"}]}, "must be a letter or '_', then letters"),
        ({"artifacts": [{"name": "a/b", "path": "x"}]}, "must be a letter or '_', then letters"),
        ({"artifacts": [{"name": "3", "path": "x"}]}, "must be a letter or '_', then letters"),
        ({"artifacts": [{"name": "a", "path": "../x"}]}, "must not hold '..'"),
        ({"artifacts": [{"name": "a", "path": "/"}]}, "must not be the root directory"),
        ({"artifacts": [{"name": "a", "path": "*.csv"}]}, "patterns are not supported"),
        ({"artifacts": [{"name": "a", "path": "x", "when": "x"}]}, "must be 'success' or 'always'"),
        ({"artifacts": KEPT * 2}, 'artifacts[1].name: "out" is not allowed: is the name of arti'),
        ({"artifacts": KEPT, "largeResult": "out"}, "is the name of largeResult, too"),
        ({"artifacts": {"paths": ["out"]}}, "must be a list of artifacts with name and path"),
        ({"artifacts": ["out"]}, "must be a list of artifacts with name and path"),
        ({"largeResult": "a b"}, 'largeResult: "a b" is not allowed'),
        ({"publish": [{"ipfs": True}]}, "publish: publishes artifacts, and the task keeps none"),
        ({"artifacts": KEPT, "publish": [{}]}, "must have one of s3, ipfs and local"),
        (
            {"artifacts": KEPT, "publish": [{"ipfs": True, "local": "/x"}]},
            "local: can't be combined with ipfs",
        ),
        (
            {"artifacts": KEPT, "publish": [{"artifact": "log", "ipfs": True}]},
            'publish[0].artifact: "log" is not allowed: must be an artifact of the task',
        ),
        (
            {"artifacts": KEPT, "publish": [s3(key="{jobId}/x")]},
            "must hold no other placeholder than {jobID}, {taskID}, {executionID}",
        ),
        ({"artifacts": KEPT, "publish": [s3(versionId="1")]}, "versionId: is only for sources"),
        (
            {"artifacts": [*KEPT, {"name": "log", "path": "log"}], "publish": [s3(key="x")]},
            "publish[0].s3.key: \"x\" is not allowed: must end with '/' where it is for all",
        ),
        (
            {"sources": [A_SOURCE, {**A_SOURCE, "target": "./a"}]},
            'sources[1].target: "./a" is not allowed: is the target of source 1, too',
        ),
        (
            {"sources": [{**A_SOURCE, "target": "a/b"}, A_SOURCE]},
            'sources[0].target: "a/b" is not allowed: must not be in the target of source 2',
        ),
        (
            {"sources": [{"upload": "u", "target": "in/"}, {**A_SOURCE, "target": "in/x"}]},
            "must not be in the target of source 1; if that is one file, name it: in/<name>",
        ),
        (
            {"sources": [{"upload": "u", "target": "in/"}, {"upload": "v", "target": "in/"}]},
            "is the target of source 1, too; if that is one file, name it: in/<name>",
        ),
        (
            {"sources": [A_SOURCE, {**A_SOURCE, "target": "/w/a"}], "workdir": "/w"},
            'sources[1].target: "/w/a" is not allowed: is the target of source 1, too',
        ),
        (
            {"sources": [A_SOURCE], "files": {"a": "x"}},
            'sources[0].target: "a" is not allowed: is the place of a mount or a file',
        ),
        ({"pre": [{"sources": [A_SOURCE]}]}, "sources: is shared: set it on the task"),
    ],
)
def test_files_of_a_task_are_refused(fields: dict[str, Any], message: str) -> None:
    assert message in refusal(with_task(**fields))


@pytest.mark.parametrize("field", ["sources", "artifacts", "publish", "largeResult"])
def test_a_task_made_of_others_has_no_files_of_its_own(field: str) -> None:
    files = {
        "sources": [A_SOURCE],
        "artifacts": KEPT,
        "publish": [{"ipfs": True}],
        "largeResult": "a",
    }
    task = {"name": "a", "each": {"list": "[1]", "task": {"run": "x"}}, field: files[field]}

    assert f"tasks[0].{field}: can't be combined with each" in refusal(
        {"name": "x", "tasks": [task]}
    )


@pytest.mark.parametrize(
    ("uploads", "message"),
    [
        ({"a/b": "1f3a"}, "must hold only letters, digits, '_' and '-'"),
        ({"a": "../x"}, "must be the id of an upload, as POST /uploads answers it"),
        ({"a": "{{ inputs.x }}"}, "must be the id of an upload"),
    ],
)
def test_uploads_are_refused(uploads: dict[str, str], message: str) -> None:
    assert message in refusal(with_task() | {"uploads": uploads})
