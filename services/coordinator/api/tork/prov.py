"""The history of a job in PROV-JSON.

Files are entities, jobs and attempts at tasks are activities, users and workers are agents:
https://www.w3.org/TR/prov-dm/, in the form of https://www.w3.org/submissions/prov-json/. An
identifier is what Conveyor calls the same thing in its API, so that the documents of several jobs
can be put together: `conveyor:task/ID`, `conveyor:object/NAME`.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from services.coordinator.store.provenance import (
    AttemptRow,
    FileRow,
    History,
    JobRow,
    MakerRow,
    UploadRow,
    maker_of,
    taken_by,
)
from shared.planning.disclosure import Redacting

PREFIXES = {"conveyor": "urn:conveyor:"}
_SAFE = "/-._~"

Attributes = dict[str, Any]


def document(
    history: History, redact_of: Callable[[str | None], Redacting]
) -> Mapping[str, Mapping[str, Any]]:
    """By section, then by identifier. `redact_of` takes what a job's row has as `sealed`."""
    made = _Document()
    redact = {job.id: redact_of(job.sealed) for job in history.jobs}
    for job in history.jobs:
        made.add_job(job, redact[job.id], is_complete=history.is_complete)
    for attempt in history.attempts:
        made.add_attempt(attempt, redact[attempt.job_id])
    for maker in history.makers:
        made.add_maker(maker, redact_of(maker.sealed))
    for file in history.files:
        made.add_file(file, redact[file.job_id])
    for upload in history.uploads:
        made.add_upload(upload)
    for attempt in history.attempts:
        made.add_uses(attempt, redact[attempt.job_id])
    return made.sections


def _name(kind: str, of: str) -> str:
    return f"conveyor:{kind}/{quote(of, safe=_SAFE)}"


def _type(name: str) -> Mapping[str, str]:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _attributes(**values: Any) -> Attributes:  # noqa: ANN401 - as JSON has them
    """Those that are there: `prov_label` is `prov:label`, all others are Conveyor's own."""
    return {
        name.replace("prov_", "prov:", 1)
        if name.startswith("prov_")
        else f"conveyor:{name}": _json(value)
        for name, value in values.items()
        if value is not None and value != ""
    }


