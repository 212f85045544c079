"""Which jobs of ByteNite are refused, and in which words."""

import re
from typing import Any

import pytest

from shared.jobspec.bytenite.building_blocks import App, app_problems
from shared.jobspec.bytenite.parsing import check_job, checked
from shared.jobspec.problems import InvalidJob


def job(**fields: Any) -> dict[str, Any]:
    return {"templateId": "video@1", **fields}


def broken(tree: object) -> dict[str, str]:
    with pytest.raises(InvalidJob) as caught:
        check_job(tree)
    return {problem.field: problem.rule for problem in caught.value.problems}


def test_a_job_with_all_fields_is_taken_and_shown_as_it_came() -> None:
    tree = job(
        name="clip",
        description="a clip",
        config={"taskTimeout": 60, "jobTimeout": 600, "isTestJob": True, "maxTaskRetries": 2},
        priority="EXECUTION_PRIORITY_HIGH",
        startAt="2030-01-31T12:00:00Z",
        deadline="2030-01-31T13:00:00+00:00",
        regions={"whitelist": ["eu"], "blacklist": ["us"]},
        dataSource={"dataSourceDescriptor": "url", "params": {"url": "https://example.com/a"}},
        dataDestination={"dataSourceDescriptor": "bucket"},
        params={"preset": "fast", "partitioner": {"n": 2}, "app": {"w": 1}, "assembler": {"z": 0}},
        tolerance={"maxFailedChunks": 1, "maxFailedPercent": 10},
        onChunkFailure="tolerate",
    )

    assert check_job(tree).shown() == tree


def test_what_a_client_read_is_taken_back_and_null_is_not_set() -> None:
    read: dict[str, Any] = {
        "id": None,
        "state": "JOB_STATE_NEW",
        "numUnitsEstimation": "0",
        "stateTimestamps": {},
    }
    given = job(startAt="", deadline=None, config={"taskTimeout": "60"}, priority="HIGH", **read)
    del given["id"]

    taken = check_job(given)

    assert (taken.start_at, taken.config.task_timeout) == (None, 60)
    assert taken.priority == "EXECUTION_PRIORITY_HIGH"


def test_each_broken_rule_is_told_at_its_field_in_one_answer() -> None:
    told = broken(
        {
            "templateId": "a b",
            "config": {"taskTimeout": -1, "maxTaskRetries": 99, "replicationFactor": 3},
            "startAt": "tomorrow",
            "regions": {"whitelist": ["eu", ""], "blacklist": ["eu"]},
            "tolerance": {"maxFailedPercent": 101},
            "onChunkFailure": "fail_fast",
        }
    )

    assert list(told) == [
        "templateId",
        "config.taskTimeout",
        "config.maxTaskRetries",
        "config.replicationFactor",
        "startAt",
        "regions.whitelist[1]",
        "regions.blacklist",
        "tolerance.maxFailedPercent",
        "tolerance",
    ]


@pytest.mark.parametrize(
    ("fields", "field", "rule"),
    [
        ({"priority": "EXECUTION_PRIORITY_BIG"}, "priority", "must be 'EXECUTION_PRIORITY_"),
        ({"tempateId": "x"}, "tempateId", "unknown field, did you mean 'templateId'?"),
        ({"config": {"timeout": 1}}, "config.timeout", "unknown field, did you mean"),
        ({"config": {"taskTimeout": 1.5}}, "config.taskTimeout", "must be a whole number"),
        ({"params": {"app": []}}, "params.app", "must be a mapping"),
        (
            {"startAt": "2030-01-02T00:00:00Z", "deadline": "2030-01-01T00:00:00Z"},
            "deadline",
            "must be after startAt",
        ),
        ({"startAt": "2030-01-02T00:00:00"}, "startAt", "must be a time with an offset"),
        ({"startAt": "9999-12-31T23:59:59-14:00"}, "startAt", "must be a time with an offset"),
    ],
)
def test_a_wrong_value_is_told_with_its_rule(fields: dict[str, Any], field: str, rule: str) -> None:
    assert broken(job(**fields))[field].startswith(rule)


@pytest.mark.parametrize(
    ("needed", "rule"),
    [
        ({"minMemory": 1e300}, "minMemory: '1e+300' is not allowed: must be an amount of memory"),
        ({"minCpu": "1e400"}, "minCpu: '1e400' is not allowed: must be a number"),
        ({"minCpu": "nan"}, "minCpu: 'nan' is not allowed: must be a number"),
    ],
)
def test_an_app_needs_no_amount_that_is_infinite(needed: dict[str, Any], rule: str) -> None:
    app: dict[str, Any] = {
        "name": "a",
        "version": "1.0",
        "platform": "docker",
        "entrypoint": ["run"],
    }
    app |= {"platformConfig": {"container": "alpine:3"}, "deviceRequirements": needed}

    with pytest.raises(InvalidJob, match=re.escape(rule)):
        raise InvalidJob(list(app_problems(checked(App, app))))
