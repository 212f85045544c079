"""What is soaked: two of most, leases and rounds as they are by default, and a short memory."""

from tests.support.servers.postgres import FAST
from tests.support.services.whole_system import Places

_MINUTE_IN_DAYS = f"{1 / 24 / 60:.6f}"
_MINUTE_IN_HOURS = f"{1 / 60:.6f}"

# So that the tables, too, come to where as much goes as comes.
_SHORT_MEMORY = {
    "CONVEYOR_RETENTION_JOBS_DAYS": _MINUTE_IN_DAYS,
    "CONVEYOR_RETENTION_LOGS_DAYS": _MINUTE_IN_DAYS,
    "CONVEYOR_RETENTION_EVENTS_DAYS": _MINUTE_IN_DAYS,
    "CONVEYOR_RETENTION_IDEMPOTENCY_KEYS_HOURS": _MINUTE_IN_HOURS,
}
# The default is a minute, which would take a long warm-up.
POSTGRES_SETTINGS = {**FAST, "autovacuum_naptime": "5s"}


def places(docker_host: str | None) -> Places:
    """With an engine, some tasks run in its containers."""
    worker = {"CONVEYOR_WORKER_QUEUES": "default:12"}
    if docker_host:
        worker |= {
            "CONVEYOR_RUNTIME_TYPE": "auto",
            "CONVEYOR_RUNTIME_SHELL_ALLOWED": "true",
            "CONVEYOR_RUNTIME_DOCKER_HOST": docker_host,
        }
    return {
        "coordinator-1": {},
        "coordinator-2": {},
        "scheduler-1": _SHORT_MEMORY,
        "scheduler-2": _SHORT_MEMORY,
        "webhook_dispatcher-1": {},
        "worker-1": worker,
        "worker-2": worker,
    }
