"""A job of Bacalhau becomes one placed task."""

import base64
from typing import Any

import pytest

from shared import definition as d
from shared.jobspec.bacalhau import amounts
from shared.jobspec.bacalhau.compilation import BATCH_RETRY, compile_job
from shared.jobspec.bacalhau.parsing import check_job
from shared.jobspec.bacalhau.reuse import reuse_of
from tests.support.bacalhau import Tree, bacalhau_job, with_source


def _compiled(tree: Tree) -> d.JobDefinition:
    return compile_job(check_job(tree).job, "j-1")


def _task(tree: Tree) -> d.TaskDefinition:
    (task,) = _compiled(tree).tasks
    return task


def _placement(tree: Tree) -> d.Placement:
    placement = _task(tree).placement
    assert placement is not None
    return placement


def test_a_batch_job_is_placed_with_its_count_its_constraints_and_its_resources() -> None:
    constraints = [
        {"Key": "region", "Operator": "in", "Values": ["eu", "us"]},
        {"Key": "favour_zone", "Operator": "=", "Values": ["a"]},
        {"Key": "favour_disk", "Operator": "exists"},
    ]
    resources = {"CPU": "250m", "Memory": "1Gb", "Disk": "1GiB", "GPU": "2"}
    tree = bacalhau_job({"Resources": resources}, Count=3, Priority=-7, Constraints=constraints)
    assert _placement(tree) == d.Placement(
        type="batch",
        count=3,
        constraints=(d.Constraint(key="region", operator="in", values=("eu", "us")),),
        prefer=(
            d.Preference(
                constraints=(
                    d.Constraint(key="zone", operator="=", values=("a",)),
                    d.Constraint(key="disk", operator="exists"),
                )
            ),
        ),
        resources=d.Resources(
            cpus=d.Amount(0.25, "0.25"),
            memory=d.Amount(10**9, "1000000000"),
            disk=d.Amount(2**30, "1073741824"),
            gpus=2,
        ),
        priority=-7,
        prefix="BACALHAU",
    )


def test_a_docker_engine_is_an_image_and_the_variables_of_the_task_stand_before_its_own() -> None:
    params = {
        "Image": "ubuntu",
        "Entrypoint": ["/bin/sh"],
        "Parameters": ["-c", "echo {{.x}}"],
        "WorkingDirectory": "/work",
        "EnvironmentVariables": ["A=1", "B = 2 ", "C= 3"],
    }
    task = _task(bacalhau_job({"Engine": {"Type": "docker", "Params": params}, "Env": {"A": "9"}}))
    assert (task.image, task.entrypoint, task.workdir) == ("ubuntu", ("/bin/sh",), "/work")
    assert task.cmd == ("-c", '{{ "echo {{.x}}" }}'), "what is no expression of ours stays a text"
    assert task.env == {"A": "9", "B": "2", "C": " 3"}
    assert task.any_exit_code


def test_a_wasm_engine_is_its_module_with_the_parameters_as_arguments() -> None:
    engine = {"Type": "wasm", "Params": {"EntryModule": "/m.wasm", "Parameters": ["x"]}}
    source = {"Type": "urlDownload", "Params": {"URL": "https://a.org/x.wasm"}}
    sources = [{"Target": "/m.wasm", "Source": source}]
    task = _task(bacalhau_job({"Engine": engine, "InputSources": sources}))
    assert (task.wasm, task.cmd) == (d.Wasm(module="/m.wasm"), ("x",))
    assert task.sources == (d.Source(target="/m.wasm", url="https://a.org/x.wasm"),)


