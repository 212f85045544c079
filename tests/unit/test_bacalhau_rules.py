"""What is no job of Bacalhau is refused when it is submitted, all of it at once, in its words."""

import json
from typing import Any

import pytest

from shared.jobspec.bacalhau.parsing import check_job, parse_job, text_of
from shared.jobspec.problems import InvalidJob
from tests.support.bacalhau import DOCKER, Tree, bacalhau_job, with_source


def refusals(tree: Any) -> str:
    with pytest.raises(InvalidJob) as raised:
        check_job(tree)
    return text_of(raised.value.problems, tree)


def _constraint(key: str, operator: str, *values: str) -> Tree:
    return bacalhau_job(Constraints=[{"Key": key, "Operator": operator, "Values": list(values)}])


def _engine(**params: Any) -> Tree:
    return bacalhau_job({"Engine": {"Type": "docker", "Params": {"Image": "a", **params}}})


def _network(kind: str, **fields: Any) -> Tree:
    return bacalhau_job({"Network": {"Type": kind, **fields}})


def _ports(*ports: Tree, kind: str = "Bridge") -> Tree:
    return _network(kind, Ports=list(ports))


def _publisher(**publisher: Any) -> Tree:
    return bacalhau_job({"Publisher": publisher})


_SELECTOR = "constraint 1 validation failed: "
_TASK = "task main validation failed: "

