"""From rows of artifacts to what is answered, without the secrets of their job."""

from urllib.parse import quote

from services.coordinator.api.files.schemas import ArtifactPage, KeptArtifact
from services.coordinator.api.files.trees import label_of
from services.coordinator.store.artifacts import ArtifactRow
from services.coordinator.store.rows import Page
from shared.planning.disclosure import Redacting


def artifact_page(job_id: str, page: Page[ArtifactRow], redact: Redacting) -> ArtifactPage:
    return ArtifactPage(
        number=page.request.number,
        size=len(page.items),
        total_pages=page.total_pages,
        total_items=page.total_items,
        items=[_artifact(job_id, row, redact) for row in page.items],
    )


def _artifact(job_id: str, row: ArtifactRow, redact: Redacting) -> KeptArtifact:
    index = [] if row.child_index is None else [str(row.child_index)]
    path = "/".join([label_of(row), *index, row.name])
    return KeptArtifact(
        name=redact.value(row.name),
        path=redact.value(path),
        url=f"/jobs/{job_id}/files/{quote(f'{row.task_id}/{row.name}')}",
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
