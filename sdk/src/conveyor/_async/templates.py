"""Stored jobs, by name and version."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from conveyor._async.resources import AsyncResource
from conveyor.http import JobLike, new_key
from conveyor.lazy import models as m


class AsyncTemplates(AsyncResource):
    """Jobs that are stored by name and version, and run with other inputs each time."""

    async def push(self, job: JobLike, *, strict: bool = False) -> m.TemplateVersion:
        """A new version, or the same one anew. The job has a `template` with name and version."""
        answer = await self._call("POST", "/templates", body=job, query={"strict": strict})
        return m.TemplateVersion.of(answer)

    def list(self, q: str = "", kind: str = "job") -> AsyncIterator[m.TemplateSummary]:
        """Those pushed last first, each with its newest version; `q` is text in name or
        description."""
        return self._pages("/templates", m.TemplateSummary, query={"q": q, "kind": kind})

    async def versions(self, name: str, kind: str = "job") -> m.TemplateVersions:
        answer = await self._call("GET", "/templates/{name}", name=name, query={"kind": kind})
        return m.TemplateVersions.of(answer)

    async def get(self, name: str, version: str = "latest", kind: str = "job") -> m.TemplateVersion:
        """`version` is `1.2`, or `1` or `latest` for the newest such one that is active."""
        answer = await self._call(
            "GET",
            "/templates/{name}/versions/{version}",
            name=name,
            version=version,
            query={"kind": kind},
        )
        return m.TemplateVersion.of(answer)

    async def definition(self, name: str, version: str = "latest") -> Mapping[str, Any]:
        """As it was pushed, its secrets left out."""
        return dict(
            await self._call(
                "GET", "/templates/{name}/versions/{version}/definition", name=name, version=version
            )
        )

    async def activate(self, name: str, version: str, kind: str = "job") -> None:
        await self._call(
            "PUT",
            "/templates/{name}/versions/{version}/activate",
            name=name,
            version=version,
            query={"kind": kind},
        )

    async def deactivate(self, name: str, version: str, kind: str = "job") -> None:
        """No job is made of it until it is activated."""
        await self._call(
            "PUT",
            "/templates/{name}/versions/{version}/deactivate",
            name=name,
            version=version,
            query={"kind": kind},
        )

    async def delete(self, name: str, kind: str = "job") -> None:
        """All versions; the jobs stay."""
        await self._call("DELETE", "/templates/{name}", name=name, query={"kind": kind})

    async def delete_version(self, name: str, version: str, kind: str = "job") -> None:
        await self._call(
            "DELETE",
            "/templates/{name}/versions/{version}",
            name=name,
            version=version,
            query={"kind": kind},
        )

    async def run(
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
        answer = await self._call(
            "POST",
            "/templates/{name}/run",
            name=name,
            body={field: value for field, value in given.items() if value},
            key=idempotency_key or new_key(),
            may_wait=True,
        )
        return m.JobSummary.of(answer)
