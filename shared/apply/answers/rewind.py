"""Has a job that ended begin again at one of its tasks: what followed is forgotten."""

from collections.abc import Sequence

from shared.apply.transaction import Transaction
from shared.files.names import task_prefix
from shared.lifecycle import JobRewound, Rewind


async def rewind(transaction: Transaction, asked: Sequence[Rewind]) -> tuple[()]:
    workspace = transaction.workspace
    await transaction.write_so_far()
    for question in asked:
        if workspace.jobs[question.job_id].state.is_final:  # cancelled again in the same batch
            continue
        rewound = await transaction.rows.rewind(
            question.job_id, question.from_position, only_failed=question.only_failed
        )
        workspace.forget_variables(question.job_id)
        for task_id in rewound.keepers:
            workspace.remove_objects(task_prefix(question.job_id, task_id))
        event = JobRewound(
            question.job_id,
            question.from_position,
            rewound.undone,
            rewound.kept_bytes,
            question.only_failed,
        )
        workspace.apply_event(event)
    return ()
