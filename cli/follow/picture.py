"""What is known of a job that is followed: its own state, and its tasks' latest."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from cli.views import ENDED_TASK_STATES, JobView, Json, TaskView


@dataclass(frozen=True, slots=True)
class TaskNews:
    """A task attempt as it is now. `parent_id`: it belongs to another task, not to the job.
    `since` is when it came to its state."""

    id: str
    name: str
    state: str
    progress: float
    error: str | None
    attempt: int
    parent_id: str | None
    since: str | None = None

    @property
    def is_child(self) -> bool:
        return self.parent_id is not None

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED_TASK_STATES


@dataclass(frozen=True, slots=True)
class Children:
    """Of a task that is made of others: how many there will be, and how many are done."""

    total: int
    ended: int


_ACTIVE = ("PENDING", "SCHEDULED", "RUNNING")
_MOST_PARENTS = 5


def _rank(state: str) -> int:
    return _ACTIVE.index(state) if state in _ACTIVE else len(_ACTIVE)


class Picture:
    """Takes in news in any order: what is older than what is known changes nothing."""

    def __init__(self, job_id: str, name: str, task_names: Sequence[str]) -> None:
        self.job_id = job_id
        self.name = name
        self.task_names = task_names
        self.state = "PENDING"
        self.progress = 0.0
        self.waits_for: Json | None = None
        """The reason and the message of the API, while no task runs."""
        self.children: dict[str, Children] = {}
        self._seen_children: Counter[str] = Counter()
        self._replayed_until: str | None = None
        self._tasks: dict[str, TaskNews] = {}
        self._versions: dict[str, int] = {}
        self._states: Counter[str] = Counter()
        self._retries = 0

    @classmethod
    def of(cls, job: JobView) -> Self:
        """A picture that shows nothing of the tasks yet: their news are still to come. Until they
        have caught up, the job's earlier states are over."""
        made = cls(job.id, job.name, job.task_names)
        made.state, made.progress = job.state, job.progress
        made._replayed_until = job.state
        return made

    def running(self) -> list[TaskNews]:
        """Those that are made of others first, then by their start."""
        found = [task for task in self._tasks.values() if task.state == "RUNNING"]
        return sorted(found, key=lambda task: (not self._seen_children[task.id], task.since or ""))

    def running_parents(self) -> list[str]:
        return [task.id for task in self.running() if self._seen_children[task.id]][:_MOST_PARENTS]

    def first_waiting(self) -> str | None:
        """The task that a worker should run next, while none runs."""
        tasks = [task for task in self._tasks.values() if not self._seen_children[task.id]]
        if any(task.state == "RUNNING" for task in tasks):
            return None
        return next((task.id for task in tasks if task.state in ("CREATED", *_ACTIVE)), None)

    def name_of(self, task_id: str) -> str:
        task = self._tasks.get(task_id)
        return task.name if task else task_id

    def counts(self) -> dict[str, int]:
        """How many tasks are in which sort of state, in the order they are told."""
        waiting = sum(self._states[state] for state in ("CREATED", "PENDING", "SCHEDULED"))
        for id_, children in self.children.items():  # most have no row before their turn
            if not self._tasks[id_].has_ended:
                waiting += max(0, children.total - self._seen_children[id_])
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
            self._take_job_state(data.get("state", self.state))
            self.progress = float(data.get("progress") or self.progress)
            return None
        return self._keep(_news_of(data, self._tasks.get(task_id)))

    def _take_job_state(self, state: str) -> None:
        if self._replayed_until is None or _rank(state) >= _rank(self._replayed_until):
            self.state, self._replayed_until = state, None

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
        elif news.parent_id:
            self._seen_children[news.parent_id] += 1
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
        parent_id=data.get("parentId") or None,
        since=data.get("at"),
    )


def _news_of_view(task: TaskView) -> TaskNews:
    return TaskNews(
        id=task.id,
        name=task.name,
        state=task.state,
        progress=task.progress,
        error=task.error,
        attempt=task.attempt,
        parent_id=task.parent_id,
        since=task.started_at,
    )
