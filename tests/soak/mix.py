"""The jobs of the soak: those of the chaos suite without its ledger, and some in containers."""

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from tests.chaos.mix import Planned, Workshop
from tests.chaos.script import Scripts

_CONTAINER_EVERY = 40
_DELETED_AFTER = "20s"


class PlainScripts(Scripts):
    """Tasks that only do their work."""

    def script(self, key: str, work: str) -> str:
        return work


class Mix:
    """Makes jobs, each of which is deleted soon. With an `image`, some run in containers."""

    def __init__(self, directory: Path, webhook_url: str, image: str | None) -> None:
        self._scripts = PlainScripts(directory)
        self._workshop = Workshop(self._scripts, Random("soak"), webhook_url)
        self._image = image

    def job(self, number: int) -> Planned:
        if self._image and number % _CONTAINER_EVERY == 0:
            planned = _contained(f"s{number}-container", self._image)
        else:
            planned = self._workshop.job(number, "s")
        body = {**planned.body, "autoDelete": {"after": _DELETED_AFTER}}
        return replace(planned, body=body)

    def forget(self, planned: Planned) -> None:
        """Remove what the job has remembered itself by."""
        mark = self._scripts.mark(planned.key)
        if mark.is_dir():
            mark.rmdir()


def short(_: int) -> dict[str, Any]:
    """A job that is done as soon as it has begun."""
    task = {"name": "short", "run": "true"}
    return {"name": "short", "tasks": [task], "autoDelete": {"after": "1s"}}


def scheduled() -> dict[str, Any]:
    """What is submitted again and again, every minute."""
    task = {"name": "tick", "run": "true"}
    return {
        "name": "every minute",
        "tasks": [task],
        "autoDelete": {"after": _DELETED_AFTER},
        "schedule": {"cron": "* * * * *"},
    }


def _contained(key: str, image: str) -> Planned:
    task = {"name": "x", "var": "x", "image": image, "run": "printf '%s' here > $TORK_OUTPUT"}
    body = {"name": key, "tasks": [task], "output": "{{ tasks.x }}"}
    return Planned(key, body, result="here")
