"""Which of the jobs that do the same work answers a submission, and what is told of the others."""

from datetime import timedelta
from math import inf
from typing import Any, cast

import pytest

from services.coordinator.commands import JobCommands, Unsettled
from shared.apply.apply import Outcome, Reused, Work
from shared.apply.batcher import Batcher
from shared.apply.reuse import JUST_RESTARTED
from shared.definition import Duration, Reuse
from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.parsing import parse_job
from shared.lifecycle import JobState
from shared.planning.fingerprint import Fingerprint
from shared.planning.reuse import Candidate, WantedReuse, choose, nearest
from shared.planning.submission import new_job, new_job_id
from shared.postgres.pool import Pool
from shared.process.metrics import Metrics
from tests.support.jobs.decided import NOW

HOUR = timedelta(hours=1)


def job(job_id: str, state: str = "COMPLETED", *, age: int = 1, **fields: Any) -> Candidate:
    """`age` in hours."""
    at = NOW - age * HOUR
    completed_at = at if state == "COMPLETED" else None
    known = {"owner": "ann", "created_at": at, "completed_at": completed_at, **fields}
    return Candidate(job_id=job_id, state=JobState(state), **known)


def chosen(*candidates: Candidate, webhooks: int = 0, **rules: Any) -> str | None:
    wanted = WantedReuse(
        rules=Reuse(**rules),
        fingerprint=Fingerprint("f", {}),
        owner="ann",
        webhooks=webhooks,
    )
    return choose(wanted, candidates, NOW).job_id


def test_the_oldest_completed_job_comes_first_then_the_one_that_is_furthest() -> None:
    jobs = [
        job("pending old", "PENDING", age=9),
        job("pending", "PENDING"),
        job("scheduled", "SCHEDULED"),
        job("running", "RUNNING", progress=10),
        job("far", "RUNNING", progress=90),
        job("younger", age=2),
        job("older", age=3),
    ]
    order = []
    while found := chosen(*jobs):
        order.append(found)
        jobs = [each for each in jobs if each.job_id != found]
    assert order == [
        "older", "younger", "far", "running", "scheduled", "pending old", "pending"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "candidate",
    [
        job("x", "FAILED"),
        job("x", "CANCELLED"),
        job("x", is_banned=True),
        job("x", is_chance=True),
        job("x", "PENDING", is_idle=True),
        job("x", "RUNNING", owner="bob"),
        job("x", owner="bob"),
        job("x", kept_bytes=10, left_bytes=9),
        job("x", is_outdated=True),
    ],
)
def test_what_must_not_be_reused_is_not(candidate: Candidate) -> None:
    assert chosen(candidate) is None


def test_the_rules_of_a_submission_say_whose_jobs_how_old_and_how_far() -> None:
    of_bob = job("x", owner="bob")
    assert chosen(of_bob, scope="readable") == "x"
    assert chosen(job("x", "RUNNING", owner="bob"), scope="readable") is None
    assert chosen(job("x", "RUNNING"), takes_unfinished=False) is None
    assert chosen(job("x", "RUNNING", webhooks=99), webhooks=1) == "x"
    assert chosen(job("x", "RUNNING", webhooks=100), webhooks=1) is None
    assert chosen(job("x", webhooks=100), webhooks=1) == "x"
    age = Duration(5400, "1h30m")
    assert chosen(job("x", age=1), max_age=age) == "x"
    assert chosen(job("x", age=2), max_age=age) is None


def test_of_completed_jobs_that_left_different_results_none_is_reused_or_the_oldest() -> None:
    jobs = [job("a", output="1"), job("b", age=2, output="2")]
    assert chosen(*jobs) is None
    assert chosen(*jobs, job("c", "RUNNING")) == "c"
    assert chosen(*jobs, takes_oldest=True) == "b"
    assert chosen(jobs[0], job("b", age=2, output="1")) == "b"
    assert chosen(jobs[0], job("b", output="2", is_banned=True)) == "a"


def test_each_rule_tells_how_many_it_has_left() -> None:
    wanted = WantedReuse(rules=Reuse(), fingerprint=Fingerprint("f", {}), owner="ann")
    jobs = [job("a", owner="bob"), job("b", "FAILED"), job("c", is_banned=True), job("d")]
    verdict = choose(wanted, jobs, NOW)
    assert verdict.job_id == "d"
    assert [(step.name, step.left) for step in verdict.steps] == [
        ("identical", 4),
        ("scope", 3),
        ("deterministic", 3),
        ("allowed", 2),
        ("state", 1),
        ("files", 1),
        ("images", 1),
    ]


async def test_a_submission_whose_job_was_just_restarted_looks_again_but_not_for_ever() -> None:
    class RestartedSoOften:
        def __init__(self, often: float) -> None:
            self.left = often

        async def perform_one(self, _: Work) -> Outcome:
            self.left -= 1
            return Reused("", job_id="other") if self.left < 0 else JUST_RESTARTED

    async def submitted(often: float) -> str:
        batcher = cast(Batcher, RestartedSoOften(often))
        commands = JobCommands(batcher, cast(Pool, None), Metrics())
        spec = parse_job(b"{name: a, tasks: [{name: t, run: x}], reuse: true}", "text/yaml")
        return (await commands.submit(new_job(compile_job(spec), new_job_id(), NOW))).job_id

    assert await submitted(2) == "other"
    with pytest.raises(Unsettled, match="just restarted"):
        await submitted(inf)


def test_the_nearest_miss_is_the_job_that_differs_in_the_fewest_places() -> None:
    here = {"a": "1", "b": "2", "c": "3"}
    others = [("far", {"a": "0", "b": "0"}), ("near", {**here, "b": "0"}), ("same", here)]
    found = nearest(here, others)
    assert found is not None
    assert (found.job_id, found.differences, found.count) == ("near", ["b"], 1)
    assert nearest(here, []) is None


def test_a_job_says_by_a_flag_or_by_rules_that_it_may_be_reused() -> None:
    def rules(text: str) -> Reuse | None:
        body = f"name: a\ntasks: [{{name: t, run: x}}]\nreuse: {text}".encode()
        return compile_job(parse_job(body, "text/yaml")).reuse

    assert rules("true") == rules("{}") == Reuse()
    assert rules("false") is rules("") is None
    assert rules(
        "{scope: readable, includeUnfinished: false, maxAge: 1h, onOutputConflict: oldest, "
        "nondeterministic: true}"
    ) == Reuse(
        scope="readable",
        takes_unfinished=False,
        max_age=Duration(3600, "1h"),
        takes_oldest=True,
        nondeterministic=True,
    )
    for text, message in [
        ("{scope: mine}", r"reuse\.scope: .* must be 'own' or 'readable'"),
        ("{maxAge: 0s}", r"reuse\.maxAge: .* must be longer than zero"),
        ("{age: 1h}", r"reuse\.age: unknown field"),
        ("maybe", r"reuse: .* must be"),
        ("true\nhold: true", r"reuse: can't be combined with hold"),
    ]:
        with pytest.raises(InvalidJob, match=message):
            rules(text)