JOBS: list[tuple[Tree, str]] = [
    ({}, "empty/nil job"),
    (bacalhau_job(Type=""), "missing job type"),
    (bacalhau_job(Type="Batch"), 'invalid job type: "Batch"'),
    (bacalhau_job(Name="  "), "missing job name"),
    (bacalhau_job(Name="a\0"), "job Name contains a null character"),
    (bacalhau_job(Namespace=" "), "job must be in a namespace"),
    (bacalhau_job(Namespace="*"), "namespace '*' means all namespaces"),
    (bacalhau_job(Namespace="n" * 257), "job namespace must have at most 256 characters"),
    (bacalhau_job(Namespace="a\0"), "'Namespace' must not hold NUL characters"),
    (
        bacalhau_job(Type="service", Meta={"conveyor.reuse": "true"}),
        "job meta key 'conveyor.reuse' is for jobs of type batch",
    ),
    (
        bacalhau_job(Meta={"conveyor.reuse": "yes"}),
        "job meta key 'conveyor.reuse' must be true, false or how old the earlier job may be",
    ),
    (
        bacalhau_job(Meta={"conveyor.reuse": "0s"}),
        "job meta key 'conveyor.reuse' must be longer than zero",
    ),
    (bacalhau_job(Count=-1), "job count must be >= 0"),
    (bacalhau_job(Count=10_001), "job count must be <= 10000"),
    (
        bacalhau_job(Type="ops", Count=2),
        "ops jobs cannot specify count > 1 as they run on all matching nodes",
    ),
    (
        bacalhau_job(Type="daemon", Count=2),
        "daemon jobs cannot specify count > 1 as they run on all matching nodes",
    ),
    ({"Type": "batch"}, "missing job tasks"),
    (bacalhau_job(Labels={" ": "x"}), "label key cannot be blank"),
    (bacalhau_job(Engine={}), "unknown field 'Engine': it is a field of Tasks"),
    (bacalhau_job(Prioritty=1), "unknown field 'Prioritty', did you mean 'Priority'?"),
    (bacalhau_job(Count="many"), "'Count' must be a whole number"),
    (bacalhau_job(Labels={"a": 1}), "'a' must be text"),
    (bacalhau_job(Retry={"Limit": -1}), "retry limit must be >= 0"),
    (bacalhau_job(Retry={"InitialDelay": "soon"}), "InitialDelay 'soon' must be a duration"),
    (bacalhau_job(UpdatePolicy={"MaxUnavailable": 0}), "MaxUnavailable must be >= 1"),
    (bacalhau_job(Budget="0"), "budget '0' must be an amount above 0 such as 12.50"),
    (bacalhau_job(SuccessCodes=[0, 256]), "success code 256 must be between 0 and 255"),
]
CONSTRAINTS: list[tuple[Tree, str]] = [
    (_constraint(" ", "exists"), "selector key cannot be blank"),
    (_constraint("a", "in"), "selector values cannot be empty for In or NotIn operators"),
    (_constraint("a", "notin"), "selector values cannot be empty for In or NotIn operators"),
    (_constraint("a", "exists", "b"), "selector values must be empty for Exists or KeyNotInImap"),
    (_constraint("a", "!", "b"), "selector values must be empty for Exists or KeyNotInImap"),
    (_constraint("a", "="), "selector values must have exactly one value for other operators"),
    (_constraint("a", "!=", "b", "c"), "selector values must have exactly one value"),
    (_constraint("a", "like", "b"), "unknown operator 'like': must be one of =, ==, !=, in"),
    (_constraint("a", "In", "b"), "unknown operator 'In'"),
    (_constraint("a", "gt", "many"), "selector value 'many' must be a whole number for gt"),
    (_constraint("a b", "exists"), "label key 'a b'"),
    (_constraint("favour_a b", "exists"), "label key 'a b'"),
    (_constraint("a", "=", "b c"), "label value 'b c'"),
]
TASKS: list[tuple[Tree, str]] = [
    (bacalhau_job({"Engine": None}), "invalid engine: missing spec type"),
    (bacalhau_job({"Engine": {"Type": "qemu"}}), "unknown type 'qemu': must be docker or wasm"),
    (_engine(Image=""), "invalid docker engine param: 'Image' cannot be empty"),
    (_engine(Imge="a"), "unknown field 'Imge', did you mean 'Image'?"),
    (_engine(WorkingDirectory="a"), "'WorkingDirectory' (\"a\") must contain absolute path"),
    (
        _engine(EnvironmentVariables=["BACALHAU_X=1"]),
        "environment variable 'BACALHAU_X' cannot start with BACALHAU_",
    ),
    (_engine(EnvironmentVariables=["A"]), "each of 'EnvironmentVariables' must be NAME=VALUE"),
    (_engine(Parameters="echo hi"), "'Parameters' must be a list"),
    (
        bacalhau_job({"Engine": {"Type": "wasm", "Params": {"EntryModule": "/m.wasm"}}}),
        "'EntryModule' \"/m.wasm\" must be the Target of an input source",
    ),
    (bacalhau_job({"Engine": {"Type": "wasm"}}), "'EntryModule' cannot be empty"),
    (bacalhau_job({"Env": {"": "1"}}), "environment variable name cannot be empty"),
    (bacalhau_job({"Env": {"a": "1"}}), "environment variable 'a' must be uppercase"),
    (bacalhau_job({"Env": {"_A": "1"}}), "environment variable '_A' must start with a letter"),
    (
        bacalhau_job({"Env": {"A-B": "1"}}),
        "environment variable 'A-B' can only contain letters, numbers, and underscores",
    ),
    (
        bacalhau_job({"Env": {"BACALHAU_A": "1"}}),
        "environment variable 'BACALHAU_A' cannot start with BACALHAU_",
    ),
    (bacalhau_job({"Env": {"A": ""}}), "environment variable 'A' cannot have empty value"),
    (bacalhau_job({"Image": "a"}), "unknown field 'Image': it is a field of Engine.Params"),
    (
        bacalhau_job({"ResultPaths": [{"Name": "out", "Path": "/out"}]}),
        "publisher must be set if result paths are set",
    ),
    *(
        (
            bacalhau_job({"ResultPaths": [{"Name": name, "Path": "/out"}]}),
            f"result path name '{name}' is taken: each result has a file of that name",
        )
        for name in ("stdout", "stderr", "exitCode")
    ),
    (bacalhau_job({"ResultPaths": [{"Path": "/out"}]}), "missing name"),
    (bacalhau_job({"ResultPaths": [{"Name": "out"}]}), "missing path"),
    (
        bacalhau_job({"ResultPaths": [{"Name": "out", "Path": "out"}]}),
        "result path `out` must be absolute",
    ),
    (
        bacalhau_job({"ResultPaths": 2 * [{"Name": "out", "Path": "/out"}]}),
        "result path with name 'out' already exists",
    ),
    (
        bacalhau_job({"ResultPaths": 2 * [{"Name": "out", "Path": "/out"}]}),
        "result path '/out' already exists",
    ),
    (bacalhau_job({"Resources": {"CPU": "x"}}), "invalid resources: invalid CPU value: x"),
    (bacalhau_job({"Resources": {"Memory": "1q"}}), "invalid memory value: 1q"),
    (bacalhau_job({"Resources": {"Disk": "-1"}}), "invalid disk value: -1"),
    (bacalhau_job({"Resources": {"GPU": "0.5"}}), "invalid GPU value: 0.5"),
    (_network("mesh"), "unknown type 'mesh'"),
    (_network("Host", Domains=["a.org"]), "domains can only be set for HTTP network mode"),
    (_network("HTTP"), "HTTP network mode needs at least one domain"),
    (_network("HTTP", Domains=["a b"]), 'invalid domain "a b"'),
    (_network("HTTP", Domains=["*.a.org"]), "write '.a.org' for all below it"),
    (_ports({"Name": "a"}, kind="None"), "ports can only be set for Host or Bridge network modes"),
    (_ports({}), "port mapping name is required"),
    (_ports({"Name": "a-b"}), "port name 'a-b' must be a valid identifier"),
    (_ports({"Name": "a", "Static": 80}), "static port 80 must be between 1024 and 65535"),
    (_ports({"Name": "a", "Target": 70000}), "target port 70000 must be between 0 and 65535"),
    (_ports({"Name": "a"}, {"Name": "a"}), "port mapping with name a already exists"),
    (
        _ports({"Name": "a", "Static": 2000}, {"Name": "b", "Static": 2000}),
        "port mapping with static port 2000 already exists",
    ),
    (
        _ports({"Name": "a", "Target": 80}, kind="Host"),
        "target ports cannot be set for Host network mode",
    ),
    (_ports({"Name": "a", "HostNetwork": "here"}), "host network 'here' must be an IP address"),
    (
        bacalhau_job({"Timeouts": {"ExecutionTimeout": -1}}),
        "invalid timeouts: invalid execution timeout value: -1s",
    ),
    (
        bacalhau_job({"Timeouts": {"ExecutionTimeout": 2**63}}),
        "invalid execution timeout value: 9223372036854775808s",
    ),
    (bacalhau_job({"Timeouts": {"QueueTimeout": -1}}), "invalid queue timeout value: -1s"),
    (bacalhau_job({"Timeouts": {"TotalTimeout": -1}}), "invalid total timeout value: -1s"),
    (
        bacalhau_job(
            {"Timeouts": {"ExecutionTimeout": 60, "QueueTimeout": 10, "TotalTimeout": 60}}
        ),
        "execution timeout 1m and queue timeout 10s should be less than total timeout 1m",
    ),
    (_publisher(Params={"Bucket": "abc"}), "invalid publisher: missing spec type"),
    (_publisher(Type="ftp"), "unknown type 'ftp': must be one of s3, s3managed, ipfs, local, noop"),
    (_publisher(Type="s3", Params={"Key": "a"}), "invalid s3 params. bucket cannot be empty"),
    (_publisher(Type="s3", Params={"Bucket": "abc"}), "invalid s3 params. key cannot be empty"),
    (
        _publisher(Type="s3", Params={"Bucket": "abc", "Key": "{job}"}),
        "must hold no other placeholder",
    ),
    (
        _publisher(Type="s3", Params={"Bucket": "abc", "Key": "a", "Encoding": "zip"}),
        "Encoding must be gzip or plain",
    ),
]


