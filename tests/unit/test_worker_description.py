"""What a worker tells of itself: labels, engines, storages, publishers, capacity, GPUs."""

import platform
import sys
from pathlib import Path
from unittest.mock import AsyncMock, patch

import pytest
from pydantic import ValidationError

from services.worker.capacity import Capacity, Resource
from services.worker.node import description
from services.worker.node.description import NodeDescriber, labels_of, publishers_of, storages_of
from services.worker.node.gpus import found_gpus
from services.worker.node.machine import cgroup_limits, resources_of_machine
from services.worker.runtime_watch import RuntimeWatch
from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.settings import WorkerSettings, WorkSettings, capacity_of
from shared.definition.labels import as_label_value, label_key_error, label_value_error
from shared.files.settings import FilesSettings
from shared.messages import Gpu
from shared.process.settings.blocks import BrokerSettings

GIB = 1024**3
BROKER = BrokerSettings.model_validate({"url": "amqp://in-memory"})
MACHINE = {
    Resource.MILLICPUS: 4000,
    Resource.MEMORY: 10 * GIB,
    Resource.DISK: 100 * GIB,
    Resource.GPUS: 2,
}


def settings(**work: object) -> WorkerSettings:
    return WorkerSettings(broker=BROKER, worker=WorkSettings.model_validate(work))


def test_labels_that_are_found_have_the_names_of_bacalhau_old_and_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for machine, architecture in [
        ("x86_64", "amd64"),
        ("aarch64", "arm64"),
        ("riscv64", "riscv64"),
    ]:
        monkeypatch.setattr(platform, "machine", lambda name=machine: name)
        labels = labels_of("my worker!", [Gpu(index="0", name="Tesla T4", memory=15 * GIB)])
        assert labels.pop("hostname")
        assert labels == {
            "os_type": "linux",
            "os_arch": architecture,
            "Operating-System": "linux",
            "Architecture": architecture,
            "name": "my-worker",
            "GPU-0": "Tesla-T4",
            "GPU-0-Memory": "15360-MiB",
        }


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("region", r"'region': must be KEY=VALUE, such as region=eu"),
        ("a=1,a=2", r"label key 'a' is set twice"),
        ("=x", r"label key '': must be 1 to 63 letters"),
        ("a b=x", r"label key 'a b': must be 1 to 63 letters"),
        ("-a=x", r"label key '-a': must be 1 to 63"),
        ("Big/a=x", r"label key 'Big/a': what is before the / must be a DNS name"),
        ("a=x y", r"label value 'x y': must be 1 to 63 .*, or be empty"),
        (f"a={'x' * 64}", r"label value 'x+': must be"),
    ],
)
def test_labels_that_are_none_are_refused_with_the_rule(text: str, error: str) -> None:
    with pytest.raises(ValidationError, match=error):
        WorkSettings(labels=text)


def test_labels_are_as_kubernetes_has_them() -> None:
    for key in ("a", "A_b.c-9", "example.com/region", "x" * 63):
        assert label_key_error(key) is None
    for value in ("", "eu", "1", "a.b_c-d", "x" * 63):
        assert label_value_error(value) is None
    assert as_label_value(f"{'x' * 62}- y") == "x" * 62


def test_configured_labels_are_added_and_take_precedence() -> None:
    chosen = settings(labels="region=eu, service=WebService,os_type=plan9,empty=")
    watch = RuntimeWatch(make_runtime(RuntimeSettings(type="shell")))
    labels = NodeDescriber(chosen, watch, Capacity({})).description.labels
    assert labels["region"] == "eu"
    assert labels["service"] == "WebService"
    assert labels["os_type"] == "plan9"
    assert labels["empty"] == ""
    assert labels["Operating-System"]


