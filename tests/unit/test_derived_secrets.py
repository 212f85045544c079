"""What an expression makes of a secret is as secret: part of a JSON secret, a token as base64."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from shared.lifecycle import OutputEvaluated, Scope, TaskPlanFailed, TaskPlanned
from shared.planning.new_job import NewJob
from shared.planning.planner import Answer, Planner
from shared.planning.secrets import with_derived, without_derived, without_secret_inputs
from shared.planning.templates import JobSource, TaskSource
from shared.process.redaction import Redactor
from shared.process.sealing import Sealer, generate_key
from tests.support.jobs.definitions import task_definition

SECRETS = {"login": '{"user": "ann", "password": "hunter2"}', "token": "swordfish-9"}
LOGINS = {"logins": '[{"password": "hunter2"}, {"password": "swordfish-9"}]'}
PASSWORD = "{{ fromJSON(secrets.login).password }}"
SEALER = Sealer([generate_key()])


def planned(
    task: dict[str, Any], secrets: Mapping[str, str] = SECRETS, scope: Scope | None = None
) -> Answer:
    job = JobSource(job_id="j", name="j", inputs={}, sealed=None, defaults=None, output=None)
    source = TaskSource(job=job, position=1, task=task_definition(task), task_id="t", scope=scope)
    return Planner(SEALER).plan(source, {}, secrets, datetime.now(UTC))


@pytest.mark.parametrize(
    ("template", "derived"),
    [
        (PASSWORD, {"hunter2"}),
        (f"Bearer {PASSWORD}!", {"hunter2"}),
        ("{{ fromJSON(tasks.login).password }}", {"hunter2"}),
        ("{{ upper(fromJSON(tasks.mixed).token) }}", {"SWORDFISH-9"}),
        ("{{ fromJSON(tasks.mixed).user }}", set()),  # seen beside the secret anyway
        ("{{ toBase64(inputs.db_password) }}", {"aW5wdXQteA=="}),
        ("{{ inputs.plain }} {{ secrets.token }} {{ len(secrets.token) }}", set()),
        ("{{ int(secrets.pin) + 1 }}", {"48151"}),
        ("{{ 'a ' + secrets.token }}", set()),  # known by the secret in it
        ("{{ upper(tasks.free) }}", set()),
    ],
)
def test_what_is_made_of_a_secret_is_told_so_that_all_answers_hide_it(
    template: str, derived: set[str]
) -> None:
    variables = {
        "login": SEALER.seal_text(SECRETS["login"]),
        "mixed": '{"user": "joe", "token": "swordfish-9"}',
        "free": "free",
    }
    secrets = {**SECRETS, "pin": "48150"}
    inputs = without_secret_inputs({"db_password": "input-x", "plain": "shown"}, secrets)
    job = JobSource(job_id="j", name="j", inputs=inputs, sealed=None, defaults=None, output=None)
    task = task_definition({"env": {"A": template}})
    source = TaskSource(job=job, position=1, task=task, task_id="t", scope=None)
    found: set[str] = set()
    answer = Planner(SEALER).plan(source, variables, secrets, datetime.now(UTC), found)
    assert isinstance(answer, TaskPlanned)
    assert found == derived


def test_the_secrets_of_a_job_keep_what_was_made_of_them_up_to_a_bound() -> None:
    first = with_derived({"a": "b"}, {"x", "b"})
    assert sorted(first.values()) == ["b", "x"]
    assert with_derived(first, {"x"}) == first
    many = with_derived(first, {f"{n:04}" for n in range(5000)})
    assert len(many) == 1001
    assert without_derived(many) == {"a": "b"}


def shown(answer: Answer) -> Mapping[str, Any]:
    """The definition as it is stored, once what was sealed of it is known to be right."""
    assert isinstance(answer, TaskPlanned)
    assert "hunter2" not in repr(answer)
    return answer.planned.task.definition


def sealed(answer: Answer) -> dict[str, Any]:
    assert isinstance(answer, TaskPlanned)
    assert answer.planned.task.sealed is not None
    return SEALER.unseal(answer.planned.task.sealed)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        (PASSWORD, "hunter2"),
        ("{{ toBase64('ann:' + secrets.token) }}", "YW5uOnN3b3JkZmlzaC05"),
        ("{{ let s = secrets; fromJSON(s.login).password }}", "hunter2"),
        ("{{ fromJSON($env.secrets.login).password }}", "hunter2"),
    ],
)
def test_what_is_made_of_a_secret_reaches_the_worker_sealed(template: str, value: str) -> None:
    answer = planned({"env": {"A": template, "B": "b"}, "cmd": [f"a {template} b"]})
    assert shown(answer)["env"] == {"A": "[REDACTED]", "B": "b"}
    assert value not in repr(shown(answer))
    assert sealed(answer)["definition"]["env"] == {"A": value, "B": "b"}
    assert value in sealed(answer)["secrets"]  # and so stays out of the log


@pytest.mark.parametrize(
    ("output", "result"),
    [
        ("toBase64(secrets.token)", "[REDACTED]"),
        ("{{ upper(secrets.token) }} of {{ job.name }}", "[REDACTED] of j"),
        ("len(secrets.token) > 3", "true"),
        ("{{ secrets.token }} {{ secrets.token[2:] }}!", "[REDACTED] [REDACTED]!"),
        ("{{ 'x' + secrets.token[5:] }} {{ secrets.part }}", "[REDACTED] [REDACTED]"),
        (
            "{{ ('x' + secrets.token)[3:] }} {{ (secrets.token + 'y')[6:] }}",
            "[REDACTED] [REDACTED]",
        ),
        ("{{ secrets.token + 'y' }} {{ (secrets.token + 'y')[6:] }}", "[REDACTED] [REDACTED]"),
        ("job.name", "j"),
    ],
)
def test_what_a_jobs_output_makes_of_a_secret_is_left_out(output: str, result: str) -> None:
    job = JobSource(job_id="j", name="j", inputs={}, sealed=None, defaults=None, output=output)
    secrets = {**SECRETS, "part": "rdfish"}  # as if a task had cut it out of the token
    evaluated = Planner(SEALER).output(job, {}, secrets)
    assert isinstance(evaluated, OutputEvaluated)
    assert evaluated.result is not None
    clear = SEALER.open_text(evaluated.result)
    assert Redactor(secrets.values()).text(clear) == result


def test_a_text_with_a_secret_in_it_still_shows_what_is_around_it() -> None:
    answer = planned({"env": {"A": "Bearer {{ secrets.token }}", "B": "{{ job.id }}"}})
    assert shown(answer)["env"] == {"A": "Bearer [REDACTED]", "B": "j"}


def test_a_yes_or_no_about_a_secret_is_none() -> None:
    answer = planned({"env": {"A": "{{ secrets.token != '' }}"}})
    assert shown(answer)["env"] == {"A": "true"}


def test_the_items_of_a_secret_list_are_secret_also_for_tasks_further_within() -> None:
    each = {"list": "fromJSON(secrets.logins)", "task": {"run": "x"}}
    outer = planned({"each": each}, LOGINS)
    assert "hunter2" not in repr(outer)
    [first, _] = _scopes(outer)
    env = {"A": "{{ item.value.password }}", "B": "{{ item.index }}"}
    assert shown(planned({"env": env}, LOGINS, first))["env"] == {"A": "[REDACTED]", "B": "0"}
    inner = planned({"each": {**each, "list": "[1]", "var": "i"}}, LOGINS, first)
    assert "hunter2" not in repr(inner)
    [innermost] = _scopes(inner)
    assert shown(planned({"env": env}, LOGINS, innermost))["env"]["A"] == "[REDACTED]"


def test_a_sub_job_keeps_what_was_made_of_its_parents_secrets_among_its_own() -> None:
    given = {"a": PASSWORD, "list": "{{ [fromJSON(secrets.login).password] }}"}
    subjob = {"name": "s", "tasks": [{"run": "x"}], "inputs": given}
    answer = planned({"subjob": subjob})
    assert isinstance(answer, TaskPlanned)
    assert answer.planned.subjob is not None
    new = cast(NewJob, answer.planned.subjob.submission)
    assert new.definition.inputs == {"a": "[REDACTED]", "list": ["[REDACTED]"]}
    assert "hunter2" in new.definition.secrets.values()


@pytest.mark.parametrize(
    "task",
    [
        {"env": {"A": "{{ int(fromJSON(secrets.login).password) }}"}},
        {"queue": "a b {{ fromJSON(secrets.login).password }}"},
        {"if": "fromJSON(secrets.login).password"},
        {"if": "date(fromJSON(secrets.login).password)"},
        {"each": {"list": "fromJSON(secrets.login).password", "task": {"run": "x"}}},
    ],
)
def test_an_error_does_not_tell_what_was_made_of_a_secret(task: dict[str, Any]) -> None:
    answer = planned(task)
    assert isinstance(answer, TaskPlanFailed)
    assert "hunter2" not in answer.error
    assert next(iter(task)) in answer.error


def test_an_error_that_has_to_do_with_no_secret_tells_all() -> None:
    answer = planned({"env": {"A": "{{ int('one') }}", "B": "{{ secrets.token }}"}})
    assert isinstance(answer, TaskPlanFailed)
    assert "'one' isn't an int" in answer.error


def _scopes(answer: Answer) -> list[Scope]:
    assert isinstance(answer, TaskPlanned)
    assert answer.planned.offspring is not None
    return [scope for scope in answer.planned.offspring.scopes if scope is not None]
