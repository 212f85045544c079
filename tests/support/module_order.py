"""In which order the modules of tests are given to the processes that share them."""

from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController


class FromBothEnds(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """The modules are sorted by their number of tests: those with many keep a processor busy, those
    with few start servers and wait for them. Every second process begins with the latter, else they
    would all wait together at the end, while the processors have nothing to do."""

    def _assign_work_unit(self, node: "WorkerController") -> None:
        if self.nodes.index(node) % 2:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)  # without processes there is nothing to share
def pytest_xdist_make_scheduler(
    config: pytest.Config, log: "Producer"
) -> LoadScopeScheduling | None:
    return FromBothEnds(config, log) if config.getvalue("dist") == "loadscope" else None