@pytest.mark.parametrize(
    ("given", "amounts", "limited"),
    [
        ({}, (3200, 8 * GIB, 80 * GIB, 2), {Resource.GPUS}),
        (
            {
                "capacity_cpus": "50%",
                "capacity_memory": "1g",
                "capacity_disk": "10g",
                "capacity_gpus": "50%",
            },
            (2000, GIB, 10 * GIB, 1),
            set(Resource),
        ),
        ({"capacity_gpus": 0}, (3200, 8 * GIB, 80 * GIB, 0), {Resource.GPUS}),
        (
            {"capacity_cpus": "0.5"},
            (500, 8 * GIB, 80 * GIB, 2),
            {Resource.MILLICPUS, Resource.GPUS},
        ),
        (
            {"capacity_cpus": "100%"},
            (4000, 8 * GIB, 80 * GIB, 2),
            {Resource.MILLICPUS, Resource.GPUS},
        ),
    ],
)
def test_capacity_is_a_share_of_the_machine_or_an_amount(
    given: dict[str, object], amounts: tuple[int, ...], limited: set[Resource]
) -> None:
    capacity = capacity_of(settings(queues="a:2,b", **given), MACHINE)
    assert capacity.slots == {"a": 2, "b": 1}
    assert tuple(capacity.amounts[r] for r in MACHINE) == amounts
    assert capacity.limited == limited


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"capacity_cpus": "0%"}, "a share must be more than 0% and at most 100%, such as 80%"),
        ({"capacity_memory": "120%"}, "a share must be"),
        ({"capacity_disk": "%"}, "a share must be"),
        ({"capacity_cpus": "many"}, "must be a number of processors"),
        ({"capacity_gpus": "1.5"}, "must be a whole number such as 2"),
        ({"capacity_gpus": -1}, "must be a whole number such as 2"),
    ],
)
def test_a_capacity_that_is_none_is_refused(given: dict[str, object], error: str) -> None:
    with pytest.raises(ValidationError, match=error):
        WorkSettings.model_validate(given)


def test_storages_and_publishers_are_those_that_the_files_settings_allow() -> None:
    assert storages_of(FilesSettings()) == ["url", "s3", "inline"]
    assert publishers_of(FilesSettings()) == ["s3"]
    everything = FilesSettings(
        store="/srv/files", ipfs_url="http://127.0.0.1:5001", local_paths="/data/**,/out:rw"
    )
    assert storages_of(everything) == [
        *("artifact", "upload", "url", "s3", "ipfs", "inline", "local"),
    ]
    assert publishers_of(everything) == ["store", "s3", "ipfs", "local"]
    assert "local" not in publishers_of(FilesSettings(local_paths="/data/**"))


async def test_a_default_image_runs_what_has_none_while_its_engine_is_up() -> None:
    image = RuntimeSettings(type="shell", wasm_allowed=False, default_image="a:1")
    watch = RuntimeWatch(make_runtime(image))
    for engines, told in (
        ([], []),
        (["docker"], ["docker", "default-image"]),
        (["shell"], ["shell"]),
    ):
        told_of = WorkerSettings(broker=BROKER, runtime=image)
        describer = NodeDescriber(told_of, watch, Capacity({}))
        with patch.object(description, "engines_of", AsyncMock(return_value=engines)):
            await describer.look()
        assert describer.description.engines == told
    await watch.runtime.close()


async def test_engines_are_those_that_answer_now(tmp_path: Path) -> None:
    nobody = f"unix://{tmp_path}/nobody.sock"
    for runtime, engines in [
        (RuntimeSettings(type="shell"), ["shell", "builtin", "wasm"]),
        (RuntimeSettings(type="shell", wasm_allowed=False), ["shell", "builtin"]),
        (RuntimeSettings(type="docker", docker_host=nobody, wasm_allowed=False), ["builtin"]),
        (RuntimeSettings(type="docker", docker_host=nobody), ["builtin", "wasm"]),
        (
            RuntimeSettings(type="auto", docker_host=nobody, shell_allowed=True),
            ["shell", "builtin", "wasm"],
        ),
    ]:
        watch = RuntimeWatch(make_runtime(runtime))
        describer = NodeDescriber(settings(), watch, Capacity({}))
        assert describer.description.engines == []
        await describer.look()
        assert describer.description.engines == engines
        # A change is told at once
        assert describer.changed.is_set() == bool(engines)
        await watch.runtime.close()


