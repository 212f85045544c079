"""What an answerer works with: the rows, values and limits of one transaction."""

from dataclasses import dataclass

from shared.apply.rows import Rows
from shared.apply.workspace import Workspace
from shared.planning.planner import Planner
from shared.planning.transaction_budget import TransactionBudget


@dataclass(frozen=True, slots=True)
class Transaction:
    rows: Rows
    workspace: Workspace
    planner: Planner
    budget: TransactionBudget

    async def write_so_far(self) -> None:
        """For statements that look at many rows at once: they must see what was decided of them."""
        await self.rows.write(self.workspace.take_changes())
