"""What partitioned work compiles to: three tasks, what each finds where, and what it is told."""

import orjson

from shared.definition import (
    SHARED_CACHE,
    USER_CACHE,
    Builtin,
    Source,
    Stages,
    TaskDefinition,
    changed,
)
from shared.expressions import render
from shared.jobspec.partition.stages import staged

STAGES = Stages(
    split=TaskDefinition(
        run="split", sources=(Source(target=".", upload="all"), Source(target="in/", url="u"))
    ),
    task=TaskDefinition(image="app", env={"MINE": "1", "APP_PARAMS": "not mine"}),
    assemble=TaskDefinition(run="join"),
    split_params={"size": 5},
    task_params={"text": "{{ not.evaluated }}"},
    concurrency=3,
    max_failed=2,
)


def test_each_stage_finds_its_directories_and_keeps_what_it_leaves() -> None:
    partition, app, assemble = staged(STAGES)
    assert [source.target for source in partition.sources] == [
        "/tork/data/source",
        "/tork/data/source/in/",
    ]
    assert partition.directories["CHUNKS_DIR"] == partition.directories["TORK_CHUNKS_DIR"]
    assert partition.artifacts[0].path == partition.directories["CHUNKS_DIR"]
    assert partition.artifacts[0].chunks
    assert app.each is not None
    assert (app.each.chunks, app.each.concurrency, app.each.max_failed) == (
        "partition.chunks",
        3,
        2,
    )
    assert app.each.task.artifacts[0].path == app.each.task.directories["TASK_RESULTS_DIR"]
    assert assemble.sources[0].artifact == "app.results"
    assert assemble.sources[0].target == assemble.directories["TASK_RESULTS_DIR"]
    assert assemble.artifacts[0].path == assemble.directories["OUTPUT_DIR"]


def test_parameters_are_told_as_they_are() -> None:
    partition, app, _ = staged(STAGES)
    assert orjson.loads(render(partition.env["PARTITIONER_PARAMS"], {})) == {"size": 5}
    assert app.each is not None
    env = app.each.task.env
    item = {"item": {"index": "4", "count": "9"}}
    assert orjson.loads(render(env["APP_PARAMS"], item)) == {"text": "{{ not.evaluated }}"}
    assert (render(env["CHUNK_INDEX"], item), render(env["TORK_CHUNK_COUNT"], item)) == ("4", "9")
    assert env["MINE"] == "1"


def test_programs_find_caches_and_what_comes_with_the_worker_has_none() -> None:
    builtin = TaskDefinition(builtin=Builtin(name="lines"))
    partition, app, _ = staged(changed(STAGES, split=builtin))
    assert app.each is not None
    directories = app.each.task.directories
    for name, path in (("SHARED_CACHE_DIR", SHARED_CACHE), ("USER_CACHE_DIR", USER_CACHE)):
        assert directories[name] == directories[f"TORK_{name}"] == path
        assert name not in partition.directories
