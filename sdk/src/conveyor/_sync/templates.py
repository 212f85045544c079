"""Stored jobs, by name and version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conveyor._sync.resources import Resource
from conveyor.http import JobLike, new_key
from conveyor.lazy import models as m


class SyncTemplates(Resource):
    """Jobs that are stored by name and version, and run with other inputs each time."""

    def push(self, job: JobLike, *, strict: bool = False) -> m.TemplateVersion:
        """A new version, or the same one anew. The job has a `template` with name and version."""
        answer = self._call("POST", "/templates", body=job, query={"strict": strict})
        return m.TemplateVersion.of(answer)

    def list(self, q: str = "", kind: str = "job") -> Iterator[m.TemplateSummary]:
        """Those pushed last first, each with its newest version; `q` is text in name or
        description."""
        return self._pages("/templates", m.TemplateSummary, query={"q": q, "kind": kind})

    def versions(self, name: str, kind: str = "job") -> m.TemplateVersions:
        answer = self._call("GET", "/templates/{name}", name=name, query={"kind": kind})
        return m.TemplateVersions.of(answer)

    def get(self, name: str, version: str = "latest", kind: str = "job") -> m.TemplateVersion:
        """`version` is `1.2`, or `1` or `latest` for the newest such one that is active."""
        answer = self._call(
            "GET",
            "/templates/{name}/versions/{version}",
            name=name,
            version=version,
            query={"kind": kind},
        )
        return m.TemplateVersion.of(answer)

    def definition(self, name: str, version: str = "latest") -> Mapping[str, Any]:
        """As it was pushed, its secrets left out."""
        return dict(
            self._call(
                "GET", "/templates/{name}/versions/{version}/definition", name=name, version=version
            )
        )

    def activate(self, name: str, version: str, kind: str = "job") -> None:
        self._call(
            "PUT",
            "/templates/{name}/versions/{version}/activate",
            name=name,
            version=version,
            query={"kind": kind},
        )

    def deactivate(self, name: str, version: str, kind: str = "job") -> None:
        """No job is made of it until it is activated."""
        self._call(
            "PUT",
            "/templates/{name}/versions/{version}/deactivate",
            name=name,
            version=version,
            query={"kind": kind},
        )

    def delete(self, name: str, kind: str = "job") -> None:
        """All versions; the jobs stay."""
        self._call("DELETE", "/templates/{name}", name=name, query={"kind": kind})

    def delete_version(self, name: str, version: str, kind: str = "job") -> None:
        self._call(
            "DELETE",
            "/templates/{name}/versions/{version}",
            name=name,
            version=version,
            query={"kind": kind},
        )

    def run(
        self,
        name: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        version: str | None = None,
        secrets: Mapping[str, str] | None = None,
        uploads: Mapping[str, str] | None = None,
        job_name: str | None = None,
        idempotency_key: str | None = None,
    ) -> m.JobSummary:
        """A new job. Without `version` it is made of the newest one that is active."""
        given: Mapping[str, object] = {
            "inputs": inputs,
            "secrets": secrets,
            "uploads": uploads,
            "version": version,
            "name": job_name,
        }
        answer = self._call(
            "POST",
            "/templates/{name}/run",
            name=name,
            body={field: value for field, value in given.items() if value},
            key=idempotency_key or new_key(),
            may_wait=True,
        )
        return m.JobSummary.of(answer)
