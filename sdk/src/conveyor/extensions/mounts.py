"""Mount types: what a container is given for a mount of its task.

A type is an asynchronous function from a mount and the context it is made in to a `MountPoint`.
What it makes beyond that it registers there to be undone when the task has ended.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from conveyor.extensions.runtimes import OperatorSettings
from conveyor.extensions.tasks import Mount


@dataclass(frozen=True, slots=True)
class MountPoint:
    """What goes into a container's configuration: entries of `HostConfig.Mounts` and `.Tmpfs`.

    `sources` are paths of the machine that were looked at and must not have become links when a
    container starts.
    """

    mounts: tuple[dict[str, Any], ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()


class MountContext(Protocol):
    """What a mount type is given to work with, for one task."""

    @property
    def settings(self) -> OperatorSettings:
        """The operator's, to keep to: `bind_allowed`, `bind_sources`."""
        ...

    async def new_volume(self, options: Mapping[str, str]) -> str:
        """The name of a fresh volume of this task; it is removed after it."""
        ...

    def on_close(self, undo: Callable[[], Awaitable[object]]) -> None:
        """Undo something once the task's containers are gone; the last made is undone first.

        A worker that is killed undoes nothing, and the reaper knows volumes alone.
        """
        ...


MountType = Callable[[Mount, MountContext], Awaitable[MountPoint]]
"""Called before the task's first container is made, with a target that is checked and made plain.

Raises RuntimeRejected for what the mount can't be, with a text for the job's author, and
RuntimeUnavailable for what passes: the task is handed back. What was registered with `on_close`
before that is undone. A source comes from whoever may submit jobs: it must lead to nothing of the
machine that the operator hasn't allowed.
"""
