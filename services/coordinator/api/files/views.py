"""From rows of artifacts to what is answered, without the secrets of their jobs."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from services.coordinator.api.files.schemas import ArtifactPage, KeptArtifact
from services.coordinator.api.files.trees import path_of
from services.coordinator.store.artifacts import ArtifactRow, TaskPlace
from services.coordinator.store.rows import Page
from shared.planning.disclosure import Redacting


def artifact_page(
    job_id: str,
    page: Page[ArtifactRow],
    holders: Mapping[str, Sequence[TaskPlace]],
    redactors: Mapping[str, Redacting],
) -> ArtifactPage:
    """`holders` and `redactors` by job: that of `job_id` knows the names of tasks around others."""

    def shown(row: ArtifactRow) -> KeptArtifact:
        path = _path(row, holders.get(row.job_id, ()))
        return _artifact(row, redactors[job_id].value(path), redactors[row.job_id])

    return ArtifactPage(
        number=page.request.number,
        size=len(page.items),
        total_pages=page.total_pages,
        total_items=page.total_items,
        items=list(map(shown, page.items)),
    )


def _path(row: ArtifactRow, holders: Sequence[TaskPlace]) -> str:
    outer = [part for holder in holders for part in path_of(holder)]
    return "/".join([*outer, *path_of(row), row.name])


def _artifact(row: ArtifactRow, path: str, redact: Redacting) -> KeptArtifact:
    return KeptArtifact(
        name=redact.value(row.name),
        path=redact.value(path),
        url=f"/jobs/{row.job_id}/files/{quote(f'{row.task_id}/{row.name}')}",
        job_id=row.job_id,
        task_id=row.task_id,
        task=redact.value(row.task_name) or None,
        var=row.var,
        parent_id=row.parent_id,
        index=row.child_index,
        attempt=row.attempt,
        file_name=redact.value(row.file_name),
        size=row.size,
        sha256=row.sha256,
        files=row.files,
        published=[redact.value(place) for place in row.published] or None,
        created_at=row.created_at,
    )
