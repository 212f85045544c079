"""The webhooks of a sub-job: what its parent evaluates of them, and what it does itself."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from shared.definition import JobDefinition, TaskDefinition
from shared.expressions import TextMap, render
from shared.jobspec.tork.compilation import compile_job
from shared.lifecycle import Scope, TaskPlanFailed, TaskPlanned
from shared.planning.new_job import NewJob
from shared.planning.planner import Planner
from shared.planning.secrets import all_inputs
from shared.planning.submission import new_job
from shared.planning.templates import JobSource, TaskSource
from shared.process.sealing import Sealer, generate_key
from tests.support.jobs.definitions import task_definition
from tests.support.jobs.submissions import refusal, submitted, with_task

HOST = "subjob.webhooks[0].url: must have a valid host name or IP address"
REFUSED = "subjob.webhooks[0].url: must be an http or https URL"

OF_PARENT = {"x": "parent's", "p": "parent's", "b": "{{ secrets.t }}"}
SIGNING = f"whsec_{'a' * 32}"
SECRETS = {"s": "parent-secret", "q": "other-secret"}
OWN = {
    "inputs": {"x": "own", "i": "{{ inputs.p + '!' }}"},
    "secrets": {"t": "own-secret", "s": "{{ secrets.s }}"},
}


def planned(
    subjob: TaskDefinition,
    inputs: Mapping[str, object],
    secrets: Mapping[str, str] = SECRETS,
    scope: Scope | None = None,
) -> JobDefinition | str:
    """The sub-job as its parent with these makes it, or why the task fails."""
    job = JobSource(job_id="j", name="j", inputs=inputs, sealed=None, defaults=None, output=None)
    source = TaskSource(job=job, position=1, task=subjob, task_id="t", scope=scope)
    planner = Planner(Sealer([generate_key()]))
    answer = planner.plan(source, {"a": "result"}, secrets, datetime.now(UTC))
    if isinstance(answer, TaskPlanFailed):
        return answer.error
    assert isinstance(answer, TaskPlanned)
    assert answer.planned.subjob is not None
    return cast(NewJob, answer.planned.subjob.submission).definition


def with_webhook(**webhook: object) -> dict[str, Any]:
    return {"subjob": {"name": "s", "tasks": [{}], **OWN, "webhooks": [webhook]}}


@pytest.mark.parametrize(
    ("url", "error"),
    [("http://x", None), ("", None), ("ftp://x", REFUSED), ("a b", REFUSED), ("http://a..b", HOST)],
)
def test_an_address_that_can_never_be_called_fails_the_task(url: str, error: str | None) -> None:
    made = planned(task_definition(with_webhook(url="{{ inputs.url }}")), {"url": url})
    assert (made if isinstance(made, str) else None) == error


def sent(definition: JobDefinition) -> str:
    """The header X of its webhook, as it is evaluated for an event."""
    names = {
        "job": {"name": definition.name, "state": "RUNNING"},
        "inputs": TextMap(definition.inputs),
        "secrets": TextMap(definition.secrets),
        "tasks": TextMap(),
    }
    return render(definition.webhooks[0].headers["X"], names, nil="")


@pytest.mark.parametrize("is_nested", [False, True])
@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ secrets.t }}", "own-secret"),
        ("{{ secrets.s }}", "parent-secret"),  # handed on by the sub-job's own
        ("{{ secrets.q }}", "other-secret"),
        ("{{ inputs.x }}", "own"),
        ("{{ inputs.i }}", "parent's!"),
        ("{{ inputs.p }}", "parent's"),
        ("{{ inputs.b }}", "{{ secrets.t }}"),  # a value is never evaluated
        ("{{ tasks.a }}", "result"),
        ("{{ job.name }} {{ job.state }}", "s RUNNING"),
        ("{{ job.nope }}", ""),
        ("{{ tasks.nope }}{{ nil }}{{ secrets.nope }}", ""),
        ("a {{ inputs.p }} b {{ secrets.t }} c", "a parent's b own-secret c"),
        ("{{ inputs.b }} {{ job.state }}", "{{ secrets.t }} RUNNING"),
        ("Bearer {{ secrets.q }}{{ inputs.i }}", "Bearer other-secretparent's!"),
    ],
)
def test_each_name_is_the_subjobs_own_where_it_has_one_and_else_its_parents(
    template: str, value: str, is_nested: bool
) -> None:
    task = with_webhook(url="http://x", headers={"X": template})
    made = planned(task_definition(task), OF_PARENT)
    if is_nested:  # in another, which has all that the parent has
        given = {name: f"{{{{ inputs.{name} }}}}" for name in OF_PARENT}
        kept = {name: f"{{{{ secrets.{name} }}}}" for name in SECRETS}
        outer = {"name": "o", "inputs": given, "secrets": kept, "tasks": [task]}
        around = planned(task_definition({"subjob": outer}), OF_PARENT)
        assert not isinstance(around, str)
        made = planned(around.tasks[0], around.inputs, around.secrets)
    assert not isinstance(made, str)
    assert sent(made) == value
    assert "other-secret" not in made.webhooks[0].headers["X"]


def test_the_variable_of_an_each_around_it_is_read() -> None:
    task = with_webhook(url="http://x/{{ item.value }}?{{ job.id }}")
    made = planned(task_definition(task), OF_PARENT, scope={"item": {"index": "0", "value": "v"}})
    assert not isinstance(made, str)
    assert made.webhooks[0].url == "http://x/v?{{job.id}}"


@pytest.mark.parametrize(
    "secret", [SIGNING, "{{ secrets.own }}", "{{ secrets.around }}", "{{ inputs.around }}"]
)
def test_a_signing_secret_is_kept_as_a_secret_wherever_it_stands(secret: str) -> None:
    hook = {"url": "http://x", "secret": secret}
    inner = {"name": "s", "tasks": [{"name": "t"}], "secrets": {"own": SIGNING}}
    outer = {
        **with_task(subjob={**inner, "webhooks": [hook]}),
        "secrets": {"around": SIGNING},
        "inputs": {"around": SIGNING},
        "webhooks": [{**hook, "secret": secret.replace("own", "around")}],
    }
    new = new_job(compile_job(submitted(outer)), "j", datetime.now(UTC)).definition
    assert SIGNING not in repr((new.tasks, new.webhooks))
    made = planned(new.tasks[0], all_inputs(new.inputs, new.secrets), new.secrets)
    assert not isinstance(made, str)
    assert SIGNING not in repr(made.webhooks)
    names = {"secrets": made.secrets, "inputs": {}}
    assert render(made.webhooks[0].secret or "", names) == SIGNING


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{ item.value + job.name }}", "unknown name 'item'"),  # of the parent, in one of its own
        ("{{ jobs.state }}", "unknown name 'jobs', did you mean 'job'?"),
    ],
)
def test_what_no_single_job_has_is_refused(template: str, problem: str) -> None:
    task = with_webhook(url="http://x", headers={"X": template})
    message = refusal(with_task(each={"list": "[1]", "task": task}))
    assert f"webhooks[0].headers.X: {problem}" in message
