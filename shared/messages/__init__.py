"""What travels between the services, and the queues it travels on."""

from shared.messages.codec import UndecodableMessage, decode, encode
from shared.messages.models import (
    Change,
    Changes,
    Claim,
    Finished,
    Heartbeat,
    LogPart,
    Message,
    Orders,
    ProgressReport,
    Refusal,
    Reports,
    Returned,
    RunTask,
    StopOrder,
    TaskRef,
    Telemetry,
)

__all__ = [
    "Change",
    "Changes",
    "Claim",
    "Finished",
    "Heartbeat",
    "LogPart",
    "Message",
    "Orders",
    "ProgressReport",
    "Refusal",
    "Reports",
    "Returned",
    "RunTask",
    "StopOrder",
    "TaskRef",
    "Telemetry",
    "UndecodableMessage",
    "decode",
    "encode",
]
