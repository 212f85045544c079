"""What a worker makes of pre, post, sidecars and mounts in a definition, and of how they fail."""

from conveyor.extensions.runtimes import Outcome, PartTimedOut, RuntimeRejected
from conveyor.extensions.tasks import Mount, Probe, TaskSpec
from services.worker.definition import Definitions
from services.worker.failures import Failure, failure_of_error, failure_of_outcome
from services.worker.settings import WorkSettings
from shared.definition import encode
from shared.messages import RunTask
from shared.process.sealing import Sealer
from tests.support.jobs.definitions import task_definition


def read(**definition: object) -> TaskSpec:
    encoded = encode(task_definition(definition))
    order = RunTask(job_id="j", task_id="t", dispatch=1, queue="q", definition=encoded)
    return Definitions(WorkSettings(host_env=""), Sealer(), "n1").read(order).spec


def test_an_aux_task_without_an_image_takes_the_tasks_with_its_login() -> None:
    login = {"username": "u", "password": "p"}
    spec = read(image="main:1", registry=login, pre=[{"run": "a"}, {"run": "b", "image": "own:1"}])
    first, second = (aux.program for aux in spec.pre)
    assert (first.image, first.registry) == ("main:1", spec.registry)
    assert (second.image, second.registry) == ("own:1", None)


def test_an_aux_task_has_the_tasks_limits_and_an_env_of_its_own() -> None:
    limits = {"cpus": "0.5", "memory": "64m"}
    spec = read(image="i", env={"A": "1"}, limits=limits, post=[{"run": "x", "env": {"B": "2"}}])
    [post] = spec.post
    assert post.program.env == {"B": "2"}
    assert (post.program.cpus, post.program.memory_bytes) == (0.5, 64 * 1024**2)


def test_labels_name_the_part_or_count_it() -> None:
    spec = read(image="i", pre=[{"name": "fetch", "run": "x", "timeout": "90s"}, {"run": "y"}])
    assert [aux.label for aux in spec.pre] == ['pre "fetch"', "pre 2"]
    assert [aux.timeout_seconds for aux in spec.pre] == [90, None]


def test_a_sidecars_host_name_is_its_name_as_far_as_that_can_be_one() -> None:
    entries = [
        {"name": "My DB!", "probe": {"port": 80, "path": "/", "timeout": "5s"}},
        {"run": "x"},
    ]
    spec = read(image="i", sidecars=entries)
    assert [sidecar.host for sidecar in spec.sidecars] == ["my-db", "sidecar-2"]
    assert spec.sidecars[0].probe == Probe(port=80, path="/", timeout_seconds=5)
    assert spec.sidecars[1].probe is None


def test_mounts_networks_gpus_and_privileged_are_read() -> None:
    spec = read(
        image="i",
        mounts=[{"type": "tmpfs", "target": "/x", "opts": {"size": "1m"}}],
        networks=["a"],
        gpus="all",
        privileged=True,
    )
    assert spec.mounts == (Mount(type="tmpfs", target="/x", opts={"size": "1m"}),)
    assert (spec.networks, spec.gpus, spec.privileged) == (("a",), "all", True)


def test_a_failed_part_is_named_before_its_exit_code_and_last_lines() -> None:
    outcome = Outcome(3, "", part='pre "fetch"')
    assert failure_of_outcome(outcome, "no such file") == Failure(
        'pre "fetch": exit code 3: no such file', "exit", 3
    )


def test_the_time_out_of_a_part_is_a_time_out_and_a_rejection_is_something_else() -> None:
    assert failure_of_error(PartTimedOut("pre 1: timed out after 1s")).cause == "timeout"
    assert failure_of_error(RuntimeRejected("no such image")).cause == "other"