def test_executions_have_users_of_their_own_as_well() -> None:
    def with_users(uids: str, **work: object) -> WorkerSettings:
        chosen = settings(**work).model_dump() | {"broker": BROKER}
        chosen["runtime"] = {"shell_uids": uids}
        return WorkerSettings.model_validate(chosen)

    assert settings().max_executions == 100
    assert settings(max_executions=0).max_executions == 0
    assert with_users("60000-60009", queues="a:4").max_executions == 6
    with pytest.raises(ValidationError, match=r"shell_uids \(10\) must be at least 11"):
        with_users("60000-60009", queues="a:4", max_executions=7)


def test_a_worker_with_limits_has_what_they_leave(tmp_path: Path) -> None:
    own = tmp_path / "own"
    # Version 2: the lowest on the way up counts
    two = tmp_path / "two"
    (two / "system/worker").mkdir(parents=True)
    (two / "system/memory.max").write_text("1000\n")
    (two / "system/worker/memory.max").write_text("max\n")
    (two / "system/worker/cpu.max").write_text("150000 100000\n")
    own.write_text("0::/system/worker\n")
    assert cgroup_limits(two, own) == {Resource.MEMORY: 1000, Resource.MILLICPUS: 1500}
    # Version 1, in a container: the path is that of the machine, the mount that of the group
    one = tmp_path / "one"
    for name in ("memory", "cpu,cpuacct"):
        (one / name).mkdir(parents=True)
    (one / "memory/memory.limit_in_bytes").write_text("2000\n")
    (one / "cpu,cpuacct/cpu.cfs_quota_us").write_text("50000\n")
    (one / "cpu,cpuacct/cpu.cfs_period_us").write_text("100000\n")
    own.write_text("4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n1:name=systemd:/\n")
    assert cgroup_limits(one, own) == {Resource.MEMORY: 2000, Resource.MILLICPUS: 500}
    # Without limits, the machine's
    assert cgroup_limits(tmp_path / "none", tmp_path / "missing") == {}
    found = resources_of_machine(tmp_path, is_limited=False)
    assert all(found[r] > 0 for r in (Resource.MILLICPUS, Resource.MEMORY, Resource.DISK))


def _tool(directory: Path, name: str, script: str) -> None:
    file = directory / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


async def test_gpus_are_those_that_the_tools_of_the_vendors_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert await found_gpus() == ()
    _tool(
        tmp_path,
        "nvidia-smi",
        'echo "0, Tesla T4, 15360"; echo "1, NVIDIA GB10, [N/A]"',
    )
    _tool(
        tmp_path,
        "rocm-smi",
        """echo '{"card0": {"VRAM Total Memory (B)": "68702699520",
                           "Card series": "Instinct MI210"}, "system": {}}'""",
    )
    _tool(
        tmp_path,
        "xpu-smi",
        """if [ "$3" = --device ]; then
             echo '{"device_id": 0, "device_name": "Flex 170",
                    "memory_physical_size_byte": "14193102848"}'
           else echo '{"device_list": [{"device_id": 0}]}'; fi""",
    )
    assert await found_gpus() == (
        Gpu(index="0", name="Tesla T4", memory=15 * GIB),
        Gpu(index="1", name="NVIDIA GB10", memory=0),
        Gpu(index="0", name="Instinct MI210", memory=68702699520),
        Gpu(index="0", name="Flex 170", memory=14193102848),
    )


async def test_a_tool_that_fails_is_told_and_the_worker_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    _tool(tmp_path, "nvidia-smi", "echo no driver; exit 9")
    _tool(tmp_path, "rocm-smi", "echo no json")
    _tool(tmp_path, "xpu-smi", "echo '{}'")
    assert await found_gpus() == ()
