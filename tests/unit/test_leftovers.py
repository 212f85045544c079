"""What dead workers left: named when seen twice, removed when the scheduler says so."""

from collections.abc import Callable

from conveyor.extensions.runtimes import Leftover
from services.worker.leftovers import Leftovers


class Crowded:
    """A runtime that holds these things, each of the worker its name begins with."""

    name = "crowded"

    def __init__(self, *names: str) -> None:
        self.names = set(names)

    async def reap(self, is_left: Callable[[Leftover], bool]) -> int:
        gone = {name for name in self.names if is_left(Leftover(name.partition("-")[0], name))}
        self.names -= gone
        return len(gone)


async def test_a_stranger_is_asked_about_once_something_of_it_was_seen_twice() -> None:
    runtime = Crowded("me-1", "old-1")
    leftovers = Leftovers(runtime, "me")  # type: ignore[arg-type]  # as much of a runtime as is needed
    await leftovers.look()
    assert leftovers.unknown_nodes == []
    runtime.names.add("new-1")
    await leftovers.look()
    assert leftovers.unknown_nodes == ["old"]
    assert runtime.names == {"me-1", "old-1", "new-1"}


async def test_only_what_the_scheduler_calls_abandoned_is_removed() -> None:
    runtime = Crowded("me-1", "old-1", "alive-1")
    leftovers = Leftovers(runtime, "me")  # type: ignore[arg-type]  # as above
    await leftovers.look()
    await leftovers.look()
    await leftovers.remove(["old"])
    assert runtime.names == {"me-1", "alive-1"}


async def test_what_a_worker_makes_that_came_back_from_the_dead_is_not_removed() -> None:
    # Given a worker that is asked about, since things of it were seen twice
    runtime = Crowded("frozen-1")
    leftovers = Leftovers(runtime, "me")  # type: ignore[arg-type]  # as above
    await leftovers.look()
    await leftovers.look()
    # When it comes back and starts something, just as the answer arrives that it is gone
    runtime.names.add("frozen-2")
    await leftovers.remove(["frozen"])
    # Then only what was asked about is removed
    assert runtime.names == {"frozen-2"}
