"""A job of Bacalhau is kept in one spelling; what a client can't set is a warning."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.jobspec.bacalhau.normal import DEFAULTS, TypeDefaults
from shared.jobspec.bacalhau.parsing import check_job, parse_job
from shared.jobspec.bacalhau.settings import BacalhauSettings, job_defaults
from tests.support.bacalhau import Tree, bacalhau_job

_EXAMPLES = Path(__file__).parent / "data" / "bacalhau"


def _warnings(tree: Tree) -> list[str]:
    return [warning.rule for warning in check_job(tree).warnings]


@pytest.mark.parametrize(
    ("field", "value", "warning"),
    [
        ("ID", "j-1", "job ID is ignored when submitting a batch job"),
        ("State", {"StateType": "Running"}, "job state is ignored when submitting a job"),
        ("Version", 2, "job version is ignored when submitting a job"),
        ("Revision", 2, "job revision is ignored when submitting a job"),
        ("CreateTime", 2, "job create time is ignored when submitting a job"),
        ("ModifyTime", 2, "job modify time is ignored when submitting a job"),
    ],
)
def test_what_the_server_sets_is_ignored_with_one_warning(
    field: str, value: object, warning: str
) -> None:
    tree = bacalhau_job(**{field: value})
    assert _warnings(tree) == [warning]
    assert field not in check_job(tree).job.shown()


def test_fields_that_a_client_sends_empty_are_no_warning() -> None:
    empty = {"State": {"StateType": "Undefined", "Message": ""}, "Version": 0, "CreateTime": 0}
    assert _warnings(bacalhau_job(ID="", Meta=None, **empty)) == []


def test_reserved_meta_is_dropped_and_a_second_task_does_not_run() -> None:
    tree = bacalhau_job(Meta={"bacalhau.org/x": "1", "a": "2"})
    tree["Tasks"] *= 2
    assert _warnings(tree) == [
        'job meta key "bacalhau.org/x" is reserved and will be ignored',
        "only one task is supported per job: 1 of them will not run",
    ]
    shown = check_job(tree).job.shown()
    assert shown["Meta"] == {"a": "2"}
    assert len(shown["Tasks"]) == 1


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 1),
        ({"Count": 0}, 0),
        ({"Count": 3}, 3),
        ({"Type": "service"}, 1),
        ({"Type": "ops"}, 0),
        ({"Type": "daemon", "Count": 1}, 0),
    ],
)
def test_count_is_one_unless_it_is_said_and_means_nothing_on_all_nodes(
    fields: Tree, count: int
) -> None:
    assert check_job(bacalhau_job(**fields)).job.count == count


def test_one_spelling_is_kept_of_what_has_several() -> None:
    tree = {
        "type": "batch",
        "TASKS": [
            {
                "name": "main",
                "engine": {"type": " Docker", "params": {"image": "a", "PARAMETERS": ["x"]}},
                "network": {"type": "http", "domains": [" Example.com"]},
                "inputsources": [
                    {"target": " /in ", "source": {"type": "LOCAL", "params": {"sourcepath": "/a"}}}
                ],
                "resources": {"memory": "1 GB", "gpu": 1},
            }
        ],
    }
    shown = check_job(tree).job.shown()
    (task,) = shown["Tasks"]
    assert shown["Namespace"] == "default"
    assert task["Engine"] == {"Type": "docker", "Params": {"Image": "a", "Parameters": ["x"]}}
    assert task["Network"] == {"Type": "HTTP", "Domains": ["example.com"], "Ports": []}
    assert task["InputSources"] == [
        {"Alias": "", "Target": "/in", "Source": {"Type": "local", "Params": {"SourcePath": "/a"}}}
    ]
    assert task["Resources"] == {"CPU": "500m", "Memory": "1gb", "Disk": "", "GPU": "1"}


def test_what_is_kept_is_accepted_again_as_it_is() -> None:
    shown = check_job(bacalhau_job({"Env": {"A": "1"}}, Labels={"a": "b"}, Count=2)).job.shown()
    again = check_job(shown)
    assert (again.job.shown(), list(again.warnings)) == (shown, [])


def test_defaults_are_those_of_the_type_and_only_of_jobs_that_end() -> None:
    chosen = TypeDefaults(
        priority=5, cpu="2", publisher={"Type": "local"}, execution_timeout=60, total_timeout=90
    )
    defaults = {**DEFAULTS, "batch": chosen, "service": chosen}
    batch = check_job(bacalhau_job(), defaults).job
    service = check_job(bacalhau_job(Type="service"), defaults).job
    assert (batch.priority, batch.task.resources.cpu) == (5, "2")
    assert (batch.task.publisher.type, service.task.publisher.type) == ("local", "")
    assert (batch.task.timeouts.execution_timeout, batch.task.timeouts.total_timeout) == (60, 90)
    assert service.task.timeouts.execution_timeout == 0


def test_modules_that_stand_in_the_engine_as_once_they_did_become_input_sources() -> None:
    def module(name: str) -> Tree:
        return {"Source": {"Type": "urlDownload", "Params": {"URL": f"https://a.org/{name}"}}}

    params = {
        "EntryModule": module("main.wasm"),
        "EntryPoint": "run",
        "ImportModules": [{**module("lib.wasm"), "Target": "/lib.wasm"}, module("b.wasm")],
    }
    job = check_job(bacalhau_job({"Engine": {"Type": "wasm", "Params": params}})).job
    assert job.task.engine.params == {
        "EntryModule": "/wasm/entry.wasm",
        "Entrypoint": "run",
        "ImportModules": ["/lib.wasm", "/wasm/imports/module_1.wasm"],
    }
    assert [source.target for source in job.task.input_sources] == [
        "/wasm/entry.wasm",
        "/lib.wasm",
        "/wasm/imports/module_1.wasm",
    ]


_FILLED = (
    ('{{or (index . "start-time") ""}}', '""'),
    ('{{or (index . "end-time") ""}}', '""'),
    ("{{.query}}", "SELECT 1"),
    ("{{.OpenSearchEndpoint}}", "https://search"),
    ("{{.AccessLogBucket}}", "logs"),
    ("{{.AWSRegion}}", "eu-central-1"),
)


@pytest.mark.parametrize("name", ["batch", "ops", "daemon", "service"])
def test_the_examples_of_the_documents_are_accepted_as_they_stand(name: str) -> None:
    text = (_EXAMPLES / f"{name}.yaml").read_text()
    for placeholder, value in _FILLED:
        text = text.replace(placeholder, value)
    checked = parse_job(text.encode(), "text/yaml")
    assert checked.job.type == name
    assert (
        "'DEFAULT_USER_NAME' is set without the spaces around '='"
        in [warning.rule for warning in checked.warnings]
        or name == "daemon"
    )


def test_an_operator_sets_defaults_in_the_form_of_bacalhaus_own_configuration() -> None:
    text = """
    Batch: {Priority: 5, Task: {Resources: {CPU: 2}, Publisher: {Type: s3managed},
            Timeouts: {ExecutionTimeout: 10m, TotalTimeout: 3600}}}
    service: {task: {resources: {memory: 1Gb}}}
    """
    defaults = job_defaults(text)
    assert defaults["batch"] == TypeDefaults(
        priority=5,
        cpu="2",
        publisher={"Type": "s3managed", "Params": {}},
        execution_timeout=600,
        total_timeout=3600,
    )
    assert defaults["service"] == TypeDefaults(memory="1Gb")
    assert defaults["ops"] == TypeDefaults()
    assert job_defaults("") == DEFAULTS


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("{Batches: {}}", "unknown field 'Batches', did you mean 'Batch'?"),
        ("{Batch: {Task: {Resources: {CPU: x}}}}", "invalid CPU value: x"),
        ("{Batch: {Task: {Publisher: {Type: ftp}}}}", "unknown type 'ftp'"),
        ("{Batch: {Task: {Timeouts: {TotalTimeout: soon}}}}", "must be a duration"),
        ("{", "not valid YAML"),
    ],
)
def test_defaults_that_can_not_hold_are_refused_at_the_start(text: str, rule: str) -> None:
    with pytest.raises(ValidationError) as raised:
        BacalhauSettings(job_defaults=text)
    assert rule in str(raised.value)
