"""From a message to what a runtime takes: unsealed, the worker's defaults applied."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from services.worker.definition import Definitions, Unsealed
from services.worker.settings import WorkSettings
from shared.definition import encode
from shared.messages import RunTask
from shared.process.sealing import Sealer, SealingError, generate_key
from shared.tracing.current import current_span
from shared.tracing.protocol import Facts, Kind, Off, TraceContext
from tests.support.jobs.definitions import task_definition


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
    definition: dict[str, object],
    settings: WorkSettings | None = None,
    *,
    sealer: Sealer = SEALER,
    sealed: str | None = None,
    timeout_seconds: float | None = None,
) -> Unsealed:
    order = RunTask(
        job_id="job",
        task_id="task",
        dispatch=1,
        queue="default",
        definition=encode(task_definition(definition)),
        sealed=sealed,
        timeout_seconds=timeout_seconds,
    )
    return Definitions(settings or WorkSettings(), sealer, "n1").read(order)


def test_the_workers_defaults_apply_to_tasks_that_set_nothing() -> None:
    settings = WorkSettings(default_cpus="0.5", default_memory="500m", default_timeout="1h")
    unsealed = read({"run": "true"}, settings)
    assert unsealed.spec.cpus == 0.5
    assert unsealed.spec.memory_bytes == 500 * 1024 * 1024
    assert unsealed.timeout_seconds == 3600


def test_what_a_task_sets_wins_over_the_workers_defaults() -> None:
    settings = WorkSettings(default_cpus="0.5", default_memory="500m", default_timeout="1h")
    limits = {"cpus": "2", "memory": "1g"}
    unsealed = read({"run": "true", "limits": limits}, settings, timeout_seconds=90)
    assert (unsealed.spec.cpus, unsealed.spec.memory_bytes) == (2, 1024**3)
    assert unsealed.timeout_seconds == 90


def test_allowed_variables_of_the_host_reach_tasks_under_their_alias(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:3128")
    settings = WorkSettings(host_env="AWS_REGION:REGION,HTTP_PROXY,NOT_SET:X")
    task: dict[str, object] = {"run": "true", "env": {"HTTP_PROXY": "mine"}}
    assert read(task, settings).spec.env == {"REGION": "eu-north-1", "HTTP_PROXY": "mine"}


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
