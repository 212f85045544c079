"""How a task that is made of others is shown: as submitted, and how far it is."""

from datetime import UTC, datetime
from typing import Any

from services.coordinator.api.tork import task_views
from services.coordinator.store.rows import JsonObject, TaskRow
from shared.definition import encode
from shared.process.redaction import Redactor
from tests.support.jobs.definitions import task_definition

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def shown(definition: JsonObject, **columns: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": "t",
        "job_id": "j",
        "position": 1,
        "state": "RUNNING",
        "name": "all",
        "queue": "",
        "priority": 0,
        "var": None,
        "definition": encode(task_definition(definition)),
        "attempt": 0,
        "progress": 0.0,
        "node_id": None,
        "created_at": NOW,
        **dict.fromkeys(("scheduled_at", "started_at", "completed_at", "failed_at")),
        **dict.fromkeys(("result", "error", "parent_id", "last_return_reason", "failure_cause")),
        **dict.fromkeys(
            ("exit_code", "child_index", "subjob_id", "children", "timings", "reused_from")
        ),
        "engine_rejections": 0,
    }
    return task_views.task(TaskRow(**{**row, **columns}), Redactor())


COUNTS = {"total": 30, "begun": 6, "ended": 2, "failed": 1, "waiting": 1}


def test_an_each_tells_how_many_items_it_has_and_how_far_they_are() -> None:
    definition: JsonObject = {"each": {"list": "{{ [1, 2, 3] }}", "task": {"run": "true"}}}
    each = shown(definition, children=COUNTS)["each"]
    assert (each["size"], each["completions"], each["list"]) == (30, 2, "{{ [1, 2, 3] }}")
    assert (each["running"], each["waiting"], each["failures"]) == (3, 25, 1)
    ended = shown(definition, children=COUNTS, state="FAILED")["each"]
    assert not {"running", "waiting"} & ended.keys()


def test_a_parallel_tells_how_far_its_tasks_are() -> None:
    definition: JsonObject = {"parallel": {"tasks": [{"run": "true"}, {"run": "false"}]}}
    parallel = shown(definition, children=COUNTS | {"failed": 0})["parallel"]
    assert (parallel["completions"], parallel["running"], parallel["waiting"]) == (2, 3, 25)
    assert "failures" not in parallel


def test_a_placed_task_tells_how_many_executions_have_ended_and_of_a_service_how_many_run() -> None:
    def placement(kind: str) -> JsonObject:
        definition: JsonObject = {"placement": {"type": kind, "count": 30}}
        placed: JsonObject = shown(definition, children=COUNTS | {"running": 4})["placement"]
        return placed

    batch, service = placement("batch"), placement("service")
    assert (batch["size"], batch["completions"], batch["failures"]) == (30, 2, 1)
    assert not {"running", "waiting"} & batch.keys()
    assert (service["running"], service["waiting"]) == (4, 26)


def test_a_subjob_names_the_job_that_was_made() -> None:
    definition: JsonObject = {"subjob": {"name": "s", "tasks": [{"run": "true"}]}}
    assert shown(definition, subjob_id="j2")["subjob"]["id"] == "j2"


def test_progress_is_shown_with_no_more_digits_than_mean_anything() -> None:
    assert shown({}, progress=23.47000000000087)["progress"] == 23.47


def test_a_composite_task_is_on_no_queue() -> None:
    assert "queue" not in shown({})
