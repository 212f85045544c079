"""Secrets in families: nothing that came from one stands in clear in a table or a message."""

import json
from typing import Any

import pytest

from shared.lifecycle import JobRestarted
from shared.messages import RunTask
from shared.planning.disclosure import redacting
from shared.postgres.pool import Pool
from tests.support.jobs.families import Fails, Play, Row, Verdict

SHELL = {"run": "true"}
SECRET = "hunter2-hunter2"
OTHER = "swordfish-swordfish"

TABLES = """
SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = current_schema()
"""


async def everything(pool: Pool) -> str:
    """Every row of every table as text."""
    texts = []
    for [table] in await pool.fetch(TABLES):
        rows = await pool.fetch(f"SELECT t::text AS row FROM {table} t")
        texts += [f"{table}: {row['row']}" for row in rows]
    bodies = await pool.fetch("SELECT encode(body, 'escape') AS body FROM outbox")
    return "\n".join(texts + [row["body"] for row in bodies])


async def expect_hidden(play: Play, *secrets: str) -> None:
    found = await everything(play.rig.pool)
    for line in found.splitlines():
        for secret in secrets:
            assert secret not in line


async def sent(play: Play, count: int) -> list[dict[str, Any]]:
    """The tasks as workers would see them: their definitions unsealed."""
    definitions = []
    for message in await play.rig.receive("default", count):
        assert isinstance(message, RunTask)
        assert SECRET not in message.model_dump_json()
        definitions.append({**message.definition, **unsealed(play, message.sealed)})
    return definitions


def unsealed(play: Play, sealed: str | None) -> dict[str, Any]:
    if sealed is None:
        return {}
    definition = play.rig.sealer.unseal(sealed)["definition"]
    assert isinstance(definition, dict)
    return definition


def env(*texts: str) -> dict[str, Any]:
    return {**SHELL, "env": {f"E{place}": text for place, text in enumerate(texts)}}


async def test_secrets_in_the_items_of_an_each_reach_the_worker_alone(play: Play) -> None:
    task = {
        **env("{{ item.value.pass }}", "{{ item.value.plain }}"),
        "name": "n {{ item.value.pass }}",
        "var": "of_{{ item.value.pass }}",
    }
    items = "[{'pass': secrets.a, 'plain': 'x'}, {'pass': 'open', 'plain': 'y'}]"
    await play.submit_tasks(
        {"name": "e", "each": {"list": items, "task": task}}, secrets={"a": SECRET}
    )
    await expect_hidden(play, SECRET)
    seen = [definition["env"] for definition in await sent(play, 2)]
    assert seen == [{"E0": SECRET, "E1": "x"}, {"E0": "open", "E1": "y"}]
    await play.run(lambda _: "a result")
    await expect_hidden(play, SECRET)


@pytest.mark.parametrize("inner_list", ["[1]", "[secrets.b]"])
async def test_secret_items_are_seen_by_families_within(play: Play, inner_list: str) -> None:
    inner = {
        "each": {
            "list": inner_list,
            "var": "inner",
            "task": {**env("{{ outer.value }}", "{{ inner.value }}"), "name": "n"},
        }
    }
    parallel = {"parallel": {"tasks": [inner, {**env("{{ outer.value }}"), "name": "m"}]}}
    outer = {"list": "[secrets.a]", "var": "outer", "task": parallel}
    job_id = await play.submit_tasks(
        {"name": "e", "each": outer}, secrets={"a": SECRET, "b": OTHER}
    )
    assert (await play.rig.job(job_id))["error"] is None
    await expect_hidden(play, SECRET, OTHER)
    seen = [definition["env"] for definition in await sent(play, 2)]
    assert {"E0": SECRET} in seen
    assert {"E0": SECRET, "E1": "1" if inner_list == "[1]" else OTHER} in seen


async def test_secrets_in_families_whose_list_stands_there_are_hidden(play: Play) -> None:
    tasks = [{**env("{{ secrets.a }}"), "name": "p"}]
    await play.submit_tasks({"name": "p", "parallel": {"tasks": tasks}}, secrets={"a": SECRET})
    await expect_hidden(play, SECRET)
    [definition] = await sent(play, 1)
    assert definition["env"] == {"E0": SECRET}


async def test_a_secret_in_an_error_of_a_child_is_hidden(play: Play) -> None:
    task = {**env("{{ int(item.value) }}"), "name": "n"}
    job_id = await play.submit_tasks(
        {"name": "e", "each": {"list": "[secrets.a]", "task": task}}, secrets={"a": SECRET}
    )
    assert await play.state(job_id) == "FAILED"
    await expect_hidden(play, SECRET)


