"""Jobs of Arvados: what they may hold, what they compile to, and how lists of them are searched."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from services.coordinator.api.arvados.listing import listing, page
from services.coordinator.api.arvados.parameters import takes_alike
from services.coordinator.api.errors import Unprocessable
from shared.definition import JobDefinition, Placement, Resources, TaskDefinition
from shared.definition.quantities import Amount, Duration
from shared.jobspec.arvados.compilation import compile_job
from shared.jobspec.arvados.container_compilation import compile_request
from shared.jobspec.arvados.containers import checked_request
from shared.jobspec.arvados.job_tasks import JobTaskReport, NewJobTask, checked_task
from shared.jobspec.arvados.models import checked
from shared.jobspec.arvados.uuids import CONTAINER, JOB, id_beginning, uuid_from, uuid_of
from shared.jobspec.problems import InvalidJob
from shared.planning.fingerprint import job_fingerprint
from shared.process.sealing import Sealer

HASH = {
    "script": "hash",
    "script_version": "main",
    "repository": "lab/tools",
    "script_parameters": {"input": "x", "sizes": [1, 2], "code": "{{ secrets.a }}"},
}


KEY = {"kind": "text", "content": "hush"}
COUNT = {
    "state": "Committed",
    "container_image": "alpine:3",
    "command": ["wc", "{{ secrets.a }}"],
    "environment": {"LANG": "C"},
    "cwd": "/srv",
    "mounts": {
        "/in/words": {"kind": "json", "content": ["one"]},
        "/in/old": {"kind": "collection", "portable_data_hash": "ab12/t.output", "path": "/x/"},
        "/out": {"kind": "tmp", "capacity": 1000},
    },
    "secret_mounts": {"/in/key": {"kind": "text", "content": "data:hush"}},
    "output_path": "/out/counts",
    "runtime_constraints": {"vcpus": 2, "ram": 1 << 28},
    "scheduling_parameters": {"max_run_time": 90, "partitions": ["highcpu"]},
    "priority": 500,
    "output_ttl": 60,
}


def test_a_container_request_is_a_job_of_one_task() -> None:
    request, problems = checked_request({**COUNT, "uuid": "is not read", "name": None})
    assert request is not None
    assert problems == []
    definition = compile_request(request)
    [task] = definition.tasks
    assert (task.image, task.cmd[0], task.workdir) == ("alpine:3", "wc", "/srv")
    assert task.cmd[1] != "{{ secrets.a }}"  # it is no expression of ours
    assert (task.queue, task.priority) == ("highcpu", 5)
    assert task.limits is not None
    assert (task.limits.cpus, task.limits.memory) == (Amount(2, "2"), Amount(1 << 28, "268435456b"))
    assert task.timeout == Duration(90, "90s")
    assert task.retry is not None
    assert (task.retry.limit, task.retry.on) == (2, ("lost", "timeout"))
    assert [mount.target for mount in task.mounts] == ["/out"]
    words, old, key = task.sources
    assert (words.inline, old.artifact) == ('["one"]', "ab12/t.output/x")
    assert key.inline == "{{ secrets.mount_0 }}"
    # Else it would be read as a data URL
    assert definition.secrets["mount_0"] == "data:;base64,ZGF0YTpodXNo"
    assert [artifact.path for artifact in task.artifacts] == ["/out/counts"]
    assert definition.auto_delete == Duration(60, "60s")
    assert not definition.hold


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"command": []}, ["command"]),
        ({"runtime_constraints": {}}, ["runtime_constraints.vcpus", "runtime_constraints.ram"]),
        ({"runtime_constraints": {"gpu": {}}}, ["runtime_constraints.gpu"]),
        (
            {"scheduling_parameters": {"partitions": ["a", "b"]}},
            ["scheduling_parameters.partitions"],
        ),
        ({"priority": None}, ["priority"]),
        ({"priority": 1001}, ["priority"]),
        ({"output_path": "/elsewhere"}, ["output_path"]),
        ({"mounts": {"/out": {"kind": "tmp"}, "stdin": {"kind": "text"}}}, ["mounts.stdin"]),
        ({"mounts": {"/out": {"kind": "tmp"}, "/x": {"kind": "git_tree"}}}, ["mounts./x.kind"]),
        (
            {"mounts": {"/out": {"kind": "tmp"}, "/x": {"kind": "collection", "uuid": "a+1"}}},
            ["mounts./x.portable_data_hash"],
        ),
        ({"secret_mounts": {"/k": {"kind": "tmp"}}}, ["secret_mounts./k.kind"]),
        ({"secret_mounts": {"/out/": KEY}}, ["secret_mounts./out/"]),
        ({"secret_mounts": {"/in/words/k": KEY}}, ["secret_mounts./in/words/k"]),
        ({"mounts": {"/out": {"kind": "tmp"}, "/out/": {"kind": "tmp"}}}, ["mounts./out/"]),
        ({"environment": {"A=B": "x"}}, ["environment.A=B"]),
        ({"environment": {"": "x"}}, ['environment.""']),
        ({"output_glob": ["*.txt"]}, ["output_glob"]),
        ({"service": True}, ["service"]),
        ({"cwd": "a"}, ["cwd"]),
        ({"cwd": "/{{ secrets.a }}"}, ["cwd"]),
        (
            {"scheduling_parameters": {"partitions": ["node.1"]}},
            ["scheduling_parameters.partitions"],
        ),
    ],
)
def test_a_container_request_that_breaks_a_rule_is_refused(
    changes: dict[str, Any], fields: list[str]
) -> None:
    request, problems = checked_request({**COUNT, **changes})
    assert request is None
    assert [problem.field for problem in problems] == fields


def test_volumes_may_be_in_one_another() -> None:
    mounts = {"/out": {"kind": "tmp"}, "/out/scratch": {"kind": "tmp"}, "/out/in": KEY}
    assert checked_request({**COUNT, "mounts": mounts})[1] == []


def test_a_broken_rule_names_the_value_unless_that_is_secret() -> None:
    wrong = {"priority": 1001, "secret_mounts": "hush", "environment": {"A": 5}, "foo": 1}
    told = {str(problem) for problem in checked_request({**COUNT, **wrong})[1]}
    assert told == {
        "priority: 1001 is not allowed: must be at most 1000",
        "secret_mounts: must be a mapping",
        "environment.A: must be text",
        "foo: unknown field",
    }


def test_a_draft_of_a_container_request_may_lack_everything() -> None:
    assert checked_request({})[1] == []


def test_a_job_runs_its_script_with_its_parameters_as_variables() -> None:
    job, problems = checked({**HASH, "priority": "700", "uuid": "is not read"})
    assert job is not None
    assert problems == []
    definition = compile_job(job, "upload1")
    task = program_of(definition)
    assert (task.run or "").endswith("cd crunch && exec ./crunch_scripts/hash")
    assert task.priority == 7
    assert task.env["JOB_PARAMETER_INPUT"] == "x"
    assert task.env["JOB_PARAMETER_SIZES"] == "[1, 2]"
    assert task.env["JOB_PARAMETER_CODE"] != "{{ secrets.a }}"  # it is no expression of ours
    assert task.env["JOB_UUID"] == "{{ job.id }}"
    assert task.env["TASK_UUID"] == "{{ job.id }}-{{ item.index }}"
    assert definition.uploads == {"code": "upload1"}


def test_a_job_without_an_image_may_say_so_by_null() -> None:
    job, problems = checked({**HASH, "runtime_constraints": {"docker_image": None}})
    assert job is not None
    assert problems == []
    assert program_of(compile_job(job, "upload1")).image is None


def program_of(definition: JobDefinition) -> TaskDefinition:
    """What each task of the job runs."""
    [whole] = definition.tasks
    assert whole.spawn is not None
    return whole.spawn.task


@pytest.mark.parametrize(
    ("constraints", "memory", "at_once"),
    [
        ({"min_nodes": 4, "min_cores_per_node": 2, "arvados_sdk_version": "x"}, None, 0),
        ({"min_ram_mb_per_task": 512}, 512 * 1024**2, 0),
        ({"min_ram_mb_per_task": 512, "max_nodes": 3}, 512 * 1024**2, 0),
        ({"min_ram_per_task": 8192, "max_nodes": 3, "max_tasks_per_node": 2}, 8 * 1024**2, 6),
        ({"min_ram_per_task": 64, "max_tasks_per_node": 2}, None, 0),
    ],
)
def test_constraints_are_limits_that_make_no_other_work_of_the_job(
    constraints: dict[str, Any], memory: int | None, at_once: int
) -> None:
    plain, limited = (
        compile_job(job, "upload1")
        for job, _ in (checked(HASH), checked({**HASH, "runtime_constraints": constraints}))
        if job is not None
    )
    task, [whole] = program_of(limited), limited.tasks
    assert (task.limits.memory.value if task.limits and task.limits.memory else None) == memory
    # A minimum: a task that needs more is tried again with more, unless it has room on a node
    grows = memory is not None and task.placement is None
    assert (task.retry.memory_factor if task.retry else None) == (2 if grows else None)
    assert whole.spawn is not None
    assert whole.spawn.concurrency == at_once
    works = [job_fingerprint(job, {}, Sealer().keyed_hash).digest for job in (plain, limited)]
    assert works[0] == works[1]


@pytest.mark.parametrize(
    ("constraints", "placement"),
    [
        ({"min_nodes": 1, "max_nodes": 0, "min_ram_mb_per_task": 8}, None),
        ({"min_nodes": 2, "max_nodes": 3}, Placement(min_nodes=2, max_nodes=3)),
        ({"max_tasks_per_node": 2}, Placement(max_per_node=2)),
        (
            {"min_cores_per_node": 4, "min_ram_mb_per_node": 512, "min_scratch_mb_per_node": 1},
            Placement(
                node=Resources(
                    cpus=Amount(4, "4"),
                    memory=Amount(512 * 1024**2, "536870912b"),
                    disk=Amount(1024**2, "1048576b"),
                )
            ),
        ),
        (
            {"min_ram_per_node": 2048},
            Placement(node=Resources(memory=Amount(2048 * 1024, "2097152b"))),
        ),
    ],
)
def test_a_job_with_limits_on_nodes_is_placed_on_nodes_and_no_other(
    constraints: dict[str, Any], placement: Placement | None
) -> None:
    job, _ = checked({**HASH, "runtime_constraints": constraints})
    assert job is not None
    assert program_of(compile_job(job, "upload1")).placement == placement


@pytest.mark.parametrize(
    ("url", "told"),
    [("https://arvados.example/api", "arvados.example/api cvt_x"), ("http://10.0.0.1", " ")],
)
def test_a_script_has_the_api_in_its_environment_where_its_clients_can_reach_it(
    url: str, told: str, tmp_path: Path
) -> None:
    job, _ = checked(HASH)
    assert job is not None
    script = tmp_path / "crunch/crunch_scripts/hash"
    script.parent.mkdir(parents=True)
    script.write_text('#!/bin/sh\necho "$ARVADOS_API_HOST $ARVADOS_API_TOKEN"\n')
    script.chmod(0o755)
    run = program_of(compile_job(job, "upload1")).run or ""
    env = {"PATH": os.environ["PATH"], "TORK_API_URL": url, "TORK_TASK_TOKEN": "cvt_x"}
    done = subprocess.run(["sh", "-euc", run], cwd=tmp_path, env=env, capture_output=True)
    assert done.stdout.decode() == f"{told}\n"


@pytest.mark.parametrize(
    ("model", "sent", "field"),
    [
        (NewJobTask, {"sequence": "1"}, "sequence"),
        (NewJobTask, {"parameters": []}, "parameters"),
        (NewJobTask, {"output": "x"}, "output"),
        (JobTaskReport, {"progress": 1.5}, "progress"),
        (JobTaskReport, {"sequence": 1}, "sequence"),
    ],
)
def test_a_task_that_breaks_a_rule_is_refused(
    model: type[NewJobTask | JobTaskReport], sent: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidJob, match=f"^{field}: "):
        checked_task(model, sent)
    assert checked_task(model, {"uuid": "is not read", "qsequence": 3}) == model()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"script": "../../bin/sh"}, "script"),
        ({"script": "$(reboot)"}, "script"),
        ({"script_version": "--upload-pack=x"}, "script_version"),
        ({"script_version": "$HEAD"}, "script_version"),
        ({"repository": "https://example.com/x.git"}, "repository"),
        ({"repository": None}, "repository"),
        ({"priority": 1001}, "priority"),
        ({"script_parameters": "x"}, "script_parameters"),
        ({"runtime_constraints": {"docker_image": 1}}, "runtime_constraints.docker_image"),
        ({"runtime_constraints": {"max_nodes": "2"}}, "runtime_constraints.max_nodes"),
        ({"runtime_constraints": {"min_ram_per_task": -1}}, "runtime_constraints.min_ram_per_task"),
        (
            {"runtime_constraints": {"min_scratch_mb_per_node": 1.5}},
            "runtime_constraints.min_scratch_mb_per_node",
        ),
        (
            {"runtime_constraints": {"min_nodes": True, "max_nodes": 0}},
            "runtime_constraints.min_nodes",
        ),
        (
            {"runtime_constraints": {"min_nodes": 3, "max_nodes": 2}},
            "runtime_constraints.min_nodes",
        ),
        ({"scrpt": "x"}, "scrpt"),
    ],
)
def test_what_breaks_a_rule_is_refused(changes: dict[str, Any], field: str) -> None:
    job, problems = checked({**HASH, **changes})
    assert job is None
    assert [problem.field for problem in problems] == [field]


def test_the_names_of_2013_are_taken() -> None:
    old = {name: value for name, value in HASH.items() if name != "script"}
    job, _ = checked({**old, "script_name": "hash", "resource_limits": {"min_nodes": 1}})
    assert job is not None
    assert (job.script, job.runtime_constraints) == ("hash", {"min_nodes": 1})


def test_ids_have_the_form_of_arvados_and_are_the_same_for_the_same_job() -> None:
    uuid = uuid_of(JOB, "a")
    assert uuid == uuid_of(JOB, "a") != uuid_of(JOB, "b")
    assert [len(part) for part in uuid.split("-")] == [5, 5, 15]


ITEMS: list[dict[str, Any]] = [
    {"uuid": "a", "priority": 1, "script": "hash", "success": None, "script_parameters": {"x": 1}},
    {"uuid": "b", "priority": 5, "script": "grep", "success": True, "script_parameters": {}},
    {"uuid": "c", "priority": 5, "script": "grep", "success": False, "script_parameters": {}},
]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, "abc"),
        ({"order": "priority desc"}, "bca"),
        ({"order": ["priority desc", "uuid desc"]}, "cba"),
        ({"filters": [["script", "=", "grep"]]}, "bc"),
        ({"filters": [["script", "like", "gr%"], ["priority", ">", 4]]}, "bc"),
        ({"filters": [["script", "ilike", "GR%"]]}, "bc"),
        ({"filters": [["uuid", "in", ["a", "c"]]]}, "ac"),
        ({"filters": [["uuid", "not in", ["a", "c"]]]}, "b"),
        ({"filters": [["success", "=", None]]}, "a"),
        ({"filters": [["success", "!=", True]]}, "ac"),
        ({"filters": [["script_parameters", "exists", "x"]]}, "a"),
        ({"filters": [["script_parameters.x", "=", 1]]}, "a"),
        ({"filters": [["any", "ilike", "%HAS%"]]}, "a"),
        ({"where": {"script": "grep", "priority": "5"}}, "bc"),
        ({"where": {"uuid": ["a", "b"]}}, "ab"),
        ({"limit": "1", "offset": 1}, "b"),
    ],
)
def test_lists_are_filtered_and_ordered(given: dict[str, Any], found: str) -> None:
    asked = listing(given, [("uuid", False)])
    assert "".join(item["uuid"] for item in page(asked, ITEMS)["items"]) == found


def test_a_page_says_how_many_there_are_unless_nobody_wants_to_know() -> None:
    assert page(listing({"limit": 1}, ()), ITEMS)["items_available"] == 3
    assert "items_available" not in page(listing({"count": "none"}, ()), ITEMS)
    few = listing({"select": ["script"], "distinct": True}, ())
    assert page(few, ITEMS)["items"] == [{"script": "hash"}, {"script": "grep"}]


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({"filters": [["scirpt", "=", "grep"]]}, "filters"),
        ({"where": {"scirpt": "grep"}}, "filters"),
        ({"order": "scirpt desc"}, "order"),
        ({"select": ["uuid", "scirpt"]}, "select"),
    ],
)
def test_an_attribute_that_there_is_not_is_refused(given: dict[str, Any], parameter: str) -> None:
    with pytest.raises(Unprocessable, match=f"{parameter}: there is no attribute 'scirpt'"):
        page(listing(given, [("uuid", False)]), ITEMS)


@pytest.mark.parametrize(
    "given",
    [
        {"filters": [["uuid", "~", "a"]]},
        {"filters": [["uuid"]]},
        {"filters": "x"},
        {"order": "uuid sideways"},
        {"limit": "-1"},
        {"where": "x"},
    ],
)
def test_a_wrong_question_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable):
        listing(given, ())


def test_options_of_reuse_may_not_contradict_each_other() -> None:
    assert takes_alike({}, {})
    assert takes_alike({"allow_duplicate": "false", "find_or_create": True}, {})
    assert not takes_alike({"allow_duplicate": True}, {"no_reuse": True})
    with pytest.raises(Unprocessable, match="allow_duplicate and find_or_create contradict"):
        takes_alike({"allow_duplicate": True, "find_or_create": "true"}, {})
    with pytest.raises(Unprocessable, match="must be true or false"):
        takes_alike({"allow_duplicate": "perhaps"}, {})


def test_the_uuid_of_a_container_tells_how_the_id_of_its_job_begins() -> None:
    job_id = "0123456789abcdef" * 2
    uuid = uuid_from(CONTAINER, job_id)
    assert id_beginning(CONTAINER, uuid) == job_id[:15]
    assert [id_beginning(JOB, uuid), id_beginning(CONTAINER, job_id)] == [None, None]