@pytest.mark.parametrize(
    ("kind", "timeouts", "expected"),
    [
        ("batch", {}, (None, "0s", None)),
        ("batch", {"ExecutionTimeout": 60, "TotalTimeout": 90}, ("1m", "0s", "1m30s")),
        ("service", {"ExecutionTimeout": 60, "QueueTimeout": 5}, (None, "5s", None)),
        ("ops", {"TotalTimeout": 60, "QueueTimeout": 5}, (None, None, "1m")),
        ("daemon", {"TotalTimeout": 60, "QueueTimeout": 5}, (None, None, None)),
    ],
)
def test_timeouts_are_those_of_the_execution_of_the_queue_and_of_the_job(
    kind: str, timeouts: Tree, expected: tuple[str | None, ...]
) -> None:
    job = _compiled(bacalhau_job({"Timeouts": timeouts}, Type=kind))
    (task,) = job.tasks
    found = (task.timeout, task.queue_timeout, job.timeout)
    assert tuple(each and each.text for each in found) == expected


def test_retries_exit_codes_and_updates_are_as_the_job_says_or_as_its_type_has_them() -> None:
    assert _task(bacalhau_job()).retry == BATCH_RETRY
    assert _task(bacalhau_job(Type="ops")).retry is None
    retry = {"Limit": 5, "InitialDelay": "10s", "MaxDelay": 60, "ResetAfter": "5m"}
    policy = {"MaxUnavailable": 2, "HealthyAfter": "30s"}
    tree = bacalhau_job(
        Type="service",
        Retry=retry,
        UpdatePolicy=policy,
        SuccessCodes=[0, 3],
        OnePerNode=True,
        Budget="12.5",
    )
    task = _task(tree)
    assert task.retry == d.Retry(
        limit=5,
        initial_delay=d.Duration(10, "10s"),
        max_delay=d.Duration(60, "1m"),
        reset_after=d.Duration(300, "5m"),
    )
    assert (task.success_codes, task.any_exit_code) == ((0, 3), False)
    assert _placement(tree).one_per_node
    assert _compiled(tree).budget == "12.5"
    assert _placement(tree).update == d.UpdatePolicy(
        max_unavailable=2, healthy_after=d.Duration(30, "30s")
    )


_SHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_TAR = "data:application/gzip;base64,H4sI"


@pytest.mark.parametrize(
    ("kind", "params", "source"),
    [
        ("ipfs", {"CID": f"Qm{'a' * 44}"}, d.Source(target="/in", ipfs=f"Qm{'a' * 44}")),
        (
            "urlDownload",
            {"URL": "https://a.org/x.csv"},
            d.Source(target="/in/", url="https://a.org/x.csv"),
        ),
        (
            "s3",
            {
                "Bucket": "abc",
                "Key": "x/y.csv",
                "VersionID": "7",
                "ChecksumSHA256": base64.b64encode(bytes.fromhex(_SHA)).decode(),
            },
            d.Source(
                target="/in/",
                s3=d.S3Object(bucket="abc", key="x/y.csv", version_id="7"),
                sha256=_SHA,
            ),
        ),
        (
            "s3",
            {
                "Bucket": "abc",
                "Key": "x/*",
                "Filter": "csv$",
                "Region": "eu-central-1",
                "Endpoint": "http://minio:9000",
                "Partition": {"Type": "substring", "StartIndex": 1, "EndIndex": 3},
            },
            d.Source(
                target="/in",
                s3=d.S3Object(
                    bucket="abc",
                    key="x/*",
                    filter="csv$",
                    region="eu-central-1",
                    endpoint="http://minio:9000",
                    partition=d.Partition(type="substring", start=1, end=3),
                ),
            ),
        ),
        (
            "s3PreSigned",
            {"PreSignedURL": "https://a.org/x?sig=1"},
            d.Source(target="/in/", url="https://a.org/x?sig=1"),
        ),
        ("inline", {"URL": "data:,hello"}, d.Source(target="/in", inline="data:,hello")),
        ("inline", {"URL": _TAR}, d.Source(target="/in", inline=_TAR, extract=True)),
        (
            "localDirectory",
            {"SourcePath": "/data"},
            d.Source(target="/in", local="/data", read_only=True),
        ),
        (
            "local",
            {"SourcePath": "/data", "ReadWrite": True, "CreateAs": "dir"},
            d.Source(target="/in", local="/data", writes=True, create="directory"),
        ),
    ],
)
def test_an_input_source_is_brought_where_bacalhau_puts_it(
    kind: str, params: Tree, source: d.Source
) -> None:
    assert _task(with_source(kind, params)).sources == (source,)


