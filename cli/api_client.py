"""What the command line asks of the HTTP API, and the parts of its answers it reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

_LOG_PAGE_SIZE = 100  # the largest the API gives
_TIMEOUT = aiohttp.ClientTimeout(total=30)

Json = Mapping[str, Any]


class ApiRejected(Exception):
    """The API refused the request; the text is its message."""


class ApiUnavailable(Exception):
    """The API can't be reached, or can't answer now."""


@dataclass(frozen=True, slots=True)
class TaskView:
    """One row of a job's `execution`: an attempt at a task. `progress` is 0..100."""

    id: str
    name: str
    position: int
    state: str
    progress: float
    error: str | None
    attempt: int


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as GET /jobs/{id} gives it. `task_names` are those of the submitted tasks, in order."""

    id: str
    name: str
    state: str
    progress: float
    task_names: tuple[str, ...]
    execution: tuple[TaskView, ...]
    result: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class LogPartView:
    """A piece of a task's log; `number` counts from 1 within the task."""

    task_id: str
    number: int
    contents: str


class ApiClient:
    """A session with the API at `url`. Every call raises ApiRejected or ApiUnavailable."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def submit(self, job_yaml: str) -> str:
        """POST the job file's text; the new job's id."""
        headers = {"Content-Type": "application/yaml"}
        answer = await self._call("POST", "/jobs", data=job_yaml.encode(), headers=headers)
        return str(answer["id"])

    async def job(self, job_id: str) -> JobView:
        return _job_view(await self._call("GET", f"/jobs/{job_id}"))

    async def log(self, job_id: str, page: int) -> list[LogPartView]:
        """Page `page` (from 1) of the job's log, newest part first."""
        params = {"page": str(page), "size": str(_LOG_PAGE_SIZE)}
        answer = await self._call("GET", f"/jobs/{job_id}/log", params=params)
        return [_log_part_view(part) for part in answer.get("items") or ()]

    async def _call(self, method: str, path: str, **request: Any) -> Json:  # noqa: ANN401 - aiohttp's own keywords
        try:
            async with self._session.request(method, self._url + path, **request) as response:
                answer = await response.json(content_type=None)
                if response.ok:
                    return dict(answer)
                message = str(answer.get("message", answer))
                raise ApiUnavailable(message) if response.status >= 500 else ApiRejected(message)
        # ValueError: something else than Conveyor answers there, in something else than JSON.
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiUnavailable(f"{method} {self._url}{path}: {error}") from error


def _job_view(job: Json) -> JobView:
    return JobView(
        id=job["id"],
        name=job["name"],
        state=job["state"],
        progress=float(job.get("progress", 0)),
        task_names=tuple(task.get("name", "") for task in job.get("tasks") or ()),
        execution=tuple(_task_view(task) for task in job.get("execution") or ()),
        result=job.get("result"),
        error=job.get("error"),
    )


def _task_view(task: Json) -> TaskView:
    return TaskView(
        id=task["id"],
        name=task.get("name", ""),
        position=int(task.get("position", 0)),
        state=task["state"],
        progress=float(task.get("progress", 0)),
        error=task.get("error"),
        attempt=int((task.get("retry") or {}).get("attempts", 0)),
    )


def _log_part_view(part: Json) -> LogPartView:
    return LogPartView(part["taskId"], int(part["number"]), part.get("contents", ""))
