"""How the watchdog of a worker ends its tasks when the worker is killed or frozen."""

from typing import NamedTuple


class ProcessTerminator(NamedTuple):
    """Kill what runs in directories. `directories` is what the path of a task's directory holds
    before the task's id."""

    directories: str


class ContainerTerminator(NamedTuple):
    """Kill and remove containers of the engine at `engine`.

    They bear the label `node_label` (`name=value`); `task_label` and `dispatch_label` say what
    they were made for. `certificates` is the directory of those for TLS, empty without.
    """

    engine: str
    node_label: str
    task_label: str
    dispatch_label: str
    certificates: str = ""


Terminator = ProcessTerminator | ContainerTerminator
