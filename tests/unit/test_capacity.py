"""What fits on a worker: slots by queue, CPUs, memory, GPUs."""

import pytest

from conveyor.extensions.tasks import Aux, Sidecar, TaskSpec
from services.worker.capacity import Capacity, Demand, Resource, demand_of
from shared.definition.gpus import ALL_GPUS

CPUS = Resource.MILLICPUS
LIMITED = frozenset({CPUS})


def spec(**fields: object) -> TaskSpec:
    return TaskSpec(task_id="t", job_id="j", node_id="n", **fields)  # type: ignore[arg-type]  # passed through


def test_slots_are_of_one_queue_and_come_back() -> None:
    capacity = Capacity({"a": 1, "b": 1})
    left = capacity.reserve(Demand("a"))
    assert not left.fits(Demand("a"))
    assert left.fits(Demand("b"))
    assert not capacity.fits(Demand("c"))
    assert left.release(Demand("a")) == capacity


def test_what_is_not_counted_always_fits_and_what_is_counted_fits_while_it_lasts() -> None:
    capacity = Capacity({"a": 9}, {CPUS: 1000}, LIMITED)
    demand = Demand("a", {CPUS: 400, Resource.MEMORY: 1 << 60})
    left = capacity.reserve(demand).reserve(demand)
    assert left.amounts == {CPUS: 200}
    with pytest.raises(ValueError, match="doesn't fit"):
        left.reserve(demand)
    assert left.release(demand).release(demand) == capacity


def test_a_task_that_is_limited_to_more_than_there_is_has_all_of_it() -> None:
    capacity = Capacity({"a": 2}, {CPUS: 1000}, LIMITED)
    demand = capacity.within(Demand("a", {CPUS: 4000}))
    assert capacity.fits(demand)
    assert not capacity.reserve(demand).fits(Demand("a", {CPUS: 1}))


def test_a_task_takes_what_it_and_its_sidecars_are_limited_to() -> None:
    program = spec()
    beside = (Sidecar(label="s", program=program, host="s"),)
    before = (Aux(label="p", program=program),)
    task = spec(cpus=0.1, memory_bytes=10, gpus="device=0,1", sidecars=beside, pre=before)
    amounts = {CPUS: 200, Resource.MEMORY: 20, Resource.GPUS: 2}
    assert demand_of(task, "a") == Demand("a", amounts)
    assert demand_of(spec(gpus="all"), "a").amounts[Resource.GPUS] == ALL_GPUS
    assert demand_of(spec(gpus="2"), "a").amounts[Resource.GPUS] == 2


def test_placed_executions_fit_in_what_tasks_of_queues_have_left_though_these_have_no_limit() -> (
    None
):
    capacity = Capacity({"a": 9, "placed": 9}, {CPUS: 1000})
    task, placed = Demand("a", {CPUS: 800}), Demand("placed", {CPUS: 400}, is_placed=True)
    left = capacity.reserve(task)
    assert left.lacking(placed) == [CPUS]
    assert not left.fits(placed)
    # More than there is: what is free is less than nothing until one has ended
    left = left.reserve(task)
    assert left.fits(task)
    assert not left.fits(placed)
    assert left.release(task).release(task) == capacity
    # One that takes nothing fits at any time
    assert left.fits(Demand("placed", {CPUS: 0}, is_placed=True))
    assert capacity.fits(placed)