async def test_secrets_reach_sub_jobs_as_secrets_and_inputs_without_standing_in_clear(
    play: Play,
) -> None:
    inside = {
        **env("{{ secrets.own }}", "{{ inputs.given }}", "{{ inputs.list[0].k }}"),
        "name": "n",
    }
    sub = {
        "name": "sub {{ secrets.a }}",
        "description": "with {{ secrets.a }}",
        "inputs": {
            "given": "Bearer {{ secrets.a }}",
            "list": "{{ [{'k': secrets.a}] }}",
            "plain": "x",
        },
        "secrets": {"own": "{{ secrets.a }}-own"},
        "tasks": [inside],
        "webhooks": [{"url": "http://127.0.0.1:1/", "headers": {"K": "{{ secrets.a }}"}}],
    }
    await play.submit_tasks({"name": "s", "subjob": sub}, secrets={"a": SECRET})
    await expect_hidden(play, SECRET)
    [definition] = await sent(play, 1)
    assert definition["env"] == {"E0": f"{SECRET}-own", "E1": f"Bearer {SECRET}", "E2": SECRET}
    await play.run()
    await expect_hidden(play, SECRET)


async def test_a_sub_jobs_own_clear_secrets_are_hidden_at_any_depth(play: Play) -> None:
    inner = {
        "name": "in",
        "secrets": {"t": SECRET},
        "tasks": [{**env("{{ secrets.t }}"), "name": "n"}],
    }
    outer = {"name": "out", "tasks": [{"name": "s", "subjob": inner}], "secrets": {"o": OTHER}}
    each = {"list": [1], "task": {"name": "e", "subjob": outer}}
    await play.submit_tasks({"name": "e", "each": each})
    await expect_hidden(play, SECRET, OTHER)
    [definition] = await sent(play, 1)
    assert definition["env"] == {"E0": SECRET}


async def test_the_secrets_of_all_jobs_above_are_hidden_in_the_answers_of_a_sub_job(
    play: Play,
) -> None:
    # Secrets whose order is another at each level
    inner = {"name": "in", "tasks": [{**SHELL, "name": "n"}]}
    outer = {"name": "out", "secrets": {"x": OTHER}, "tasks": [{"name": "s", "subjob": inner}]}
    await play.submit_tasks(
        {"name": "s", "subjob": {**outer, "secrets": {"x": "aardvark"}}},
        secrets={"a": SECRET, "b": OTHER},
    )
    sealed = await play.rig.pool.fetchval("SELECT sealed FROM jobs WHERE name = 'in'")
    kept = play.rig.sealer.unseal(sealed)["secrets"]
    assert isinstance(kept, dict)
    assert set(kept.values()) == {SECRET, OTHER, "aardvark"}


async def test_a_registry_password_in_a_family_is_hidden(play: Play) -> None:
    login = {"username": "u", "password": SECRET}
    task = {**SHELL, "name": "n", "image": "x:1", "registry": login}
    sub = {"name": "sub", "tasks": [{"name": "p", "parallel": {"tasks": [task]}}]}
    await play.submit_tasks({"name": "s", "subjob": sub})
    await expect_hidden(play, SECRET)
    [definition] = await sent(play, 1)
    assert definition["registry"] == login


async def test_what_fails_with_a_secret_item_hides_it_after_a_restart_too(play: Play) -> None:
    task = {**env("{{ item.value }}"), "name": "n{{ item.index }}"}
    job_id = await play.submit_tasks(
        {"name": "e", "each": {"list": "[secrets.a, 'b']", "task": task}}, secrets={"a": SECRET}
    )

    def fails(row: Row) -> Verdict:
        return Fails() if row["name"] == "n0" else None

    await play.run(fails)
    await sent(play, 2)
    await play.happen(JobRestarted(job_id))
    await expect_hidden(play, SECRET)
    again = [definition["env"]["E0"] for definition in await sent(play, 2)]
    assert again[0] == SECRET
    await play.run()
    assert await play.state(job_id) == "COMPLETED"


async def test_what_a_sub_job_makes_of_a_secret_its_parent_hides_as_well(play: Play) -> None:
    inside = {**env("{{ fromJSON(secrets.login).pw }}"), "name": "n", "var": "r"}
    sub = {"name": "in", "secrets": {"login": "{{ secrets.login }}"}, "tasks": [inside]}
    login = json.dumps({"user": "ann", "pw": SECRET})
    after = {**env("{{ tasks.of_sub }}"), "name": "after"}
    job_id = await play.submit_tasks(
        {"name": "s", "var": "of_sub", "subjob": {**sub, "output": "{{ tasks.r }}"}},
        after,
        secrets={"login": login},
    )
    await play.run(lambda row: SECRET if row["name"] == "n" else None)
    parent, task = await play.rig.job(job_id), await play.task(job_id, "s")
    assert play.rig.sealer.open_text(task["result"]) == SECRET
    assert redacting(play.rig.sealer, parent["sealed"]).value(task["result"]) == "[REDACTED]"
    assert (await play.task(job_id, "after"))["definition"]["env"] == {"E0": "[REDACTED]"}
