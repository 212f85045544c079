"""From a message to what a runtime takes: unsealed, the worker's defaults applied."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from conveyor.extensions.tasks import Builtin
from services.worker.definition import Definitions, Unsealed
from services.worker.settings import WorkSettings
from shared.definition import Amount, Execution, Placement, Resources, Spawning, changed, encode
from shared.definition.placement import PlacementKind
from shared.messages import RunTask
from shared.process.sealing import Sealer, SealingError, generate_key
from shared.process.task_tokens import digest_of_token, task_of
from shared.tracing.current import current_span
from shared.tracing.protocol import Facts, Kind, Off, TraceContext
from tests.support.jobs.definitions import TaskLike, task_definition


@dataclass
class Going:
    """A span that goes on."""

    context: TraceContext

    def fail(self, sort: str = "") -> None: ...


class On(Off):
    is_on = True

    @contextmanager
    def span(  # type: ignore[override] # `Off` has no span to give
        self, name: str, parent: TraceContext, kind: Kind = "internal", facts: Facts | None = None
    ) -> Iterator[Going]:
        yield Going(TraceContext(parent.trace_id, 7, is_sampled=True))


SEALER = Sealer([generate_key()])


def read(
    definition: TaskLike,
    settings: WorkSettings | None = None,
    *,
    sealer: Sealer = SEALER,
    sealed: str | None = None,
    timeout_seconds: float | None = None,
    ids: tuple[str, str] = ("job", "task"),
    memory: tuple[float, int | None] = (1.0, None),
) -> Unsealed:
    order = RunTask(
        job_id=ids[0],
        task_id=ids[1],
        dispatch=1,
        queue="default",
        definition=encode(task_definition(definition)),
        sealed=sealed,
        timeout_seconds=timeout_seconds,
        memory_scale=memory[0],
        most_memory_bytes=memory[1],
    )
    return Definitions(settings or WorkSettings(), sealer, "n1").read(order)


def test_the_workers_defaults_apply_to_tasks_that_set_nothing() -> None:
    settings = WorkSettings(default_cpus="0.5", default_memory="500m", default_timeout="1h")
    unsealed = read({"run": "true"}, settings)
    assert unsealed.spec.cpus == 0.5
    assert unsealed.spec.memory_bytes == 500 * 1024 * 1024
    assert unsealed.timeout_seconds == 3600


@pytest.mark.parametrize(("kind", "seconds"), [("batch", 60), ("ops", 60), ("service", None)])
def test_the_default_timeout_is_not_for_what_is_kept_running(
    kind: PlacementKind, seconds: float | None
) -> None:
    execution = Execution(type=kind, index=0, count=1)
    task = changed(task_definition({"run": "true"}), execution=execution)
    assert read(task, WorkSettings(default_timeout="1m")).timeout_seconds == seconds


def test_what_a_task_sets_wins_over_the_workers_defaults() -> None:
    settings = WorkSettings(default_cpus="0.5", default_memory="500m", default_timeout="1h")
    limits = {"cpus": "2", "memory": "1g"}
    unsealed = read({"run": "true", "limits": limits}, settings, timeout_seconds=90)
    assert (unsealed.spec.cpus, unsealed.spec.memory_bytes) == (2, 1024**3)
    assert unsealed.timeout_seconds == 90


def test_a_built_in_reaches_the_runtime_with_its_parameters() -> None:
    lines = Builtin(name="partition.lines", params={"linesPerChunk": 5})
    assert read(changed(task_definition({}), builtin=lines)).spec.builtin == lines


def test_allowed_variables_of_the_host_reach_tasks_under_their_alias(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:3128")
    settings = WorkSettings(host_env="AWS_REGION:REGION,HTTP_PROXY,NOT_SET:X")
    task: dict[str, object] = {"run": "true", "env": {"HTTP_PROXY": "mine"}}
    assert read(task, settings).spec.env == {"REGION": "eu-north-1", "HTTP_PROXY": "mine"}


def test_an_execution_is_told_what_it_is_and_its_own_variables_do_not_change_that() -> None:
    env = {"CONVEYOR_JOB_TYPE": "mine", "MINE": "1"}
    execution = Execution(type="batch", index=2, count=5)
    task = changed(
        task_definition({"run": "true", "pre": [{"run": "true"}]}), env=env, execution=execution
    )
    told = {
        "CONVEYOR_EXECUTION_ID": "task",
        "CONVEYOR_JOB_ID": "job",
        "CONVEYOR_JOB_TYPE": "batch",
        "CONVEYOR_PARTITION_INDEX": "2",
        "CONVEYOR_PARTITION_COUNT": "5",
    }
    spec = read(task).spec
    assert spec.env == {"MINE": "1", **told}
    assert spec.pre[0].program.env == told
    spawning = Spawning(sequence=1, index=2, parameters="{}")
    of_spawn = read(changed(task, env={}, execution=execution, spawning=spawning)).spec
    assert set(of_spawn.env) == {
        *("TORK_JOB_ID", "TORK_TASK_ID", "TORK_SEQUENCE", "TORK_QSEQUENCE")
    }, "it is no partition"
    of_bacalhau = replace(execution, prefix="BACALHAU")
    ids = ("0" * 32, f"{1:032x}")
    of_it = read(changed(task, env={}, execution=of_bacalhau), ids=ids)
    assert set(of_it.spec.env) == {name.replace("CONVEYOR", "BACALHAU") for name in told}
    assert of_it.spec.env["BACALHAU_JOB_ID"] == "j-00000000-0000-0000-0000-000000000000"
    assert of_it.files.names == {
        "jobID": "j-00000000-0000-0000-0000-000000000000",
        "executionID": "e-00000000-0000-0000-0000-000000000001",
    }
    assert of_it.spec.variable_prefix == "BACALHAU"


def test_a_value_can_name_a_variable_of_the_worker_that_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_REGION", "MY_AWS_KEY", "aws_region"):
        monkeypatch.setenv(name, f"value of {name}")
    settings = WorkSettings(env_allowed="AWS_*, NOT_SET")

    def env(value: str, prefix: str = "BACALHAU") -> str:
        ids = ("0" * 32, "1" * 32)
        execution = Execution(type="ops", index=0, count=1, prefix=prefix)
        task = changed(task_definition({"run": "true"}), env={"X": value}, execution=execution)
        return read(task, settings, ids=ids).spec.env["X"]

    assert env("env:AWS_REGION") == "value of AWS_REGION"
    assert env("other:AWS_REGION") == "other:AWS_REGION"
    assert env("env:AWS_REGION", prefix="CONVEYOR") == "env:AWS_REGION"
    for refused in ("MY_AWS_KEY", "aws_region", "PATH", ""):
        with pytest.raises(ValueError, match=rf"env.X: .* '{refused}' .*WORKER_ENV_ALLOWED"):
            env(f"env:{refused}")
    with pytest.raises(ValueError, match=r"env\.X: the variable 'NOT_SET' is not set"):
        env("env:NOT_SET")


def test_what_an_execution_was_given_room_for_is_its_limit_unless_it_has_one() -> None:
    resources = Resources(
        cpus=Amount(0.5, "0.5"), memory=Amount(2**20, "1m"), disk=Amount(2**10, "1k"), gpus=2
    )
    placed = {"placement": Placement(resources=resources)}
    spec = read(changed(task_definition({"run": "true"}), **placed)).spec
    assert (spec.cpus, spec.memory_bytes, spec.disk_bytes, spec.gpus) == (0.5, 2**20, 2**10, "2")
    task = {"run": "true", "limits": {"memory": "20m"}, "gpus": "all"}
    spec = read(changed(task_definition(task), **placed)).spec
    assert (spec.cpus, spec.memory_bytes, spec.gpus) == (0.5, 20 * 2**20, "all")
    with pytest.raises(ValueError, match=r"cpus: 0.5 is more .*CONVEYOR_WORKER_MAX_CPUS"):
        read(changed(task_definition({"run": "true"}), **placed), WorkSettings(max_cpus="0.2"))


def test_all_programs_of_a_task_that_is_traced_may_go_on_with_its_trace() -> None:
    own = {"name": "own", "run": "true", "env": {"TRACEPARENT": "mine"}}
    aux = [{"name": "a", "run": "true"}, own]
    with current_span(On(), "run_task", TraceContext(1, 2)):
        spec = read({"run": "true", "pre": aux, "post": aux, "sidecars": aux}).spec
    expected = {"TRACEPARENT": f"00-{1:032x}-{7:016x}-01"}
    assert spec.env == expected
    for parts in (spec.pre, spec.post, spec.sidecars):
        assert [part.program.env for part in parts] == [expected, own["env"]]
    assert read({"run": "true"}).spec.env == {}


def test_what_was_sealed_is_in_its_place_and_kept_out_of_the_log() -> None:
    sealed = SEALER.seal({"definition": {"env": {"TOKEN": "hunter2-x"}}, "secrets": ["hunter2-x"]})
    unsealed = read({"run": "true", "env": {"TOKEN": "[REDACTED]"}}, sealed=sealed)
    assert unsealed.spec.env == {"TOKEN": "hunter2-x"}
    assert unsealed.redactor.text("got hunter2-x") == "got [REDACTED]"


def test_a_worker_without_the_key_says_which_setting_it_lacks() -> None:
    sealed = SEALER.seal({"definition": {}, "secrets": []})
    with pytest.raises(SealingError, match="CONVEYOR_ENCRYPTION_KEY"):
        read({"run": "true"}, sealer=Sealer(), sealed=sealed)


@pytest.mark.parametrize(
    ("memory", "most", "limit"),
    [
        ((1.0, None), "", 100 << 20),
        ((4.0, None), "", 400 << 20),
        ((4.0, 300 << 20), "", 300 << 20),
        ((4.0, None), "200m", 200 << 20),
        ((4.0, 50 << 20), "", 100 << 20),
    ],
)
def test_a_memory_limit_grows_as_far_as_the_task_and_the_worker_allow(
    memory: tuple[float, int | None], most: str, limit: int
) -> None:
    settings = WorkSettings(max_memory=most)
    unsealed = read({"run": "x", "limits": {"memory": "100m"}}, settings, memory=memory)
    assert unsealed.spec.memory_bytes == limit


def test_a_task_that_makes_tasks_has_a_token_and_its_log_hides_it() -> None:
    maker = changed(
        task_definition({"run": "x", "env": {"CONVEYOR_URL": "http://other"}}),
        spawning=Spawning(sequence=0, index=0, parameters="{}"),
    )
    settings = WorkSettings(api_url="http://api:8000/")
    ids = "job", "0a" * 16
    unsealed = read(maker, settings, ids=ids)
    env = unsealed.spec.env
    token = env["TORK_TASK_TOKEN"]
    assert (env["TORK_API_URL"], env["CONVEYOR_API_KEY"]) == ("http://api:8000", token)
    assert env["CONVEYOR_URL"] == "http://other", "the task's own goes first"
    assert (task_of(token), unsealed.token_digest) == (ids[1], digest_of_token(token))
    assert token not in unsealed.redactor.text(f"it is {token}")
    assert read(maker, settings, ids=ids).spec.env["TORK_TASK_TOKEN"] != token, "another worker's"
    for none in (read(maker, ids=ids), read({"run": "x"}, settings, ids=ids)):
        assert none.token_digest is None
        assert "TORK_TASK_TOKEN" not in none.spec.env
