"""A worker as Bacalhau shows a node."""

from collections.abc import Mapping, Sequence

from services.coordinator.api.bacalhau.agent import VERSION
from services.coordinator.api.bacalhau.schemas import (
    BacalhauGpu,
    BacalhauNode,
    BacalhauNodeInfo,
    BacalhauResources,
    ComputeNodeInfo,
    ConnectionState,
)
from services.coordinator.store.node_details import NodeDetails

_MEBIBYTE = 1 << 20
_PUBLISHERS = {"objects": "s3managed"}
_STORAGES = {"url": "urlDownload", "local": "localDirectory"}
"""Their names for what ours are called otherwise."""


def shown_node(node: NodeDetails) -> BacalhauNode:
    status = "CONNECTED" if node.is_up and node.membership != "REJECTED" else "DISCONNECTED"
    return BacalhauNode(
        info=BacalhauNodeInfo(
            node_id=node.id,
            node_type="Compute",
            labels=dict(node.labels) | {"name": node.name},
            bacalhau_version=VERSION,
            compute_node_info=_compute(node),
        ),
        membership=node.membership,
        connection=status,
        connection_state=ConnectionState(
            status=status,
            last_heartbeat=node.last_heartbeat_at,
            connected_since=node.started_at,
            disconnected_since=None if status == "CONNECTED" else node.last_heartbeat_at,
            last_error=_last_error(node),
        ),
        availability=node.availability,
    )


def _last_error(node: NodeDetails) -> str:
    if node.membership == "REJECTED":
        return "node rejected"
    return {"UP": "", "OFFLINE": "heartbeat timeout"}.get(node.status, "node not ready")


def _compute(node: NodeDetails) -> ComputeNodeInfo:
    free = {name: max(amount - node.used.get(name, 0), 0) for name, amount in node.capacity.items()}
    gpus = [
        BacalhauGpu(
            index=place,
            name=str(gpu.get("name", "")),
            vendor="",
            memory=int(gpu.get("memory") or 0) // _MEBIBYTE,
        )
        for place, gpu in enumerate(node.gpus)
    ]
    return ComputeNodeInfo(
        execution_engines=list(node.engines),
        publishers=sorted({*node.publishers, *_named(_PUBLISHERS, node.publishers)}),
        storage_sources=sorted({*node.storages, *_named(_STORAGES, node.storages)}),
        max_capacity=shown_resources(node.capacity, gpus),
        queue_used_capacity=shown_resources(node.asked),
        available_capacity=shown_resources(free),
        max_job_requirements=shown_resources(node.capacity, gpus),
        running_executions=node.running,
        enqueued_executions=node.queued,
        address=node.hostname,
    )


def _named(theirs: Mapping[str, str], ours: Sequence[str]) -> list[str]:
    return [theirs[name] for name in ours if name in theirs]


def shown_resources(
    amounts: Mapping[str, int], gpus: list[BacalhauGpu] | None = None
) -> BacalhauResources:
    return BacalhauResources(
        cpu=amounts.get("millicpus", 0) / 1000,
        memory=amounts.get("memory", 0),
        disk=amounts.get("disk", 0),
        gpu=amounts.get("gpus", 0),
        gpus=gpus or [],
    )
