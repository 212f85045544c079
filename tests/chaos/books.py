"""The books of one round: what was lost, stuck, wrong, doubled or left behind."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

Findings = list[str]


@dataclass(slots=True)
class Books:
    """Each finding is a line that says which job or task, and what of it.

    Three times, in seconds from the heal: `flowed_after` is when every worker had done a new job,
    `final_after` when the round's jobs were final, `at_rest_after` when also the webhooks were
    delivered and nothing was left. None is never.

    `reused` are jobs and tasks; `interrupted` counts attempts that began and were killed, by the
    kind of their job.
    """

    title: str
    seconds: float
    jobs: int = 0
    reused: int = 0
    interrupted: Counter[str] = field(default_factory=Counter)
    lost: Findings = field(default_factory=list)
    stuck: Findings = field(default_factory=list)
    wrong: Findings = field(default_factory=list)
    doubled: Findings = field(default_factory=list)
    reused_wrongly: Findings = field(default_factory=list)
    again: Findings = field(default_factory=list)
    webhooks: int = 0
    webhooks_lost: Findings = field(default_factory=list)
    left: Findings = field(default_factory=list)
    flowed_after: float | None = None
    final_after: float | None = None
    at_rest_after: float | None = None

    @property
    def sorts(self) -> Mapping[str, Findings]:
        return {
            "lost": self.lost,
            "stuck": self.stuck,
            "wrong": self.wrong,
            "doubled": self.doubled,
            "reused wrongly": self.reused_wrongly,
            "started again": self.again,
            "webhooks lost": self.webhooks_lost,
            "left behind": self.left,
        }

    @property
    def findings(self) -> Findings:
        deaf = [] if self.flowed_after is not None else ["work did not flow again"]
        named = [f"{sort}: {line}" for sort, lines in self.sorts.items() for line in lines]
        return deaf + named
