"""Stands for a worker's reporter where it is asked for accounts."""

from shared.messages import TaskRef


class Accountant:
    """`told` is what was reported: each dispatch, and whether it is in hand."""

    def __init__(self) -> None:
        self.told: list[tuple[TaskRef, bool]] = []

    def account_for(self, ref: TaskRef, *, is_in_hand: bool) -> None:
        self.told.append((ref, is_in_hand))