def test_results_are_artifacts_and_published_where_the_publisher_says() -> None:
    def task(publisher: Tree, kind: str = "batch") -> d.TaskDefinition:
        result = {"Name": "out", "Path": "/outputs"}
        return _task(bacalhau_job({"Publisher": publisher, "ResultPaths": [result]}, Type=kind))

    kept = task({"Type": "local"})
    assert (kept.artifacts, kept.bundle) == ((d.Artifact(name="out", path="/outputs"),), "results")
    assert kept.publish == ()
    s3 = {"Bucket": "abc", "Key": "r/{jobID}/", "Endpoint": "http://minio:9000"}
    place = d.S3Object(bucket="abc", key="r/{jobID}/", endpoint="http://minio:9000")
    for given, encoding in (({}, "gzip"), ({"Encoding": "plain"}, "plain")):
        published = task({"Type": "s3", "Params": {**s3, **given}}).publish
        s3_place = d.changed(place, encoding=encoding)
        assert published == (d.Publication(artifact="results", s3=s3_place),)
    assert task({"Type": "ipfs"}).publish == (d.Publication(artifact="results", ipfs=True),)
    noop = task({"Type": "noop"})
    assert (noop.artifacts, noop.bundle, noop.publish) == ((), None, ())
    daemon = task({"Type": "ipfs"}, "daemon")
    assert (daemon.artifacts, daemon.publish) == ((), ())


def test_a_network_has_its_type_its_domains_and_its_ports() -> None:
    ports = [
        {"Name": "web", "Static": 8080, "Target": 80, "HostNetwork": "127.0.0.1"},
        {"Name": "b"},
    ]
    assert _task(
        bacalhau_job({"Network": {"Type": "Bridge", "Ports": ports}})
    ).network == d.Network(
        type="bridge",
        ports=(
            d.Port(name="web", static=8080, target=80, address="127.0.0.1"),
            d.Port(name="b"),
        ),
    )
    http = {"Type": "HTTP", "Domains": ["a.org", ".b.org", "10.0.0.1"]}
    assert _task(bacalhau_job({"Network": http})).network == d.Network(
        type="http", domains=("a.org", ".b.org", "10.0.0.1")
    )
    assert _task(bacalhau_job()).network is None


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (amounts.cpus, "500m", 0.5),
        (amounts.cpus, "2", 2),
        (amounts.cpus, "0.25", 0.25),
        (amounts.memory, "512mb", 512 * 10**6),
        (amounts.memory, "512MiB", 512 * 2**20),
        (amounts.memory, "1.5 Gb", 1_500_000_000),
        (amounts.memory, "1g", 10**9),
        (amounts.memory, "1Gi", 2**30),
        (amounts.memory, "1,000", 1000),
    ],
)
def test_amounts_are_read_as_bacalhau_reads_them(read: Any, text: str, value: float) -> None:
    assert read(text).value == value


@pytest.mark.parametrize(
    ("meta", "rules"),
    [
        ({}, None),
        ({"conveyor.reuse": "false"}, None),
        ({"conveyor.reuse": "true"}, d.Reuse()),
        ({"conveyor.reuse": "24h"}, d.Reuse(max_age=amounts.duration("24h"))),
    ],
)
def test_a_key_of_its_meta_asks_for_reuse(meta: Tree, rules: d.Reuse | None) -> None:
    assert reuse_of(check_job(bacalhau_job(Meta=meta)).job) == rules
