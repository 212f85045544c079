"""(a) A chain of `true` tasks on the shell runtime beside the floor of its steps."""

from collections.abc import Sequence
from statistics import mean

from bench.chain_floor import COMMITS, HOPS, SHELL, Bare, Floor, opened_bare
from bench.client import Client, shell_job
from bench.run import Run, spread
from bench.services import COORDINATOR, opened_services
from bench.table import Table

STEPS = 40
_ROUNDS, _QUICK_ROUNDS = 9, 3
_WORKER = {"CONVEYOR_RUNTIME_TYPE": "shell"}


async def measure(run: Run) -> Table:
    """Ours and bare in turn: what disturbs the machine disturbs both."""
    floors: list[Floor] = []
    ours: list[float] = []
    async with (
        opened_services(run.ground, _WORKER, run.profile) as services,
        Client(run.ground, services[COORDINATOR], services.values()) as client,
        opened_bare(run.ground) as bare,
    ):
        await client.run([shell_job(STEPS)])  # warms up: plans, imports, connections
        for _ in range(_QUICK_ROUNDS if run.quick else _ROUNDS):
            floors.append(await _bare_chain(bare))
            ours.append(await client.run([shell_job(STEPS)]) / STEPS * 1000)
    return _table(floors, ours)


async def _bare_chain(bare: Bare) -> Floor:
    """The mean of as many steps, as ours is the mean of a chain's."""
    steps = [await bare.step() for _ in range(STEPS)]
    return Floor(
        hops=mean(step.hops for step in steps),
        commits=mean(step.commits for step in steps),
        process=mean(step.process for step in steps),
    )


def _table(floors: Sequence[Floor], ours: Sequence[float]) -> Table:
    parts = {
        f"{HOPS} hops (publish, confirm, deliver)": [floor.hops * 1000 for floor in floors],
        f"{COMMITS} commits": [floor.commits * 1000 for floor in floors],
        f"1 process ({SHELL} -c true)": [floor.process * 1000 for floor in floors],
        "floor": [floor.total * 1000 for floor in floors],
        "Conveyor": ours,
    }
    ratios = [mine / least for mine, least in zip(ours, parts["floor"], strict=True)]
    return Table(
        f"(a) a chain of {STEPS} `true` tasks on the shell runtime, a step",
        ("part", "ms: median of rounds (least to most)"),
        [
            *((name, spread(values, ".2f")) for name, values in parts.items()),
            ("Conveyor to floor, in each round", spread(ratios, ".2f")),
        ],
    )
