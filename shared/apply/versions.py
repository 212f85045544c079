"""A new version of a job: compared with what was before, and kept if it is decided."""

from shared.apply.transaction import Transaction
from shared.apply.workspace import Outcome
from shared.lifecycle import NO_SUCH_JOB, Decision, JobUpdated
from shared.lifecycle.replacing import replace
from shared.planning.kept import kept_job, sealed_secrets
from shared.planning.new_job import NewJob
from shared.planning.secrets import hidden_values, with_derived
from shared.planning.updating import change_of


async def update_job(transaction: Transaction, event: JobUpdated, new: NewJob) -> Outcome:
    """Nothing of the same batch may be open: what has begun is read from the rows, as is afterwards
    what the new version plans."""
    await transaction.write_so_far()
    stored = await transaction.rows.load_version(event.job_id)
    if stored is None:
        return NO_SUCH_JOB
    workspace, planner = transaction.workspace, transaction.planner
    job = workspace.jobs[event.job_id]
    change, graph = change_of(job, stored, new, is_forced=event.is_forced)
    outcome = workspace.apply_event(replace(event, change=change))
    if isinstance(outcome, Decision):
        shown, sealed = kept_job(new, planner.sealer)
        if hidden := hidden_values(stored.secrets or {}):
            # What ran before has left them in its log and its results, where they stay hidden.
            sealed = sealed_secrets(with_derived(new.definition.secrets, hidden), planner.sealer)
        workspace.update(shown, sealed, graph)
        if job.state.is_final:
            workspace.forget_run(job.id, await transaction.rows.forget_run(job.id))
        await transaction.write_so_far()
    return outcome
