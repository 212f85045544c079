"""`/definition`: a job as it was submitted, to be edited and submitted again."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.definition import JobDefinition
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.models import SubmittedJob
from shared.jobspec.tork.parsing import parse_job, parse_scheduled_job
from shared.planning.submission import new_job
from tests.support.http.api import YAML, Api, api_on
from tests.support.http.authenticated_api import PROTECTED, add_user, hash_cheaply
from tests.unit.test_examples import FILES, UPLOADS, example

pytestmark = pytest.mark.real

WAIT = re.compile(r"(?m)^wait:(\n  .*)*")
SECRETIVE = """\
name: s
secrets: {token: hunter22}
inputs: {dbPassword: tropical, n: "1"}
webhooks: [{url: "http://hooks.test/x", secret: "{{ secrets.token }}"}]
tasks:
- name: a
  image: i
  registry: {username: me, password: "{{ secrets.token }}"}
  env: {ACCESS_KEY: abcdef, B: "hunter22"}
  run: |
    echo 1
    echo "2"
- name: b
  subjob:
    name: deep
    secrets: {own: underwater, given: "{{ secrets.token }}"}
    tasks: [{name: x, run: x}]
"""


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


def as_stored(spec: SubmittedJob) -> JobDefinition:
    """Without what no answer may show."""
    made = new_job(compile_job(spec), "j", datetime(2026, 1, 1, tzinfo=UTC)).definition
    return replace(made, secrets={}, uploads={})


async def test_the_definition_of_each_example_is_accepted_again_and_is_the_same(api: Api) -> None:
    await api.answer("POST", "/roles", json={"slug": "operations", "name": "Operations"})
    await add_user(api, "ann")
    await api.answer("PUT", "/secrets/team-token", json={"secret": "swordfish"})
    for path in (path for path in FILES if path.stem != "template"):  # that is pushed
        is_scheduled = path.stem.startswith("schedule")
        base = "/scheduled-jobs" if is_scheduled else "/jobs"
        text = WAIT.sub("", path.read_text() + UPLOADS.get(path.stem, ""))
        status, made = await api.answer("POST", base, data=text.encode(), headers=YAML)
        assert status == 200, made

        url = f"{base}/{made['id']}/definition"
        body = await (await api.raw("GET", url, headers={"Accept": "application/yaml"})).read()

        status, answer = await api.answer("POST", f"{base}?dryRun=true", data=body, headers=YAML)
        if path.stem in UPLOADS:  # which this database has not
            assert [error["field"] for error in answer["errors"]] == ["uploads.video"]
        else:
            assert (status, answer["name"]) == (200, made["name"]), answer
        again = (parse_scheduled_job if is_scheduled else parse_job)(body, "text/yaml")
        assert as_stored(again) == as_stored(example(path))
        assert (await api.get(url)).keys() == again.as_submitted().keys()


async def test_secrets_are_left_out_of_a_definition_and_a_comment_says_so(api: Api) -> None:
    made = await api.submit(SECRETIVE)
    answer = await api.raw("GET", f"/jobs/{made['id']}/definition?format=yaml")
    text = await answer.text()

    assert answer.content_type == "application/yaml"
    assert text.startswith("# Fill in the values of `secrets`")
    assert "# Replace each [REDACTED]" in text
    assert "  - name: a\n    image: i\n" in text
    assert '    run: |\n      echo 1\n      echo "2"\n' in text
    for secret in ("hunter22", "tropical", "abcdef", "underwater"):
        assert secret not in text
    shown = await api.get(f"/jobs/{made['id']}/definition", headers={"Accept": "application/json"})
    assert shown["secrets"] == {"token": ""}
    assert shown["inputs"] == {"dbPassword": "[REDACTED]", "n": "1"}
    assert shown["webhooks"][0]["secret"] == "{{ secrets.token }}"
    first, second = shown["tasks"]
    assert first["registry"]["password"] == "{{ secrets.token }}"
    assert first["env"] == {"ACCESS_KEY": "[REDACTED]", "B": "[REDACTED]"}
    assert second["subjob"]["secrets"] == {"own": "", "given": "{{ secrets.token }}"}


async def test_a_definition_is_only_for_those_who_may_see_the_job(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        ann, bob = await add_user(api, "ann"), await add_user(api, "bob")
        job = b"name: x\ntasks: [{name: a, run: x}]\npermissions: [{user: ann}]\n"
        for path, body in (
            ("/jobs", job),
            ("/scheduled-jobs", job + b"schedule: {cron: '@daily'}"),
        ):
            _, made = await api.answer("POST", path, data=body, headers={**YAML, **ann})
            url = f"{path}/{made['id']}/definition"
            assert (await api.answer("GET", url, headers=bob))[0] == 404
            shown = await api.get(url, headers=ann)
            assert shown["permissions"] == [{"user": "ann"}]
