"""From what a client submitted to the job that enters the store."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.parsing import parse_job
from shared.planning.new_job import NewJob
from shared.planning.submission import new_job


def submitted(body: bytes) -> NewJob:
    return new_job(compile_job(parse_job(body, "application/yaml")), "id", datetime.now(UTC))


def test_a_budget_is_an_amount_above_nothing() -> None:
    assert submitted(b"name: a\nbudget: 12.50\ntasks: [{name: t}]").job.budget == Decimal("12.50")
    for text in ("0", "-1", "1e3", "1.2345678", "x"):
        with pytest.raises(InvalidJob, match=r"budget: .* must be an amount"):
            submitted(f"name: a\nbudget: '{text}'\ntasks: [{{name: t}}]".encode())


def test_a_registry_password_becomes_a_secret_so_that_it_is_stored_encrypted() -> None:
    job = submitted(
        b"""
name: private
secrets: {own: mine}
tasks:
  - {name: a, image: r/a, registry: {username: u, password: one}}
  - {name: b, image: r/b, registry: {username: u, password: "{{ secrets.own }}"}}
  - {name: c, image: r/c, registry: {username: u, password: two}}
"""
    )
    passwords = [task.registry and task.registry.password for task in job.definition.tasks]
    assert passwords == [
        '{{ secrets["conveyor.registry.1"] }}',
        "{{ secrets.own }}",
        '{{ secrets["conveyor.registry.2"] }}',
    ]
    assert job.definition.secrets == {
        "own": "mine",
        "conveyor.registry.1": "one",
        "conveyor.registry.2": "two",
    }