def _partition(**partition: Any) -> Tree:
    return with_source("s3", {"Bucket": "abc", "Key": "in/", "Partition": partition})


SOURCES: list[tuple[Tree, str]] = [
    (
        bacalhau_job({"InputSources": [{"Target": "/in"}]}),
        "invalid input source: missing spec type",
    ),
    (with_source("ftp", {}), "invalid input source: unknown type 'ftp'"),
    (with_source("inline", {"URL": "data:,x"}, target=" "), "input source is missing a target"),
    (
        bacalhau_job(
            {"InputSources": 2 * [{"Alias": "a", "Target": "/in", "Source": {"Type": "inline"}}]}
        ),
        "input source with alias 'a' already exists",
    ),
    (
        bacalhau_job({"InputSources": 2 * [{"Target": "/in", "Source": {"Type": "inline"}}]}),
        "input source with target '/in' already exists",
    ),
    (with_source("s3", {"Key": "a"}), "invalid s3 storage params: bucket cannot be empty"),
    (with_source("s3", {"Bucket": "abc", "Filter": "("}), "Filter must be a regular expression"),
    (
        with_source("s3", {"Bucket": "abc", "Key": "a*", "VersionID": "1"}),
        "VersionID is only for one object",
    ),
    (
        with_source("s3", {"Bucket": "abc", "Key": "a", "ChecksumSHA256": "xyz"}),
        "ChecksumSHA256 must be a SHA-256 in base64",
    ),
    (_partition(Type="half"), "unsupported partition key type half"),
    (_partition(Type="regex"), "regex pattern cannot be empty"),
    (_partition(Type="regex", Pattern="("), "Pattern must be a regular expression"),
    (_partition(Type="substring", StartIndex=-1, EndIndex=1), "start index cannot be negative"),
    (
        _partition(Type="substring", StartIndex=2, EndIndex=2),
        "end index must be greater than start index",
    ),
    (_partition(Type="date"), "date format cannot be empty"),
    (_partition(Type="date", DateFormat="YYYY"), "invalid date format: YYYY"),
    (with_source("urlDownload", {"URL": "ftp://a.org/x"}), "URL must be an http or https URL"),
    (with_source("urlDownload", {"URL": "https://a.org/"}), "URL must end with a file name"),
    (with_source("ipfs", {}), "CID cannot be empty"),
    (with_source("inline", {"URL": "text"}), "URL must be a data: URL"),
    (with_source("s3PreSigned", {"Bucket": "abc"}), "signed url cannot be empty"),
    (with_source("local", {"SourcePath": "a"}), "SourcePath must be an absolute path"),
    (
        with_source("local", {"SourcePath": "/a", "CreateAs": "link"}),
        "CreateAs must be one of dir, file, noCreate",
    ),
]


