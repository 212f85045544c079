"""What of a job can't work, and what was hardly meant: told with its field and its line."""

import orjson
import pytest

from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.models import JobSpec
from shared.jobspec.tork.parsing import parse_job, parse_scheduled_job
from shared.jobspec.tork.warnings import queues_of

_JOB = """name: a
inputs: {path: x, n: 5, list: [1]}
secrets: {token: abc}
tasks:
  - name: t
    var: m
    %s
  - name: e
    each: {list: "{{ inputs.list }}", task: {name: c, var: "c{{ item.index }}"}}
"""


def job(line: str) -> JobSpec:
    return parse_job((_JOB % line).encode(), "text/yaml")


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        ('env: {A: "{{ input.n }}"}', "env.A", "unknown name 'input', did you mean 'inputs'?"),
        ('env: {A: "{{ item.value }}"}', "env.A", "there are inputs, job, secrets, tasks"),
        ("if: inputs.n == 5", "if", "inputs and results are texts, so write '5' for 5"),
        ("if: inputs.n > 3", "if", "inputs and results are texts"),
        ("if: inputs.n in [5]", "if", "in doesn't work on string and array"),
        ('cmd: ["{{ tasks.m.a }}"]', "cmd[0]", "use fromJSON(tasks.m).a"),
        ('cmd: ["{{ tasks.m[0].a }}"]', "cmd[0]", "use fromJSON(tasks.m)[0]"),
        ('env: {F: "{{ .State.Status }}"}', "env.F", "write {{ '{{ .State.Status }}' }} for the"),
        ("registry: {password: '{{ secret.pw }}'}", "registry.password", "expressions that work"),
        ("pre: [{name: p, env: {A: '{{ inputz.n }}'}}]", "pre[0].env.A", "unknown name 'inputz'"),
        (
            "subjob: {name: s, tasks: [{if: task.x == 1}]}",
            "subjob.tasks[0].if",
            "unknown name 'task'",
        ),
    ],
)
def test_an_expression_that_can_not_work_is_refused(line: str, field: str, message: str) -> None:
    with pytest.raises(InvalidJob) as caught:
        job(line)
    [problem] = caught.value.problems
    assert problem.field == f"tasks[0].{field}"
    assert message in problem.rule
    assert problem.line == 7


def test_braces_for_another_program_are_written_as_a_text() -> None:
    assert not job("env: {F: \"{{ '{{ .State.Status }}' }}\"}").warnings


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        ('env: {A: "{{ inputs.pth }}"}', "env.A", "inputs.pth is not defined and reads as an"),
        ('env: {A: "{{ inputs.pth }}"}', "env.A", "did you mean inputs.path?"),
        ('env: {A: "{{ tasks.nope }}"}', "env.A", "no task has this var"),
        ('env: {A: "{{ secrets.tokn }}"}', "env.A", "did you mean secrets.token?"),
        ('env: {A: "{{ job.nme }}"}', "env.A", "did you mean job.name?"),
        ('image: "a:{{ inputs.tag }}"', "image", "the job has no such input"),
        ('run: echo "{{ inputs.n }}"', "run", "run is not evaluated: {{ inputs.n }} stays"),
        ("image: ubuntu", "image", "ubuntu has no tag"),
        ("image: host:5000/ubuntu:latest", "image", "has the tag latest"),
        ("pre: [{name: p, image: x}]", "pre[0].image", "has no tag"),
        ("retry: {limit: 1, on: [timeout]}", "retry.on", "is ignored"),
        ("retry: {limit: 1, initialDelay: 0s, maxDelay: 1m}", "retry.maxDelay", "is ignored"),
        ('env: {A: "Bearer [REDACTED]"}', "env.A", "[REDACTED], which answers show in place"),
        ("registry: {password: '[REDACTED]'}", "registry.password", "[REDACTED], which answers"),
        (
            "each: {list: '[1]', task: {env: {A: '{{ item.valeu }}'}}}",
            "each.task.env.A",
            "did you mean item.value?",
        ),
        (
            "subjob: {name: s, tasks: [{env: {A: '{{ inputs.n }}'}}]}",
            "subjob.tasks[0].env.A",
            "the job has no such input",
        ),
    ],
)
def test_what_was_hardly_meant_is_a_warning(line: str, field: str, message: str) -> None:
    [warning] = job(line).warnings
    assert warning.field == f"tasks[0].{field}"
    assert message in warning.rule
    assert warning.line == 7


