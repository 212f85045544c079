"""What a job of ByteNite becomes: four stages."""

from datetime import UTC, datetime
from typing import Any

from shared import definition as d
from shared.jobspec.bytenite import models as m
from shared.jobspec.bytenite.building_blocks import App, Engine, Template
from shared.jobspec.bytenite.compilation import Bound, Data, compile_job
from shared.jobspec.bytenite.parsing import check_job, with_defaults


def app(**fields: Any) -> App:
    given = {"name": "a", "version": "1.0", "entrypoint": "python /main.py",
             "platformConfig": {"container": "python:3"}, **fields}  # fmt: skip
    return App.model_validate(given)


def compiled(
    *, partitioner: Engine | str = "passthrough", app_: App | None = None, **fields: Any
) -> d.JobDefinition:
    job = check_job({"templateId": "t", **fields})
    bound = Bound(app=app_ or app(), app_tag="a@1.0", partitioner=partitioner, assembler="zip")
    return compile_job(job, "called", bound, Data())


def test_a_job_is_partition_app_assemble_and_deliver() -> None:
    tasks = compiled(params={"app": {"w": 1}}).tasks

    assert [task.name for task in tasks] == ["partition", "app", "assemble", "deliver"]
    split, each, assemble, _ = tasks
    assert split.builtin
    assert assemble.builtin
    assert each.each
    assert split.builtin.name == "partition.passthrough"
    assert assemble.builtin.name == "assemble.zip"
    assert each.each.task.image == "python:3"
    assert each.each.task.entrypoint == ("python", "/main.py")
    assert "{" in each.each.task.env["APP_PARAMS"]


def test_times_retries_priority_and_room_hold_for_what_runs() -> None:
    needs = app(deviceRequirements={"minCpu": 2, "minMemory": 4})
    config = {"taskTimeout": 60, "jobTimeout": 600, "maxTaskRetries": 2, "memoryFactor": 2}
    job = compiled(
        config=config,
        priority="EXECUTION_PRIORITY_URGENT",
        startAt="2030-01-31T12:00:00+01:00",
        deadline="2030-02-01T00:00:00Z",
        app_=needs,
    )

    assert job.tasks[1].each
    chunk = job.tasks[1].each.task
    assert chunk.limits == d.Limits(cpus=d.Amount(2, "2"), memory=d.Amount(4 * 2**30, "4 GiB"))
    assert (chunk.timeout, chunk.retry) == (
        d.Duration(60, "60s"),
        d.Retry(limit=2, memory_factor=2),
    )
    assert (chunk.priority, job.timeout) == (9, d.Duration(600, "600s"))
    assert job.start_at == datetime(2030, 1, 31, 11, tzinfo=UTC)


def test_with_reuse_every_stage_may_be_reused_but_the_delivery() -> None:
    split, each, assemble, deliver = compiled(config={"reuse": True}).tasks
    assert each.each
    assert [split.reuse, each.each.task.reuse, assemble.reuse] == [True] * 3
    assert deliver.reuse is None
    assert not any(task.reuse for task in compiled().tasks)


def test_regions_and_gpus_choose_the_nodes_of_chunks() -> None:
    regions = {"whitelist": ["eu"], "blacklist": ["us"]}
    needs = app(deviceRequirements={"gpu": "NVIDIA A100"})
    each = compiled(regions=regions, app_=needs).tasks[1].each

    assert each
    placement = each.task.placement
    assert placement
    assert [(c.key, c.operator, c.values) for c in placement.constraints] == [
        ("region", "in", ("eu",)),
        ("region", "notin", ("us",)),
        ("GPU-0", "in", ("NVIDIA-A100",)),
    ]


def test_a_test_job_runs_its_first_chunk_and_delivers_nowhere() -> None:
    _, each, _, deliver = compiled(config={"isTestJob": True}).tasks

    assert each.each
    assert each.each.most_chunks == 1
    assert deliver.publish == ()


def test_chunks_may_fail_as_the_tolerance_says() -> None:
    def rule(**fields: Any) -> tuple[int | None, int | None, bool]:
        each = compiled(**fields).tasks[1].each
        assert each is not None
        return each.max_failed, each.max_failed_percent, each.finishes

    assert rule() == (None, None, False)
    assert rule(onChunkFailure="finish_then_fail") == (None, None, True)
    assert rule(onChunkFailure="tolerate") == (None, 100, True)
    assert rule(tolerance={"maxFailedChunks": 2}) == (2, None, True)


def test_what_a_job_does_not_say_is_as_its_template_has_it() -> None:
    template = Template.model_validate(
        {
            "id": "t",
            "app": "a",
            "dataSource": {"dataSourceDescriptor": "bypass"},
            "params": {"app": {"w": 1, "h": 1}},
            "config": {"taskTimeout": 5, "isTestJob": True},
        }
    )
    given = {"templateId": "t", "params": {"app": {"w": 2}}, "config": {"isTestJob": False}}

    job = with_defaults(check_job(given), template)

    assert job.params.app == {"w": 2, "h": 1}
    assert job.config == m.Config(task_timeout=5, is_test_job=False)
    assert job.data_source is not None


def test_an_expression_in_a_name_is_none() -> None:
    assert compiled(name="{{ x }}").name != "{{ x }}"