@pytest.mark.parametrize(("tree", "rule"), JOBS)
def test_a_job_that_breaks_a_rule_is_refused(tree: Tree, rule: str) -> None:
    assert rule in refusals(tree)


@pytest.mark.parametrize(("tree", "rule"), CONSTRAINTS)
def test_a_constraint_is_refused_with_its_number(tree: Tree, rule: str) -> None:
    assert refusals(tree).startswith(f"{_SELECTOR}{rule}")


@pytest.mark.parametrize(("tree", "rule"), TASKS + SOURCES)
def test_a_task_is_refused_with_its_name(tree: Tree, rule: str) -> None:
    found = refusals(tree)
    assert rule in found
    assert found.startswith(_TASK)


def test_all_problems_are_told_at_once_also_of_what_is_not_well_formed() -> None:
    tree = bacalhau_job(
        {"Env": {"a": "1"}, "Engine": {"Type": "docker", "Params": {"Image": 1}}, "Nme": "x"},
        Type="job",
        Count=[],
        Constraints=[{"Key": "a", "Operator": "~"}, {"Key": "b", "Operator": "="}],
    )
    lines = refusals(tree).splitlines()
    assert len(lines) == 7
    assert [line.split(":")[0] for line in lines] == [
        "'Count' must be a whole number",
        "task main validation failed",
        "invalid job type",
        "constraint 1 validation failed",
        "constraint 2 validation failed",
        "task main validation failed",
        "task main validation failed",
    ]


def test_a_problem_has_the_line_of_its_field_also_where_its_name_is_in_another_case() -> None:
    text = b"type: batch\nTasks:\n- Name: main\n  Engine:\n    Type: qemu\n"
    with pytest.raises(InvalidJob) as raised:
        parse_job(text, "text/yaml")
    (problem,) = raised.value.problems
    assert (problem.field, problem.line, problem.column) == ("Tasks[0].Engine.Type", 5, 11)


def test_a_thousand_unknown_fields_are_refused_without_a_thousand_copies() -> None:
    tree = bacalhau_job(**{f"x{number}": 1 for number in range(20_000)})
    assert len(refusals(tree).splitlines()) == 100


def test_json_is_as_good_as_yaml() -> None:
    checked = parse_job(json.dumps(bacalhau_job({"Engine": DOCKER})).encode(), "application/json")
    assert checked.job.task.name == "main"


def test_what_is_wrong_in_a_list_of_numbers_is_told_once() -> None:
    told = refusals(bacalhau_job(SuccessCodes=[-1, "a", "b"]))
    assert told.splitlines() == [
        "'SuccessCodes[1]' must be a whole number",
        "'SuccessCodes[2]' must be a whole number",
    ]


def test_a_success_code_is_no_task() -> None:
    assert refusals(bacalhau_job(SuccessCodes=[-1])) == "success code -1 must be between 0 and 255"
