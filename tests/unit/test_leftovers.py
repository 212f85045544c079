"""What dead workers left: named when seen twice, removed when the scheduler says so."""

from collections.abc import Callable

from services.worker.leftovers import Leftovers


class Crowded:
    """A runtime that holds something of each of these workers."""

    name = "crowded"

    def __init__(self, *nodes: str) -> None:
        self.nodes = set(nodes)

    async def reap(self, is_abandoned: Callable[[str], bool]) -> int:
        gone = {node for node in self.nodes if is_abandoned(node)}
        self.nodes -= gone
        return len(gone)


async def test_a_stranger_is_asked_about_once_it_was_seen_twice() -> None:
    runtime = Crowded("me", "old")
    leftovers = Leftovers(runtime, "me")  # type: ignore[arg-type]  # as much of a runtime as is needed
    await leftovers.look()
    assert leftovers.strangers == []
    runtime.nodes.add("new")
    await leftovers.look()
    assert leftovers.strangers == ["old"]
    assert runtime.nodes == {"me", "old", "new"}


async def test_only_what_the_scheduler_calls_abandoned_is_removed() -> None:
    runtime = Crowded("me", "old", "alive")
    await Leftovers(runtime, "me").remove(["old"])  # type: ignore[arg-type]  # as above
    assert runtime.nodes == {"me", "alive"}
