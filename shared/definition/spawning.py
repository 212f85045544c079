"""What a child of a spawn is told, and where it finds that and leaves what it makes."""

from dataclasses import dataclass

from conveyor.extensions.tasks import DATA

SPAWN_DIR = f"{DATA}/spawn"
PARAMETERS_NAME, TASKS_NAME = "parameters.json", "tasks.jsonl"
SPAWN_DIRECTORIES = {
    "TORK_SPAWN_DIR": SPAWN_DIR,
    "TORK_SPAWN": f"{SPAWN_DIR}/{TASKS_NAME}",
    "TORK_PARAMETERS": f"{SPAWN_DIR}/{PARAMETERS_NAME}",
}
"""By the variables that name them."""


@dataclass(frozen=True, kw_only=True)
class Spawning:
    """Set by planning: which child of a spawn this one is. What it makes is of its own `sequence`
    or a later one. `parameters` are JSON."""

    sequence: int
    index: int
    parameters: str
    explicit_success: bool = False
