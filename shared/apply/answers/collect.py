"""Gathers the results of the children of tasks whose children have all ended."""

from collections.abc import Sequence

from shared.apply.transaction import Transaction
from shared.lifecycle import CollectResults


async def collect_results(transaction: Transaction, asked: Sequence[CollectResults]) -> tuple[()]:
    # The last of them was only decided: it must be written to be found.
    await transaction.write_so_far()
    found = await transaction.rows.results_of_children([q.task_id for q in asked])
    for question in asked:
        event = transaction.planner.collected(question, found.get(question.task_id, {}))
        transaction.workspace.apply_event(event)
    return ()
