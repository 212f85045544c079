"""From the tree of a request to a job of ByteNite that is checked."""

from shared.jobspec.bytenite import models as m
from shared.jobspec.bytenite.building_blocks import Template
from shared.jobspec.bytenite.form import M, merged, read
from shared.jobspec.bytenite.rules import problems_of
from shared.jobspec.clean_text import refuse_unkeepable
from shared.jobspec.problems import InvalidJob


def check_job(tree: object) -> m.Job:
    """Raises InvalidJob with all that is wrong."""
    job = checked(m.Job, tree)
    if problems := list(problems_of(job)):
        raise InvalidJob(problems)
    return job


def checked(model: type[M], tree: object) -> M:
    """Raises InvalidJob with all that is wrong with its form."""
    refuse_unkeepable(tree)
    found, problems = read(model, tree)
    if found is None:
        raise InvalidJob(problems)
    return found


def with_defaults(job: m.Job, template: Template) -> m.Job:
    """What the job doesn't say is as its template has it: parameters and configuration one by one,
    data sources as a whole."""
    given, defaults = job.shown(), template.shown()
    chosen = {name: defaults[name] for name in _OF_TEMPLATES if name in defaults}
    return m.Job.model_validate(
        {
            **chosen,
            **given,
            "params": merged(chosen.get("params", {}), given.get("params", {})),
            "config": merged(chosen.get("config", {}), given.get("config", {})),
        }
    )


_OF_TEMPLATES = ("dataSource", "dataDestination", "params", "config")
