"""Takes out of a task, at any depth, what must not be shown wherever it came from.

The values of secrets are taken out by what they are (see `redacting`); this is for passwords, a
sub-job's secrets, and values under names that sound like a secret's.
"""

from collections.abc import Mapping
from typing import Any

from services.coordinator.redaction import hide_by_name
from shared.process.redaction import REDACTED

_AROUND_A_TASK = ("pre", "post", "sidecars")


def hide_in_task(task: Mapping[str, Any]) -> dict[str, Any]:
    """`task`, in the job language's JSON form, as it may be shown."""
    shown = dict(task)
    if shown.get("env"):
        shown["env"] = hide_by_name(shown["env"])
    if "password" in (registry := shown.get("registry") or {}):
        shown["registry"] = {**registry, "password": REDACTED}
    for key in _AROUND_A_TASK:
        if shown.get(key):
            shown[key] = list(map(hide_in_task, shown[key]))
    for key, hide in (("parallel", _in_parallel), ("each", _in_each), ("subjob", _in_subjob)):
        if shown.get(key):
            shown[key] = hide(shown[key])
    return shown


def _in_parallel(parallel: Mapping[str, Any]) -> dict[str, Any]:
    return {**parallel, "tasks": list(map(hide_in_task, parallel.get("tasks") or ()))}


def _in_each(each: Mapping[str, Any]) -> dict[str, Any]:
    return {**each, "task": hide_in_task(each.get("task") or {})}


def _in_subjob(subjob: Mapping[str, Any]) -> dict[str, Any]:
    shown = {**subjob, "tasks": list(map(hide_in_task, subjob.get("tasks") or ()))}
    if shown.get("inputs"):
        shown["inputs"] = hide_by_name(shown["inputs"])
    if shown.get("secrets"):
        shown["secrets"] = dict.fromkeys(shown["secrets"], REDACTED)
    if shown.get("webhooks"):
        shown["webhooks"] = [
            {**webhook, "headers": hide_by_name(webhook.get("headers"))}
            for webhook in shown["webhooks"]
        ]
    return shown
