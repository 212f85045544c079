"""Why an execution gets no node: for each node, and in a sentence for all."""

import pytest

from shared.definition import Constraint
from shared.placement import Amounts, Demand, Node, explain, summary
from tests.support.placements import IN_EU, demand, node

GIB = 1024**3
US = {"region": "us"}


@pytest.mark.parametrize(
    ("machine", "wanted", "told"),
    [
        (
            node("n", labels=US),
            demand(constraints=(IN_EU,)),
            ["label region is 'us', must be = eu"],
        ),
        (node("n"), demand(constraints=(IN_EU,)), ["label region is missing, must be = eu"]),
        (
            node("n", labels=US),
            demand(constraints=(Constraint(key="region", operator="=", values=("",)),)),
            ["label region is 'us', must be = ''"],
        ),
        (
            node("n", labels=US),
            demand(constraints=(Constraint(key="region", operator="!"),)),
            ["label region is 'us', must not exist"],
        ),
        (
            node("n"),
            demand(constraints=(Constraint(key="tier", operator="exists"),)),
            ["label tier is missing, must exist"],
        ),
        (
            node("n", labels=US),
            demand(constraints=(Constraint(key="region", operator="in", values=("eu", "ap")),)),
            ["label region is 'us', must be in eu, ap"],
        ),
        (
            node("n", 8, held=Amounts(4500)),
            demand(4),
            ["3.5 of 8 CPUs free, 4 wanted"],
        ),
        (node("n", 2), demand(4), ["has 2 CPUs in all, 4 wanted"]),
        (node("n", 1), demand(4), ["has 1 CPU in all, 4 wanted"]),
        (
            node("n", capacity=Amounts(1000, 2 * GIB), held=Amounts(0, GIB)),
            demand(amounts=Amounts(0, 3 * GIB // 2)),
            ["1 GiB of 2 GiB memory free, 1.5 GiB wanted"],
        ),
        (node("n"), demand(amounts=Amounts(gpus=1)), ["has 0 GPUs in all, 1 wanted"]),
        (
            node("n", executions=20),
            demand(),
            ["runs 20 of 20 executions already"],
        ),
        (node("n", max_executions=0), demand(), ["is closed to executions"]),
        (
            node("n", families={"t": 1}),
            demand(one_per_node=True),
            ["has an execution of this task already"],
        ),
        (
            node("n", ports=frozenset({("10.0.0.1", 80)})),
            demand(ports=(("0.0.0.0", 80),)),
            ["port 80 is in use"],
        ),
        (node("n", obstacle="draining"), demand(), ["is draining"]),
        (node("n", hold_reason="5 jobs failed"), demand(), ["is on hold: 5 jobs failed"]),
        (
            node("n", engines=frozenset({"shell"})),
            demand(storages=("s3",), publishers=("ipfs",)),
            [
                "has engines shell, docker wanted",
                "has no access to sources of kind 's3'",
                "has no publisher 'ipfs'",
            ],
        ),
        (node("n"), demand(), []),
    ],
)
def test_a_node_tells_all_that_is_in_the_way(
    machine: Node, wanted: Demand, told: list[str]
) -> None:
    [reasons] = explain([machine], wanted, "t")
    assert reasons.reasons == told


def test_nodes_that_lack_the_same_are_told_together_and_the_nearest_to_fitting_first() -> None:
    nodes = [
        node("a", labels=US),
        node("b", 8, labels={"region": "eu"}, held=Amounts(4500)),
        node("c", labels=US),
        node("d", labels={"region": "eu"}, obstacle="cordoned"),
    ]
    assert summary(explain(nodes, demand(4, constraints=(IN_EU,)))) == (
        "1 node: 3.5 of 8 CPUs free, 4 wanted; 1 node: is cordoned; "
        "2 nodes: label region is 'us', must be = eu"
    )


def test_a_thousand_nodes_are_told_in_a_sentence() -> None:
    regions = ["us", "ap", "sa", "af", "au"]
    nodes = [
        node(f"n{n}", 8, labels={"region": regions[n % 5]}, held=Amounts(n), executions=n % 20)
        for n in range(500)
    ]
    nodes += [node(f"m{n}", 8, labels={"region": "eu"}, held=Amounts(5000 + n)) for n in range(500)]
    assert summary(explain(nodes, demand(4, constraints=(IN_EU,)))) == (
        "500 nodes: at most 3 of 8 CPUs free, 4 wanted; "
        "500 nodes: label region is 'af', 'ap', 'au' or 2 other values, must be = eu"
    )


def test_different_obstacles_of_nodes_are_all_told() -> None:
    nodes = [node(f"n{n}", obstacle=("cordoned", "draining", "draining")[n]) for n in range(3)]
    assert summary(explain(nodes, demand())) == "3 nodes: is draining or cordoned"


def test_without_nodes_that_is_the_reason() -> None:
    assert summary([]) == "no node is online"
