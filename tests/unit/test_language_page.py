"""docs/language.md has every field and function, and says which fields are evaluated."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from shared.expressions.library import library
from shared.expressions.signatures import PREDICATES
from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork import models as m
from shared.jobspec.tork.parsing import parse_job, parse_scheduled_job
from tests.support.jobs.documented import LANGUAGE, jobs_of

Fields = dict[str, Any]
ON = {True: "on"}  # as YAML 1.1 reads it; the API takes it as it is written
MODELS = {"registry", "defaults", "s3", "wasm"}  # their fields have tables of their own
ARTIFACT = {"name": "report", "path": "out"}
STAGES = {"split": {"run": "ls"}, "task": {"run": "ls"}, "assemble": {"run": "ls"}}
LOGIN = ("accessKey", "secretKey")
BROKEN = "{{ 1 + }}"
ROW = re.compile(r"^\| `(\w+)` \| `([^|]+)` \| (yes)? ?\|", re.MULTILINE)


def job(**fields: Any) -> Fields:
    return {"name": "x", "tasks": [{"name": "a", "run": "ls"}], **fields}


def task(**fields: Any) -> Fields:
    runs = (
        {}
        if {"parallel", "each", "spawn", "subjob", "partition", "wasm"} & fields.keys()
        else {"run": "ls"}
    )
    brings = {"sources": [source(target="in/")]} if "wasm" in fields else {}
    return job(tasks=[{"name": "a", **runs, **brings, **fields}])


SECTIONS: dict[str, tuple[list[type[BaseModel]], Callable[[Fields], Fields]]] = {
    "Job": ([m.JobSpec], lambda fields: job(**fields)),
    "Scheduled job": ([], lambda fields: job(**{"schedule": {"interval": "1h"}, **fields})),
    "Task": (
        [m.TaskEntry, m.InnerTask, m.SubjobTask],
        lambda fields: task(**({"artifacts": [ARTIFACT]} if "publish" in fields else {}), **fields),
    ),
    "placement": ([m.Placement], lambda fields: placed(**fields)),
    "constraint": ([m.Constraint], lambda fields: placed(constraints=[constraint(**fields)])),
    "prefer": (
        [m.Preference],
        lambda fields: placed(prefer=[{"constraints": ["a exists"], **fields}]),
    ),
    "resources": ([m.Resources], lambda fields: placed(resources=fields)),
    "update": ([m.UpdatePolicy], lambda fields: placed(update=fields)),
    "network": ([m.Network], lambda fields: task(network=network(**fields))),
    "port": (
        [m.Port],
        lambda fields: task(network={"type": "bridge", "ports": [{"name": "A", **fields}]}),
    ),
    "wasm": ([m.Wasm], lambda fields: task(wasm={"module": "in/a.wasm", **fields})),
    "parallel": ([m.Parallel], lambda f: task(parallel={"tasks": [{"run": "ls"}], **f})),
    "each": ([m.Each], lambda f: task(each={"list": "[1]", "task": {"run": "ls"}, **f})),
    "spawn": ([m.Spawn], lambda f: task(spawn={"task": {"run": "ls"}, **f})),
    "subjob": ([m.Subjob], lambda f: task(subjob={"name": "b", "tasks": [{"run": "ls"}], **f})),
    "partition": ([m.Partitioned], lambda f: task(partition={**STAGES, **f})),
    "retry": ([m.Retry], lambda fields: task(retry={"limit": 1, **fields})),
    "limits": ([m.Limits], lambda fields: task(limits=fields)),
    "registry": ([m.Registry], lambda fields: task(image="a:1", registry=fields)),
    "defaults": ([m.Defaults], lambda fields: job(defaults=fields)),
    "pre, post": ([m.AuxTask], lambda fields: task(pre=[{"run": "ls", **fields}])),
    "sidecar": ([], lambda fields: task(sidecars=[{"name": "b", "image": "a:1", **fields}])),
    "probe": (
        [m.Probe],
        lambda f: task(sidecars=[{"name": "b", "image": "a:1", "probe": probe(**f)}]),
    ),
    "mount": ([m.Mount], lambda fields: task(image="a:1", mounts=[mount(**fields)])),
    "source": ([m.Source], lambda fields: job(**taker(sources=[source(**fields)]))),
    "artifact": ([m.Artifact], lambda fields: task(artifacts=[{**ARTIFACT, **fields}])),
    "publish": (
        [m.Publication],
        lambda f: task(artifacts=[ARTIFACT], publish=[publication(**f)]),
    ),
    "s3": (
        [m.S3Source, m.S3Target],
        lambda fields: task(placement={}, **of_s3(fields)),
    ),
    "s3 partition": ([m.Partition], lambda fields: dealt_out(partition(**fields))),
    "webhook": (
        [m.Webhook],
        lambda fields: job(webhooks=[{"url": "https://ci.example", **fields}]),
    ),
    "permission": ([m.Permission], lambda fields: job(permissions=[permission(**fields)])),
    "autoDelete": ([m.AutoDelete], lambda fields: job(autoDelete=fields)),
    "reuse": ([m.Reuse], lambda fields: job(reuse=fields)),
    "wait": ([m.Wait], lambda fields: job(wait=fields)),
    "schedule": ([m.Schedule], lambda fields: job(schedule=schedule(**fields))),
    "catchUp": (
        [m.CatchUp],
        lambda f: job(schedule=schedule(catchUp={"policy": "all", **f})),
    ),
}
"""The models whose fields the table below each heading has, and a job that holds some of them."""


def placed(**fields: Any) -> Fields:
    return task(placement={**({"count": 3} if "minNodes" in fields else {}), **fields})


def constraint(**fields: Any) -> Fields:
    return {"key": "a", "operator": "in", "values": ["b"], **fields}


def network(**fields: Any) -> Fields:
    return {"type": "http" if "domains" in fields else "bridge", **fields}


def schedule(**fields: Any) -> Fields:
    return fields if {"crons", "interval", "at"} & fields.keys() else {"cron": "@daily", **fields}


def probe(**fields: Any) -> Fields:
    return fields if "command" in fields else {"port": 1, **fields}


def permission(**fields: Any) -> Fields:
    return fields if {"role", "user"} & fields.keys() else {"user": "ann", **fields}


def mount(**fields: Any) -> Fields:
    if "source" in fields or fields.get("type") == "bind":
        return {"type": "bind", "source": "/srv", "target": "/data", **fields}
    return {"type": "volume", "target": "/data", **fields}


def source(**fields: Any) -> Fields:
    kinds = {"artifact", "upload", "url", "s3", "ipfs", "inline", "local"} & fields.keys()
    return {**({} if kinds else {"url": "https://ci.example"}), "target": "in", **fields}


def taker(**fields: Any) -> Fields:
    tasks = [{"name": "build", "run": "ls", "artifacts": [ARTIFACT]}, {"name": "a", **fields}]
    return {"tasks": tasks, "uploads": {"orders": "1f3a"}}


def publication(**fields: Any) -> Fields:
    return fields if {"s3", "ipfs", "local"} & fields.keys() else {"ipfs": True, **fields}


def s3_source(**fields: Any) -> Fields:
    login = {} if "credentials" in fields else dict.fromkeys(LOGIN, "{{ secrets.key }}")
    key = "in/" if {"filter", "partition"} & fields.keys() else "in"
    return {"s3": {"bucket": "data", "key": key, **login, **fields}, "target": "in"}


def of_s3(fields: Fields) -> Fields:
    if "encoding" in fields:
        target = {"bucket": "data", "key": "out/", **fields}
        return {"artifacts": [ARTIFACT], "publish": [{"s3": target}]}
    return {"sources": [s3_source(**fields)]}


def partition(**fields: Any) -> Fields:
    kinds = {"pattern": "regex", "startIndex": "substring", "endIndex": "substring"}
    kind = next((kinds[name] for name in fields if name in kinds), "date")
    of_its_kind: dict[str, Fields] = {
        "regex": {"pattern": "a"},
        "substring": {"endIndex": 9},
        "date": {} if "type" in fields else {"dateFormat": "2006"},
    }
    return {"type": kind, **of_its_kind[kind], **fields}


def dealt_out(partition: Fields) -> Fields:
    s3 = {"bucket": "data", "key": "in/", "partition": partition}
    return task(sources=[{"s3": s3, "target": "in"}], placement={})


def section(heading: str) -> str:
    _, _, rest = LANGUAGE.partition(f"\n### {heading}\n")
    return rest.partition("\n### ")[0]


def rows() -> Iterator[tuple[str, str, str, bool]]:
    for heading in SECTIONS:
        for field, example, evaluated in ROW.findall(section(heading)):
            yield heading, field, example, bool(evaluated)


def errors_of(heading: str, fields: Fields) -> str:
    submitted = yaml.safe_dump(SECTIONS[heading][1](fields)).encode()
    is_scheduled = heading in ("schedule", "catchUp", "Scheduled job")
    try:
        (parse_scheduled_job if is_scheduled else parse_job)(submitted, "text/yaml")
    except InvalidJob as error:
        return str(error)
    return ""


def test_every_section_of_the_reference_is_tested() -> None:
    _, _, reference = LANGUAGE.partition("\n## Reference\n")
    assert re.findall(r"^### (.*)$", reference, re.MULTILINE) == list(SECTIONS)


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_tables_have_every_field(heading: str) -> None:
    models, _ = SECTIONS[heading]
    known = {f.alias or name for model in models for name, f in model.model_fields.items()}
    named = [field for field, _, _ in ROW.findall(section(heading))]
    assert len(named) == len(set(named))
    assert set(named) == known or not models


@pytest.mark.parametrize(("heading", "field", "example", "evaluated"), list(rows()))
def test_an_example_is_accepted_and_only_evaluated_fields_are_read_as_expressions(
    heading: str, field: str, example: str, evaluated: bool
) -> None:
    fields = {ON.get(name, name): value for name, value in yaml.safe_load(example).items()}
    assert list(fields) == [field]
    assert errors_of(heading, fields) == ""
    if field in MODELS:
        return
    if (broken := _broken(fields[field])) is not None:
        assert ("compile" in errors_of(heading, {field: broken})) is evaluated


def _broken(value: object) -> object:
    """The same with an expression that is none in it; None: it holds no text."""
    match value:
        case str():
            return BROKEN
        case [str(), *_]:
            return [BROKEN]
        case dict() if all(isinstance(each, str) for each in value.values()):
            return dict.fromkeys(value, BROKEN)
        case _:
            return None


def test_the_page_names_every_function() -> None:
    known = {*library("exact"), *PREDICATES}
    assert {name for name in known if f"`{name}`" not in LANGUAGE} == set()


@pytest.mark.parametrize("name", jobs_of(LANGUAGE))
def test_a_job_of_the_page_is_accepted_without_warnings(name: str) -> None:
    job = parse_job(jobs_of(LANGUAGE)[name].text.encode(), "text/yaml")
    assert (job.name, job.warnings) == (name, ())
