"""What must become of a job when nobody meddles: told from what was submitted, and nothing else."""

from shared.lifecycle import TaskKind
from tests.support.family_specs import Spec


def job_succeeds(listed: Spec, *, by_honest_workers: bool = False) -> bool:
    """Whether the job of that list completes. Honest workers fail no attempt."""
    done = all(_task_succeeds(task, by_honest_workers) for task in listed.inner)
    return done and listed.output != "fails"


def _task_succeeds(spec: Spec, honest: bool) -> bool:
    if spec.allow_failure or spec.plans_as == "skipped":
        return True
    if spec.plans_as == "failed":
        return False
    match spec.kind:
        case TaskKind.TASK:
            is_retried = spec.retry.on is None or "1" in spec.retry.on
            return honest or spec.failures <= (spec.retry.limit if is_retried else 0)
        case TaskKind.SUBJOB:
            return spec.is_detached or job_succeeds(spec, by_honest_workers=honest)
        case TaskKind.PLACED:
            raise NotImplementedError  # no family of the model has one yet
        case TaskKind.PARALLEL:
            return _enough([_task_succeeds(child, honest) for child in spec.inner], spec.required)
        case TaskKind.SPAWN:
            return _task_succeeds(spec.inner[0], honest)
        case TaskKind.EACH:
            return _enough([_task_succeeds(spec.inner[0], honest)] * spec.items, spec.required)


def _enough(children: list[bool], required: int | None) -> bool:
    total = len(children)
    return sum(children) >= (total if required is None else min(required, total))
