"""What is known of a job that is followed: its own state, and its tasks' latest."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from cli.api.session import Json
from cli.api.views import ENDED_TASK_STATES, JobView, TaskView


@dataclass(frozen=True, slots=True)
class TaskNews:
    """A task attempt as it is now. `is_child`: it belongs to another task, not to the job."""

    id: str
    name: str
    state: str
    progress: float
    error: str | None
    attempt: int
    is_child: bool

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED_TASK_STATES


class Picture:
    """Takes in news in any order: what is older than what is known changes nothing."""

    def __init__(self, job_id: str, name: str, task_names: Sequence[str]) -> None:
        self.job_id = job_id
        self.name = name
        self.task_names = task_names
        self.state = "PENDING"
        self.progress = 0.0
        self._tasks: dict[str, TaskNews] = {}
        self._versions: dict[str, int] = {}
        self._states: Counter[str] = Counter()
        self._retries = 0

    @classmethod
    def of(cls, job: JobView) -> Self:
        """A picture that shows nothing of the tasks yet: their news are still to come."""
        return cls(job.id, job.name, job.task_names)

    def name_of(self, task_id: str) -> str:
        task = self._tasks.get(task_id)
        return task.name if task else task_id

    def counts(self) -> dict[str, int]:
        """How many tasks are in which sort of state, in the order they are told."""
        waiting = sum(self._states[state] for state in ("CREATED", "PENDING", "SCHEDULED"))
        # Each retry stands for one failed attempt, which isn't a failed task.
        found = {
            "completed": self._states["COMPLETED"],
            "running": self._states["RUNNING"],
            "waiting": waiting,
            "skipped": self._states["SKIPPED"],
            "failed": max(0, self._states["FAILED"] - self._retries),
            "cancelled": self._states["CANCELLED"] + self._states["STOPPED"],
        }
        return {word: count for word, count in found.items() if count}

    def take_event(self, data: Json) -> TaskNews | None:
        """The `data` of an event `job`, `task` or `progress`; the task's news, if it is any."""
        task_id = data.get("taskId")
        if self._is_old(task_id or "", data.get("version", 0)):
            return None
        if task_id is None:
            self.state = data.get("state", self.state)
            self.progress = float(data.get("progress") or self.progress)
            return None
        return self._keep(_news_of(data, self._tasks.get(task_id)))

    def take_job(self, job: JobView) -> list[TaskNews]:
        """A look at the whole job; its tasks that are other than before."""
        self.state, self.progress = job.state, job.progress
        return list(self._changed(job.execution))

    def _changed(self, tasks: Iterable[TaskView]) -> Iterable[TaskNews]:
        for task in tasks:
            news = _news_of_view(task)
            if self._tasks.get(task.id) != news:
                yield self._keep(news)

    def _is_old(self, key: str, version: int) -> bool:
        if version < self._versions.get(key, 0):
            return True
        self._versions[key] = version
        return False

    def _keep(self, news: TaskNews) -> TaskNews:
        before = self._tasks.get(news.id)
        if before:
            self._states[before.state] -= 1
        elif news.attempt:
            self._retries += 1
        self._states[news.state] += 1
        self._tasks[news.id] = news
        return news


def _news_of(data: Json, before: TaskNews | None) -> TaskNews:
    return TaskNews(
        id=data["taskId"],
        name=data.get("name") or (before.name if before else ""),
        state=data["state"],
        progress=float(data.get("progress") or 0),
        error=data.get("error"),
        attempt=int(data.get("attempt") or 0),
        is_child=bool(data.get("parentId")),
    )


def _news_of_view(task: TaskView) -> TaskNews:
    return TaskNews(
        id=task.id,
        name=task.name,
        state=task.state,
        progress=task.progress,
        error=task.error,
        attempt=task.attempt,
        is_child=task.parent_id is not None,
    )
