"""`gpus` is spelled as for docker's `--gpus`; each task has devices of its own."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from conveyor.extensions.runtimes import STOPPED, Execution, RuntimeRejected
from conveyor.extensions.tasks import TaskSpec
from services.worker.gpu_pool import GpuPool
from services.worker.runtimes.containers.gpus import device_requests
from tests.support.engines.execution_driver import rig_of


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("all", {"Count": -1, "Capabilities": [["gpu"]]}),
        ("2", {"Count": 2, "Capabilities": [["gpu"]]}),
        ("device=0,1", {"DeviceIDs": ["0", "1"], "Capabilities": [["gpu"]]}),
        ('"device=0,1"', {"DeviceIDs": ["0", "1"], "Capabilities": [["gpu"]]}),
        (
            'count=1,"capabilities=utility,compute"',
            {"Count": 1, "Capabilities": [["utility", "compute", "gpu"]]},
        ),
        ("driver=nvidia,count=all", {"Count": -1, "Driver": "nvidia", "Capabilities": [["gpu"]]}),
    ],
)
def test_the_usual_forms_are_read(text: str, request_: dict[str, object]) -> None:
    assert device_requests(text) == [request_]


@pytest.mark.parametrize("text", ["some", "0", "-1", "device=", "count=1,device=0", "x=1", "1,2"])
def test_other_forms_are_rejected_with_the_value(text: str) -> None:
    with pytest.raises(RuntimeRejected, match="gpus"):
        device_requests(text)


@pytest.mark.parametrize("text", ["driver=cdi,device=vendor.com/class=all", "device=x,driver=cdi"])
def test_a_driver_that_hands_out_any_device_is_refused(text: str) -> None:
    with pytest.raises(RuntimeRejected, match="any device"):
        device_requests(text)


def test_an_engine_is_asked_for_the_devices_that_the_task_was_given() -> None:
    capabilities = [["utility", "gpu"]]
    asked = device_requests('count=2,"capabilities=utility"', ("1", "3"))
    assert asked == [{"DeviceIDs": ["1", "3"], "Capabilities": capabilities}]
    assert device_requests("all", ("0",)) == [{"DeviceIDs": ["0"], "Capabilities": [["gpu"]]}]
    by_podman = device_requests("2", ("1", "3"), is_podman=True)
    assert by_podman == [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=1", "nvidia.com/gpu=3"]}]


class Noted:
    """An execution that only is prepared and closed."""

    def __init__(self, spec: TaskSpec) -> None:
        self.spec = spec

    async def prepare(self) -> None: ...
    async def close(self) -> None: ...


class Tasks:
    """Of one worker with these GPUs."""

    def __init__(self, *indexes: str) -> None:
        self.pool = GpuPool(indexes)
        self.devices: list[tuple[str, ...]] = []

    def task(self, gpus: str | None) -> Execution:
        def make(spec: TaskSpec) -> Execution:
            self.devices.append(spec.gpu_devices)
            return cast(Execution, Noted(spec))

        spec = TaskSpec(task_id="t", job_id="j", node_id="n", gpus=gpus)
        return self.pool.execution(spec, make)


async def test_no_two_tasks_have_a_gpu_at_once() -> None:
    tasks = Tasks("0", "1", "2")
    first, second, third = tasks.task("2"), tasks.task("1"), tasks.task("device=1,0")
    await first.prepare()
    await second.prepare()
    waiting = asyncio.create_task(third.prepare())
    await second.close()
    assert not waiting.done()
    await first.close()
    await waiting
    assert tasks.devices == [("0", "1"), ("2",), ("1", "0")]
    with pytest.raises(RuntimeRejected, match="gpus '4': this worker has 3"):
        await tasks.task("4").prepare()
    with pytest.raises(RuntimeRejected, match="gpus 'device=7': this worker has no device '7'"):
        await tasks.task("device=7").prepare()
    await third.close()
    every = tasks.task("all")
    await every.prepare()
    assert tasks.devices[-1] == ("0", "1", "2")
    await every.close()


@pytest.mark.parametrize("how", ["stop", "terminate"])
async def test_a_task_that_waits_for_a_gpu_can_be_stopped(how: str) -> None:
    tasks = Tasks("0")
    first, second, third = tasks.task("1"), tasks.task("1"), tasks.task("1")
    await first.prepare()
    waiting = asyncio.create_task(second.prepare())
    await asyncio.sleep(0)
    await getattr(second, how)()
    await waiting
    await second.start()
    assert await second.wait() == STOPPED
    await second.close()
    await first.close()
    await third.prepare()
    assert tasks.devices == [("0",), ("0",)]


async def test_where_no_gpus_were_found_the_engine_is_asked_as_the_task_says() -> None:
    tasks = Tasks()
    await tasks.task("2").prepare()
    await Tasks("0").task(None).prepare()
    assert tasks.devices == [()]


async def test_a_program_in_the_shell_is_told_its_devices(tmp_path: Path) -> None:
    async with rig_of("shell", shell_workdir_root=str(tmp_path)) as rig:
        given: dict[str, Any] = {"gpus": "2", "gpu_devices": ("1", "3")}
        outcome, ran = await rig.run(
            run="echo $NVIDIA_VISIBLE_DEVICES $CUDA_VISIBLE_DEVICES", **given
        )
        assert (outcome.exit_code, ran.text) == (0, "1,3 1,3\n")
