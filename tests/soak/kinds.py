"""What is measured of whom, and how much of it is too much."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """`per_hour` is the growth an hour that is still called flat.

    What can be counted is to be back where it was when all is at rest: at most `at_rest` more.
    None: it need not, for instance because memory once used is kept for the next time.
    """

    name: str
    per_hour: float
    at_rest: float | None = None


MEMORY = Kind("memory MB", 12)
BLOCKS = Kind("memory blocks", 60_000)
FILES = Kind("open files", 6, at_rest=1)
THREADS = Kind("threads", 6, at_rest=6)  # an executor makes them as it needs them, and keeps them
CHILDREN = Kind("child processes", 6, at_rest=0)
TASKS = Kind("asyncio tasks", 12, at_rest=1)
DATABASE_SESSIONS = Kind("database sessions", 12, at_rest=10)  # a pool keeps its ten for a while
BROKER_CONNECTIONS = Kind("broker connections", 2, at_rest=0)
CHANNELS = Kind("channels", 4, at_rest=1)  # the publishing one is opened by the first message
CONSUMERS = Kind("consumers", 4, at_rest=0)
QUEUES = Kind("queues", 4, at_rest=0)
MESSAGES = Kind("messages", 100, at_rest=0)
SESSIONS = Kind("sessions", 12, at_rest=20)
ROWS = Kind("rows", 1_000)
OUTBOX = Kind("outbox rows", 50, at_rest=0)
SIZE = Kind("size MB", 30)
CONTAINERS = Kind("containers", 10, at_rest=0)
DIRECTORIES = Kind("task directories", 10, at_rest=0)


@dataclass(frozen=True, slots=True)
class Name:
    """Of a series: who was measured, and what of it. `of` says which, where there are several."""

    who: str
    kind: Kind
    of: str = ""

    def __str__(self) -> str:
        return f"{self.kind.name} {self.of}".rstrip()


Sample = dict[Name, float]
"""All that was measured at one moment."""
