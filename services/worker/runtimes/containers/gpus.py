"""What the engine is asked for a task's `gpus`, and how many they are."""

from collections.abc import Sequence
from typing import Any

from conveyor.extensions.runtimes import RuntimeRejected
from shared.definition import gpus


def device_requests(
    text: str, devices: Sequence[str] = (), *, is_podman: bool = False
) -> list[dict[str, Any]]:
    """What `HostConfig.DeviceRequests` takes; `devices` are those that the task was given. Podman
    takes names of the container device interface (CDI). Raises RuntimeRejected."""
    try:
        [request] = gpus.device_requests(text)
    except ValueError as error:
        raise RuntimeRejected(str(error)) from error
    if not devices:
        return [request]
    if is_podman:
        return [{"Driver": "cdi", "DeviceIDs": [f"nvidia.com/gpu={each}" for each in devices]}]
    request.pop("Count", None)
    return [{**request, "DeviceIDs": list(devices)}]


def gpus_wanted(text: str) -> int:
    """How many; ALL_GPUS for all of them. Raises RuntimeRejected."""
    try:
        return gpus.gpus_wanted(text)
    except ValueError as error:
        raise RuntimeRejected(str(error)) from error
