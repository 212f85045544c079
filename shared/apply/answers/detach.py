"""Takes submissions back: a job that goes on for nobody any more is cancelled."""

from collections.abc import Sequence

from shared.apply.transaction import Transaction
from shared.lifecycle import DetachSubmission


async def detach_submissions(
    transaction: Transaction, asked: Sequence[DetachSubmission]
) -> tuple[()]:
    for each in asked:
        if not await transaction.rows.detach(each.job_id, each.submission_id):
            transaction.workspace.apply_event(each.otherwise)
    return ()
