"""What a watchdog is told when it is started; it travels as arguments."""

from typing import NamedTuple


class WatchdogArgs(NamedTuple):
    """`limit` is in seconds after the last sign that a lease lasts.

    `directories` is what the path of a task's directory holds before the task's id. Containers
    bear the label `node_label` (`name=value`), and under `task_label` and `dispatch_label` what
    they were made for. `engine` is the engine's address, empty when there is none; `certificates`
    the directory of those for TLS, empty without.
    """

    limit: str
    directories: str
    node_label: str
    task_label: str
    dispatch_label: str
    engine: str
    certificates: str
