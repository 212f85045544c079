"""What is flooded: two of what each job passes, with slots enough to keep two cores busy."""

from tests.support.services.whole_system import Places

_SLOTS = 8
_WORKER = {"CONVEYOR_WORKER_QUEUES": f"default:{_SLOTS}"}

PLACES: Places = {
    "coordinator-1": {},
    "coordinator-2": {},
    "scheduler": {},
    "webhook_dispatcher": {},
    "worker-1": _WORKER,
    "worker-2": _WORKER,
}
ALL_SLOTS = 2 * _SLOTS

POSTGRES_SETTINGS: dict[str, str] = {}
"""The server's own: what is committed is on disk."""
