"""The client: jobs on itself, all else by what it is about."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import httpx

from conveyor._sync.access import (
    Keys,
    Roles,
    SyncSecrets,
    SyncSession,
    SyncSessions,
    Users,
)
from conveyor._sync.files import Files, Uploads
from conveyor._sync.resources import (
    DeadLetters,
    Nodes,
    Queues,
    Resource,
    Schedules,
    Tasks,
    Webhooks,
)
from conveyor._sync.templates import SyncTemplates
from conveyor._sync.transport import SILENCE_SECONDS, Stream, Transport
from conveyor.contents import Source
from conveyor.errors import NotFinal, Unavailable
from conveyor.http import (
    FINAL_STATES,
    JobLike,
    Retries,
    Server,
    key_of,
    new_key,
    with_uploads,
)
from conveyor.lazy import models as m
from conveyor.streams import Event, Events


class Client(Resource):
    """A connection to a coordinator. Use as a context manager; every call raises ConveyorError.

    What isn't given is read from CONVEYOR_URL, CONVEYOR_API_KEY, CONVEYOR_USER and
    CONVEYOR_PASSWORD. Requests are repeated while the server is away or asks to wait (`retries`); a
    submission carries an idempotency key, so that it creates one job.
    """

    def __init__(
        self,
        url: str | Server | None = None,
        *,
        key: str | None = None,
        user: str | None = None,
        password: str | None = None,
        timeout_seconds: float = 60.0,
        retries: Retries | None = None,
        http: httpx.BaseTransport | None = None,
    ) -> None:
        """Raises ValueError for an address or login that can't be right. `http` replaces the
        network, for tests and proxies."""
        server = url if isinstance(url, Server) else Server.at(url, key, user, password)
        super().__init__(Transport(server, retries or Retries(), timeout_seconds, http))
        transport = self._transport
        self.tasks = Tasks(transport)
        self.files = Files(transport)
        self.uploads = Uploads(transport)
        self.schedules = Schedules(transport)
        self.templates = SyncTemplates(transport)
        self.webhooks = Webhooks(transport)
        self.queues = Queues(transport)
        self.nodes = Nodes(transport)
        self.dead_letters = DeadLetters(transport)
        self.users = Users(transport)
        self.roles = Roles(transport)
        self.keys = Keys(transport)
        self.secrets = SyncSecrets(transport)
        self.session = SyncSession(transport)
        self.sessions = SyncSessions(transport)

    @property
    def url(self) -> str:
        """Of the server."""
        return self._transport.server.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, object] | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        may_wait: bool = False,
        **names: Any,  # noqa: ANN401 - texts
    ) -> Any:  # noqa: ANN401 - JSON
        """Any request of the API: its answer as JSON. `names` fill the braces of `path`, as in
        `"/jobs/{id}"`. `body` is sent as JSON, a text as YAML. The answer to one that `may_wait`
        can take any time. With `idempotency_key` it happens once, however often it is sent."""
        return self._call(
            method, path, body=body, query=query, key=idempotency_key, headers=headers,
            may_wait=may_wait, **names
        )  # fmt: skip

    def stream(
        self,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        silence_seconds: float = SILENCE_SECONDS,
        **names: Any,  # noqa: ANN401 - texts
    ) -> AbstractContextManager[Stream]:
        """Any answer that goes on, as for `request`. A connection on which nothing arrives for
        `silence_seconds` counts as lost."""
        return self._transport.stream(
            path, query=query, headers=headers, silence_seconds=silence_seconds, **names
        )

    def submit(
        self,
        job: JobLike,
        *,
        files: Mapping[str, Source] | None = None,
        strict: bool = False,
        idempotency_key: str | None = None,
    ) -> m.JobSummary:
        """The new job, or with `reuse` in it one that does the same work. `strict` refuses one with
        warnings. `files` are sent before: its uploads by
        the names that its sources have for them. Raises TypeError for files with the text of a
        job, which can't take them up."""
        if files:
            job = with_uploads(job, self._sent(files, idempotency_key))
        answer = self._call(
            "POST",
            "/jobs",
            body=job,
            query={"strict": strict},
            key=idempotency_key or key_of(job),
            may_wait=True,
        )
        return m.JobSummary.of(answer)

    def dry_run(self, job: JobLike, *, strict: bool = False) -> m.DryRun:
        """Check a job as `submit` would; nothing is stored."""
        query = {"strict": strict, "dryRun": True}
        return m.DryRun.of(self._call("POST", "/jobs", body=job, query=query))

    def check_reuse(self, job: JobLike) -> m.ReuseCheck:
        """Which job `submit` would return with `reuse`; nothing is stored."""
        return m.ReuseCheck.of(self._call("POST", "/jobs/reuse/check", body=job))

    def reuse(self, job_id: str) -> m.JobReuse:
        """The submissions that were answered with it, and why."""
        return m.JobReuse.of(self._call("GET", "/jobs/{id}/reuse", id=job_id))

    def ban_reuse(self, job_id: str) -> None:
        """No submission is answered with it any more."""
        self._call("POST", "/jobs/{id}/reuse/ban", id=job_id)

    def _sent(self, files: Mapping[str, Source], key: str | None) -> Mapping[str, str]:
        """Their ids by name: the same ones where `key` was used before."""
        ids = dict[str, str]()
        for name, source in files.items():
            file_name = "" if isinstance(source, str | Path) else name
            once = key and f"{key}-{name}"
            ids[name] = (self.uploads.create(source, file_name, idempotency_key=once)).id
        return ids

    def run(
        self,
        job: JobLike,
        *,
        files: Mapping[str, Source] | None = None,
        timeout_seconds: float | None = None,
    ) -> m.Job:
        """Submit and wait. Raises NotFinal after `timeout_seconds`."""
        submitted = self.submit(job, files=files)
        return self.wait(submitted.id, timeout_seconds=timeout_seconds)

    def wait(self, job_id: str, *, timeout_seconds: float | None = None) -> m.Job:
        """The job once it is final. Raises NotFinal after `timeout_seconds`; the job goes on."""
        give_up_at = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        pause = 0.05
        while (job := self.find(job_id)).state not in FINAL_STATES:
            left = None if give_up_at is None else give_up_at - time.monotonic()
            if left is not None and left <= 0:
                raise NotFinal(f"job {job_id} is still {job.state} after {timeout_seconds:g} s")
            time.sleep(pause if left is None else min(pause, left))
            pause = min(1.5 * pause, 1.0)
        return self.get(job.id)

    def get(self, job_id: str, *, tasks: bool = True) -> m.Job:
        """The whole job, with its tasks as they ran unless `tasks` is false."""
        query = {} if tasks else {"tasks": False}
        return m.Job.of(self._call("GET", "/jobs/{id}", query=query, id=job_id))

    def definition(self, job_id: str) -> Mapping[str, Any]:
        """As it was submitted, its secrets left out: to be edited and submitted again."""
        return dict(self._call("GET", "/jobs/{id}/definition", id=job_id))

    def find(self, text: str, *, details: bool = False) -> m.JobHeader:
        """By its id, the beginning of its id, or its name. With `details`: also why it waits, where
        it failed, and which jobs it is part of."""
        query = {"details": True} if details else {}
        return m.JobHeader.of(self._call("GET", "/jobs/{id}/summary", query=query, id=text))

    def list(self, q: str = "", **filters: str) -> Iterator[m.JobSummary]:
        """Newest first, each page asked for when it is needed. `filters` are `state`, `tag`,
        `name`, `by`, `since`, `before` and `order`."""
        return self._pages("/jobs", m.JobSummary, query={"q": q, **filters})

    def counts(self, q: str = "", **filters: str) -> m.JobCounts:
        """How many jobs a search finds, by state; `filters` as for `list`."""
        return m.JobCounts.of(self._call("GET", "/jobs/counts", query={"q": q, **filters}))

    def queue(self, q: str = "", **filters: str) -> Iterator[m.JobSummary]:
        """Jobs that wait to be started, in the order of their priority; as for `list`."""
        return self._pages("/jobs/queue", m.JobSummary, query={"q": q, **filters})

    def queue_size(self) -> m.QueueSize:
        """How many jobs wait to be started, also those that you may not see."""
        return m.QueueSize.of(self._call("GET", "/jobs/queue/size"))

    def cancel(self, job_id: str, *, reason: str = "", submission_id: str = "") -> None:
        """`reason` is shown with the job. With a `submission_id` of a job with `reuse` only this
        submission is taken back."""
        given = {"reason": reason, "submissionId": submission_id}
        body = {name: text for name, text in given.items() if text} or None
        self._call("PUT", "/jobs/{id}/cancel", id=job_id, body=body)

    def make_tasks(self, job_id: str, tasks: Sequence[Mapping[str, Any]]) -> m.MadeTasks:
        """As a task of the job with a `spawn`, whose token is the key of this client. Each has
        `parameters`, `sequence` and `name`."""
        body = {"tasks": [dict(task) for task in tasks]}
        answer = self._call("POST", "/jobs/{id}/tasks", id=job_id, body=body, key=new_key())
        return m.MadeTasks.of(answer)

    def prioritize(self, job_id: str, priority: int) -> None:
        """0 to 9: of all its tasks that wait or begin later."""
        body = {"priority": priority}
        self._call("PUT", "/jobs/{id}/priority", id=job_id, body=body)

    def release(self, job_id: str) -> None:
        """A held job: it begins, or waits for its `startAt`."""
        self._call("PUT", "/jobs/{id}/release", id=job_id)

    def restart(self, job_id: str, *, from_task: str | int | None = None) -> None:
        """Where it stopped; or at the task with that name or position, which runs again with all
        that follow it."""
        body = None if from_task is None else {"from": from_task}
        self._call("PUT", "/jobs/{id}/restart", id=job_id, body=body)

    def run_again(
        self,
        job_id: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> m.JobSummary:
        """A new job with the same tasks; `inputs` and `secrets` replace those of the same name."""
        answer = self._call(
            "POST",
            "/jobs/{id}/run-again",
            id=job_id,
            body={"inputs": dict(inputs or {}), "secrets": dict(secrets or {})},
            key=idempotency_key or new_key(),
        )
        return m.JobSummary.of(answer)

    def lock(self, job_id: str, *, ttl: str = "5m") -> m.Lock:
        """Nobody else can change what the job does, until it ends or the lock expires. Raises
        Conflict where somebody has locked it."""
        answer = self._call("POST", "/jobs/{id}/lock", id=job_id, body={"ttl": ttl})
        return m.Lock.of(answer)

    def renew_lock(self, job_id: str, token: str, *, ttl: str = "5m") -> m.RenewedLock:
        """For `ttl` from now on."""
        body = {"token": token, "ttl": ttl}
        answer = self._call("POST", "/jobs/{id}/lock/renew", id=job_id, body=body)
        return m.RenewedLock.of(answer)

    def unlock(self, job_id: str, token: str = "", *, force: bool = False) -> None:
        """With `force` an admin removes a lock that somebody else holds."""
        headers = {"Lock-Token": token} if token else {}
        query = {"force": force}
        self._call("DELETE", "/jobs/{id}/lock", id=job_id, query=query, headers=headers)

    def update(
        self,
        job_id: str,
        job: JobLike,
        *,
        force: bool = False,
        base_version: int = 0,
        lock_token: str = "",
    ) -> m.JobVersion:
        """A new version of a job whose tasks are placed on nodes. With `force` executions run anew
        even if nothing of them differs; with `base_version` that must be the current one. A locked
        job needs the token of its lock."""
        answer = self._call(
            "PUT",
            "/jobs/{id}",
            id=job_id,
            body=job,
            query={"force": force, "baseVersion": base_version},
            headers={"Lock-Token": lock_token} if lock_token else {},
            key=new_key(),
        )
        return m.JobVersion.of(answer)

    def versions(self, job_id: str) -> Sequence[m.JobVersion]:
        """The newest first."""
        answer = self._call("GET", "/jobs/{id}/versions", id=job_id)
        return [m.JobVersion.of(one) for one in answer]

    def version(self, job_id: str, version: int) -> m.WholeJobVersion:
        """With what was submitted."""
        answer = self._call("GET", "/jobs/{id}/versions/{version}", id=job_id, version=str(version))
        return m.WholeJobVersion.of(answer)

    def roll_back(self, job_id: str, version: int = 0) -> m.JobVersion:
        """An earlier version becomes the newest, by default the one before the current."""
        query = {"version": version}
        answer = self._call("POST", "/jobs/{id}/rollback", id=job_id, query=query)
        return m.JobVersion.of(answer)

    def diff(self, job_id: str, job: JobLike) -> str:
        """How a job differs from its current version; empty if it doesn't."""
        answer = self._call("POST", "/jobs/{id}/diff", id=job_id, body=job)
        return m.JobDifference.of(answer).diff

    def delete(self, job_id: str, *, lock_token: str = "") -> None:
        """A final or held job with its tasks and logs. A locked one needs the token of its lock."""
        headers = {"Lock-Token": lock_token} if lock_token else {}
        self._call("DELETE", "/jobs/{id}", id=job_id, headers=headers)

    def delete_all(self, q: str = "", *, dry_run: bool = False, **filters: str) -> m.Deletion:
        """Final jobs that a search finds, as for `list`, up to a thousand at a time."""
        query = {"q": q, "dryRun": dry_run, **filters}
        return m.Deletion.of(self._call("DELETE", "/jobs", query=query))

    def placement(self, job_id: str) -> m.JobPlacement:
        """What of it waits for a node, and for each worker why it is not taken."""
        answer = self._call("GET", "/jobs/{id}/placement", id=job_id)
        return m.JobPlacement.of(answer)

    def provenance(self, job_id: str) -> m.Provenance:
        """What has made the files of the job, and from what, as W3C PROV-JSON: `raw` is the
        document."""
        return m.Provenance.of(self._call("GET", "/jobs/{id}/provenance", id=job_id))

    def timeline(self, job_id: str) -> m.Timeline:
        """When its tasks waited and ran: all attempts in short, with their phases."""
        return m.Timeline.of(self._call("GET", "/jobs/{id}/timeline", id=job_id))

    def log(self, job_id: str) -> str:
        """All that its tasks have written so far."""
        return self._log("/jobs/{id}/log", job_id)

    def log_lines(self, job_id: str, first: int = 1, size: int = 200) -> m.LogLines:
        """Of all its tasks, those from the place `first` on; -100: the last hundred."""
        return self._log_lines("/jobs/{id}/log/lines", job_id, first, size)

    def find_in_log(
        self, job_id: str, text: str, *, regex: bool = False, case: bool = False
    ) -> m.LogMatches:
        """The places of the lines that hold `text`; with `regex` that match it."""
        return self._find_in_log("/jobs/{id}/log/matches", job_id, text, regex, case)

    def follow_log(self, job_id: str) -> Generator[str]:
        """Its lines as they are written, until it is final. A connection that breaks is opened
        again."""
        return self._follow_log("/jobs/{id}/log", job_id)

    def events(
        self, job_id: str, after: str = "", *, types: str = "", every: str = ""
    ) -> Generator[Event]:
        """What has happened to the job from its beginning, or after the cursor of an earlier event,
        and what goes on to happen. `end` is the last. A connection that breaks is opened again.

        `types` are some of `job,task,progress,log`. With `every`, as `1s`, of the job and each task
        only the newest event in this time."""
        pauses, query = self._transport.pauses(), {"types": types, "every": every}
        while True:
            try:
                for event in self._events("/jobs/{id}/events", after, query, id=job_id):
                    after, pauses = event.cursor or after, self._transport.pauses()
                    yield event
                    if event.kind == "end":
                        return
                raise Unavailable("the server ends its events too early")
            except Unavailable as error:
                self._pause(pauses, error)

    def all_events(
        self, after: str = "", *, types: str = "", every: str = "", jobs: Sequence[str] = ()
    ) -> Generator[Event]:
        """Of all jobs that the key or user may see, or of those whose ids are in `jobs`, until the
        connection ends; see `events`."""
        query = {"types": types, "every": every, "jobs": ",".join(jobs)}
        return self._events("/events", after, query)

    def _events(
        self,
        template: str,
        after: str,
        query: Mapping[str, str],
        **names: Any,  # noqa: ANN401 - texts
    ) -> Generator[Event]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        read = Events()
        with self._transport.stream(template, query=query, headers=headers, **names) as stream:
            for line in stream.lines():
                for event in read.feed(line):
                    yield event

    def examples(self) -> Sequence[m.Example]:
        """Jobs to begin with."""
        return [m.Example.of(one) for one in self._call("GET", "/examples")]

    def example(self, name: str) -> m.WholeExample:
        """With its text, which can be submitted."""
        return m.WholeExample.of(self._call("GET", "/examples/{name}", name=name))

    def metrics(self) -> m.MetricsView:
        return m.MetricsView.of(self._call("GET", "/metrics"))

    def metrics_history(
        self, *, since: str = "1h", before: str = "", points: int = 120
    ) -> m.MetricsHistory:
        """Throughput and times in at most so many points; `since` and `before` are times or spans
        such as `7d`."""
        asked = {"since": since, "before": before, "points": points}
        return m.MetricsHistory.of(self._call("GET", "/metrics/history", query=asked))

    def health(self) -> m.Health:
        """Raises Unavailable where something is missing."""
        return m.Health.of(self._call("GET", "/health"))
