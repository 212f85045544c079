"""Takes submissions back: a job that goes on for nobody any more is cancelled."""

from collections.abc import Sequence

from shared.apply.transaction import Transaction
from shared.lifecycle import WithdrawSubmission


async def withdraw_submissions(
    transaction: Transaction, asked: Sequence[WithdrawSubmission]
) -> tuple[()]:
    for each in asked:
        if not await transaction.rows.withdraw(each.job_id, each.submission_id):
            transaction.workspace.apply_event(each.otherwise)
    return ()