@pytest.mark.parametrize(
    "line",
    [
        'env: {A: "{{ inputs.path }}{{ tasks.m }}{{ tasks.c7 }}{{ secrets.token }}{{ job.id }}"}',
        'env: {A: "{{ tasks[inputs.path] }} {{ len($env) }} {{ keys(inputs) }}"}',
        'env: {A: "{{ let x = inputs.list; x[0].deep }}"}',
        "run: docker ps --format '{{ .State }} {{json .}} {{range .Ports}}{{end}}'",
        "image: 'a@sha256:abc'",
        "image: a:1.2",
        "retry: {limit: 1, on: [timeout], initialDelay: 1s, jitter: 0.1}\n    timeout: 1m",
        "subjob: {name: s, inputs: {q: '{{ inputs.list }}'}, tasks: [{if: 'inputs.q[0] == 1'}]}",
    ],
)
def test_what_is_defined_is_no_warning(line: str) -> None:
    assert not job(line).warnings


def test_webhooks_read_the_job_as_it_is_when_they_are_called() -> None:
    hook = "{url: 'http://x.test/', %s}"
    text = "name: a\ninputs: {n: 1}\ntasks: [{name: t}]\nwebhooks: [" + hook + "]"

    def warnings(fields: str) -> list[str]:
        return [w.rule for w in parse_job((text % fields).encode(), "text/yaml").warnings]

    assert warnings("if: job.State == 'X' && job.CreatedBy.Name == 'y'") == []
    assert warnings("event: task.Progress, if: task.Progress > job.Progress") == []
    assert warnings("headers: {A: '{{ inputs.n }} {{ job.State }}'}") == []
    assert warnings("event: task.Progress, headers: {A: '{{ task.ID }}{{ task.at }}'}") == []
    assert warnings("if: job.inputs.any == job.CompletedAt.Year()") == []
    assert warnings("if: job.Schedule.ID != job.createdBy.createdAt") == []
    for field, guess in (
        ("job.sate", "did you mean job.state?"),
        ("job.taskcount", "did you mean job.taskCount?"),
        ("job.nonsense", "job has no such field"),
        ("job.createdBy.usrname", "did you mean job.createdBy.username?"),
        ("job.Schedule.crn", "did you mean job.Schedule.cron?"),
    ):
        for written in (
            f"if: {field} == 'x'",
            "headers: {A: '{{ FIELD }}'}".replace("FIELD", field),
        ):
            told = f"{field} is not defined and reads as nil: {guess}"
            assert warnings(written) == [told]
    assert "task.queue is not defined" in warnings("event: task.Progress, if: task.queue == 1")[0]
    assert "tasks.r is not defined" in warnings("headers: {A: '{{ tasks.r }}'}")[0]
    with pytest.raises(InvalidJob, match="unknown name 'task'"):
        warnings("if: task.State == 'X'")


def test_the_queues_of_a_job_are_those_of_its_tasks_and_defaults() -> None:
    spec = job("subjob: {name: s, defaults: {queue: slow}, tasks: [{}, {queue: '{{ inputs.q }}'}]}")
    assert set(queues_of(spec)) == {"default", "slow"}


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("*/61 * * * *", "*/61 is the same as 0: the step is longer than the range"),
        ("CRON_TZ=Asia/Tokyo 0 */24 * * *", "*/24 is the same as 0: the step is longer"),
        ("0 0 5-9/7 * *", "5-9/7 is the same as 5: the step is longer than the range"),
        ("@every 1ms", "@every counts whole seconds: 1ms is counted as 1s"),
        ("@every 2500ms", "@every counts whole seconds: 2500ms is counted as 2s"),
        ("*/7 * L * fri#2", None),
        ("@every 90s", None),
        ("@daily", None),
    ],
)
def test_an_expression_that_fires_as_it_was_hardly_meant_is_a_warning(
    cron: str, message: str | None
) -> None:
    for schedule, field in (({"cron": cron}, "cron"), ({"crons": [cron]}, "crons[0]")):
        submitted = {"name": "a", "schedule": schedule, "tasks": [{"name": "t", "run": "true"}]}
        found = parse_scheduled_job(orjson.dumps(submitted), "application/json").warnings
        assert [warned.field for warned in found] == ([f"schedule.{field}"] if message else [])
        assert not message or message in found[0].rule
