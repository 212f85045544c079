"""Processes that share the tests wait for servers beside others that work."""

from types import SimpleNamespace
from typing import Any, cast

from tests.support.module_order import FromBothEnds

MODULES = {"many": 9, "some": 6, "few": 4, "one": 3}


class Process:
    """Notes which tests it is given."""

    shutting_down = False

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.given: list[int] = []

    def send_runtest_some(self, indexes: list[int]) -> None:
        self.given += indexes

    def shutdown(self) -> None:
        self.shutting_down = True


def test_every_second_process_begins_with_the_modules_of_fewest_tests() -> None:
    option = SimpleNamespace(loadscopereorder=True, tx=["popen"] * 2)
    config = SimpleNamespace(option=option, getvalue=lambda name: ["popen"] * 2)
    order = FromBothEnds(cast(Any, config))
    tests = [f"{name}.py::test_{n}" for name, count in MODULES.items() for n in range(count)]
    processes = [Process("gw0"), Process("gw1")]
    for process in processes:
        order.add_node(cast(Any, process))
        order.add_node_collection(cast(Any, process), tests)
    order.schedule()
    given = [{tests[index].partition(".")[0] for index in each.given} for each in processes]
    assert given == [{"many"}, {"one"}]
    # And when they have done nearly all of these, the next ones from the same ends
    for process in reversed(processes):
        for index in process.given[:-1]:
            order.mark_test_complete(cast(Any, process), index)
    given = [{tests[index].partition(".")[0] for index in each.given} for each in processes]
    assert given == [{"many", "some"}, {"one", "few"}]
