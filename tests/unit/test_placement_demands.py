"""What an execution asks of a node, made of its definition."""

import orjson

from shared import definition as d
from shared.placement import Amounts, Demand, amounts_wanted, demand_of, from_json


def cpus(value: float) -> d.Amount:
    return d.Amount(value, str(value))


def test_a_demand_survives_its_json_form() -> None:
    wanted = d.Constraint(key="region", operator="in", values=("eu", "us"))
    task = d.TaskDefinition(
        image="alpine",
        sources=(
            d.Source(target="/in", s3=d.S3Object(bucket="b")),
            d.Source(target="x", inline="t"),
        ),
        publish=(d.Publication(ipfs=True),),
        network=d.Network(type="bridge", ports=(d.Port(name="web", static=8080), d.Port(name="x"))),
        placement=d.Placement(
            constraints=(wanted,),
            prefer=(d.Preference(constraints=(wanted,), weight=3),),
            resources=d.Resources(cpus=cpus(0.5), memory=cpus(1024), disk=cpus(4096), gpus=1),
            one_per_node=True,
        ),
    )
    assert from_json(orjson.loads(orjson.dumps(demand_of(task)))) == Demand(
        engines=("docker", "podman"),
        storages=("s3",),
        publishers=("ipfs",),
        constraints=(wanted,),
        prefer=(d.Preference(constraints=(wanted,), weight=3),),
        amounts=Amounts(500, 1024, 4096, 1),
        ports=(("0.0.0.0", 8080),),
        one_per_node=True,
    )


def test_the_engine_is_told_by_what_the_task_is() -> None:
    assert demand_of(d.TaskDefinition(run="true")) == {"engines": ["shell", "default-image"]}
    assert demand_of(d.TaskDefinition(wasm=d.Wasm(module="m"))) == {"engines": ["wasm"]}


def test_limits_count_where_the_placement_has_no_resources_and_each_sidecar_has_them_too() -> None:
    limits = d.Limits(cpus=cpus(2), memory=cpus(100))
    task = d.TaskDefinition(run="true", limits=limits, gpus="device=0,1")
    assert amounts_wanted(task) == Amounts(2000, 100, 0, 2)
    beside = d.TaskDefinition(
        limits=limits,
        sidecars=(d.Sidecar(image="x"),),
        placement=d.Placement(resources=d.Resources(cpus=cpus(1))),
    )
    assert amounts_wanted(beside) == Amounts(2000, 200)
