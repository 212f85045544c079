"""Attempts that keep artifacts, reported as by a worker."""

from typing import Any

from services.coordinator.handlers import on_completions
from shared.definition import Artifact, TaskDefinition
from shared.files.names import dispatch_prefix
from shared.messages import Claim, Finished, KeptArtifact, Reports
from tests.support.jobs.batcher import Rig

KEEPING = TaskDefinition(name="build", run="make", artifacts=(Artifact(name="out", path="out"),))
Row = dict[str, Any]


def artifact(task: Row, size: int = 10, name: str = "out") -> KeptArtifact:
    place = task["job_id"], task["id"], task["attempt"], task["dispatch"]
    return KeptArtifact(
        name=name,
        object=f"{dispatch_prefix(*place)}{name}",
        file_name=name,
        size=size,
        sha256="ab" * 32,
        mode=0o755,
        published=["s3://b/k"],
    )


def ref(task: Row) -> dict[str, Any]:
    return {"job_id": task["job_id"], "task_id": task["id"], "dispatch": task["dispatch"]}


async def report(rig: Rig, node: str = "n1", **reports: Any) -> None:
    message = Reports(node_id=node, lease_seconds=30, **reports)
    assert await on_completions(rig.batcher, rig.pool, [message]) == [None]


async def scheduled(rig: Rig, job_id: str) -> list[Row]:
    return [task for task in await rig.tasks(job_id) if task["state"] == "SCHEDULED"]


async def end(rig: Rig, task: Row, *kept: KeptArtifact, error: str | None = None) -> None:
    await report(rig, claims=[Claim(**ref(task))])
    await report(rig, finished=[Finished(**ref(task), error=error, artifacts=list(kept))])
