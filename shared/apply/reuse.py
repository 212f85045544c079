"""Submissions that are answered with a job that does the same work, instead of a new one.

Of several in one transaction that would each make a job, the first does; the others are asked for
again, and find it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.apply.transaction import Rows
from shared.lifecycle import Ignored
from shared.planning.new_job import NewJob
from shared.planning.reuse import Verdict

COMES_LATER = Ignored("a job of the same work is made in the same transaction")


@dataclass(frozen=True, slots=True)
class Reused(Ignored):
    """`job_id` does the same work."""

    job_id: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdicts by the id of the new job; those that come `later` have none."""

    verdicts: Mapping[str, Verdict]
    later: Sequence[str] = ()

    @property
    def not_made(self) -> dict[str, Ignored]:
        reused = {
            id_: Reused("another job does the same work", job_id=verdict.job_id)
            for id_, verdict in self.verdicts.items()
            if verdict.job_id is not None
        }
        return reused | dict.fromkeys(self.later, COMES_LATER)


NOTHING_ASKED = Judged({})


async def judge_all(rows: Rows, new_jobs: Sequence[NewJob], now: datetime) -> Judged:
    """Those of `new_jobs` that ask for it, one after the other. Their keys stand for what they are
    answered with."""
    asked = [(new, new.reuse) for new in new_jobs if new.reuse is not None]
    if not asked:
        return NOTHING_ASKED
    await rows.lock_alike([wanted for _, wanted in asked])
    verdicts: dict[str, Verdict] = {}
    later: list[str] = []
    made: set[str] = set()
    for new, wanted in asked:
        if wanted.fingerprint.digest in made:
            later.append(new.job.id)
            if new.key:
                await rows.forget_key(new.key)
            continue
        verdict = verdicts[new.job.id] = await rows.judge(wanted, now)
        if verdict.job_id is None:
            made.add(wanted.fingerprint.digest)
        elif new.key:
            await rows.move_key(new.key, verdict.job_id)
    judged = Judged(verdicts, later)
    if unnamed := [new.job.id for new in new_jobs if new.named and new.job.id in judged.not_made]:
        await rows.forget_names(unnamed)
    return judged


async def keep_verdicts(
    rows: Rows, judged: Judged, new_jobs: Sequence[NewJob], refused: Mapping[str, Ignored]
) -> None:
    """Of all but those that are `refused` for another reason."""
    for new in new_jobs:
        verdict = judged.verdicts.get(new.job.id)
        if verdict is not None and new.job.id not in refused:
            await rows.store_verdict(new, verdict)