def _json(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


class _Document:
    def __init__(self) -> None:
        self.sections: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self.sections["prefix"] = {**PREFIXES}
        self._relations = 0

    def add_job(self, job: JobRow, redact: Redacting, *, is_complete: bool) -> None:
        name, plan = _name("job", job.id), _name("definition", job.id)
        self.sections["activity"][name] = _attributes(
            prov_type=_type("conveyor:Job"),
            prov_label=redact.value(job.name),
            prov_startTime=job.run_started_at,
            prov_endTime=job.ended_at if job.run_started_at else None,
            createdAt=job.created_at,
            state=job.state,
            schedule=job.schedule_id,
            template=job.template,
            client=job.client,
            key=job.key_name,
            isComplete=None if is_complete else False,
        )
        self.sections["entity"][plan] = _attributes(prov_type=_type("prov:Plan"))
        who = self._user(job.username) if job.username else None
        self._relate("wasAssociatedWith", activity=name, agent=who, plan=plan)
        if job.parent_task_id:
            informant = _name("task", job.parent_task_id)
            self._relate("wasInformedBy", informed=name, informant=informant)

    def add_attempt(self, row: AttemptRow, redact: Redacting) -> None:
        name = _name("task", row.id)
        self.sections["activity"][name] = _attributes(
            prov_type=_type("conveyor:Task"),
            prov_label=redact.value(row.name),
            prov_startTime=row.started_at,
            prov_endTime=row.ended_at,
            state=row.state,
            job=row.job_id,
            attempt=row.attempt or None,
            index=row.child_index,
            parent=row.parent_id,
            exitCode=row.exit_code,
        )
        self._relate("wasInformedBy", informed=name, informant=_name("job", row.job_id))
        if row.node_id:
            agent = _name("node", row.node_id)
            self.sections["agent"][agent] = _attributes(
                prov_type=_type("prov:SoftwareAgent"), prov_label=row.node_name
            )
            self._relate("wasAssociatedWith", activity=name, agent=agent)

    def add_maker(self, row: MakerRow, redact: Redacting) -> None:
        name, job = _name("task", row.id), _name("job", row.job_id)
        self.sections["activity"][name] = _attributes(
            prov_type=_type("conveyor:Task"),
            prov_label=redact.value(row.name),
            prov_startTime=row.started_at,
            prov_endTime=row.ended_at,
            job=row.job_id,
        )
        self.sections["activity"][job] = _attributes(
            prov_type=_type("conveyor:Job"), prov_label=redact.value(row.job_name)
        )
        self._relate("wasInformedBy", informed=name, informant=job)

    def add_file(self, row: FileRow, redact: Redacting) -> None:
        name = _name("object", redact.value(row.object))
        self.sections["entity"][name] = _attributes(
            prov_type=_type("conveyor:Directory" if row.files is not None else "conveyor:File"),
            prov_label=redact.value(row.name),
            fileName=redact.value(row.file_name),
            size=row.size,
            sha256=row.sha256,
            files=row.files,
        )
        maker = _name("task", row.task_id)
        self._relate("wasGeneratedBy", entity=name, activity=maker, time=row.created_at)
        for place in map(redact.value, row.published):
            copy = self._place(place)
            self._relate("alternateOf", alternate1=copy, alternate2=name)

    def add_upload(self, row: UploadRow) -> None:
        name = _name("object", row.object)
        self.sections["entity"][name] = _attributes(
            prov_type=_type("conveyor:Upload"),
            prov_label=row.name,
            size=row.size,
            sha256=row.sha256,
            createdAt=row.created_at,
        )
        if row.username:
            self._relate("wasAttributedTo", entity=name, agent=self._user(row.username))

    def add_uses(self, row: AttemptRow, redact: Redacting) -> None:
        """After all files: what is not among them is known by what the task was given."""
        name = _name("task", row.id)
        if row.image:
            shown = redact.value(row.image)
            digest = row.image_digest
            image = _name("image", f"{shown} {digest}" if digest else shown)
            self.sections["entity"][image] = _attributes(
                prov_type=_type("conveyor:Image"), prov_label=shown, digest=digest
            )
            self._relate("used", activity=name, entity=image)
        for source in row.sources or ():
            for used in self._used(source, redact):
                target = redact.value(source["target"])
                self._relate("used", activity=name, entity=used, target=target)

    def _used(self, source: Mapping[str, Any], redact: Redacting) -> Sequence[str]:
        objects = [self._taken(taken, redact) for taken in taken_by([source])]
        if objects:
            return objects
        if (text := source.get("inline")) is not None:
            return [self._inline(redact.value(text))]
        place = _place_of(source)
        return [self._place(redact.value(place), source.get("sha256"))] if place else ()

    def _taken(self, taken: Mapping[str, Any], redact: Redacting) -> str:
        name = _name("object", redact.value(taken["object"]))
        if name not in self.sections["entity"]:
            self.sections["entity"][name] = _attributes(
                fileName=redact.value(taken["file_name"]),
                size=taken["size"],
                sha256=taken["sha256"],
            )
            maker = _name("task", maker_of(taken["object"]) or "")
            if maker in self.sections["activity"]:
                self._relate("wasGeneratedBy", entity=name, activity=maker)
        return name

    def _inline(self, text: str) -> str:
        digest = hashlib.sha256(text.encode()).hexdigest()
        name = _name("text", digest)
        self.sections["entity"][name] = _attributes(sha256=digest, size=len(text.encode()))
        return name

    def _place(self, place: str, sha256: str | None = None) -> str:
        name = _name("place", place)
        known = self.sections["entity"].get(name, {})
        self.sections["entity"][name] = known | _attributes(prov_location=place, sha256=sha256)
        return name

    def _user(self, username: str) -> str:
        name = _name("user", username)
        self.sections["agent"][name] = _attributes(
            prov_type=_type("prov:Person"), prov_label=username
        )
        return name

    def _relate(
        self, kind: str, *, target: str | None = None, **parts: str | datetime | None
    ) -> None:
        self._relations += 1
        related = {f"prov:{part}": _json(value) for part, value in parts.items() if value}
        self.sections[kind][f"_:{self._relations}"] = related | _attributes(target=target)


def _place_of(source: Mapping[str, Any]) -> str | None:
    if s3 := source.get("s3"):
        return f"s3://{s3['bucket']}/{s3['key']}"
    if cid := source.get("ipfs"):
        return f"ipfs://{cid}"
    if path := source.get("local"):
        return f"file://{path}"
    url: str | None = source.get("url")
    return url
