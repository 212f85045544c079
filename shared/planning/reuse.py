"""Which of the jobs that do the same work a submission is answered with, and why no other."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.definition import Reuse, span_of
from shared.jobspec.limits import MAX_WEBHOOKS
from shared.lifecycle import JobState
from shared.planning.fingerprint import Fingerprint

MOST_DIFFERENCES = 20
"""That are told of the nearest miss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedReuse:
    """What a submission asks for. `owner` has created it; `readers` are who they are to the jobs
    that they may see, None: they may see all. Jobs with the `others` of these fingerprints will
    do as well, and unless it `takes_own` only these."""

    rules: Reuse
    fingerprint: Fingerprint
    owner: str | None
    readers: Sequence[str] | None = None
    webhooks: int = 0
    others: Sequence[str] = ()
    takes_own: bool = True

    @property
    def digests(self) -> Sequence[str]:
        own = [self.fingerprint.digest] if self.takes_own else []
        return list(dict.fromkeys([*own, *self.others]))

    @property
    def chance(self) -> Sequence[str]:
        """Why the job is nondeterministic, if it is."""
        declared = ["declared"] if self.rules.nondeterministic else []
        return [*declared, *self.fingerprint.chance]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A job with the same fingerprint that the submitter may see. `is_idle`: it does not go on by
    itself. `kept_bytes` of files it had, of which `left_bytes` are there. `output` is a hash of
    what it left, `webhooks` how many are called for it. It `is_outdated` if the name of an
    image that it ran stands for another one by now."""

    job_id: str
    state: JobState
    owner: str | None
    created_at: datetime
    completed_at: datetime | None = None
    progress: float = 0
    is_chance: bool = False
    is_banned: bool = False
    is_idle: bool = False
    kept_bytes: int = 0
    left_bytes: int = 0
    output: str = ""
    webhooks: int = 0
    is_outdated: bool = False

    @property
    def is_complete(self) -> bool:
        return self.state is JobState.COMPLETED


@dataclass(frozen=True, slots=True)
class Step:
    """A rule by its name and in words, and how many candidates it has left."""

    name: str
    rule: str
    left: int


@dataclass(frozen=True, slots=True)
class Nearest:
    """The job that differs in the fewest places, and the first of these."""

    job_id: str
    differences: Sequence[str]
    count: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """`job_id` None: a new job is to be made. That job is on its way if it `is_joined`."""

    job_id: str | None
    steps: Sequence[Step]
    nearest: Nearest | None = None
    is_joined: bool = False


_Rule = Callable[[Candidate], bool]


def choose(wanted: WantedReuse, candidates: Sequence[Candidate], now: datetime) -> Verdict:
    """`now` is aware UTC."""
    left = list(candidates)
    steps = [Step("identical", "jobs that do the same work, and that you may see", len(left))]
    for name, rule, passes in _rules(wanted, now):
        left = list(filter(passes, left))
        steps.append(Step(name, rule, len(left)))
    if (
        len({each.output for each in left if each.is_complete}) > 1
        and not wanted.rules.takes_oldest
    ):
        left = [each for each in left if not each.is_complete]
        steps.append(
            Step("agreeing", "completed ones, unless they left different results", len(left))
        )
    best = min(left, key=_rank, default=None)
    if best is None:
        return Verdict(None, steps)
    return Verdict(best.job_id, steps, is_joined=not best.is_complete)


def _rules(wanted: WantedReuse, now: datetime) -> Iterator[tuple[str, str, _Rule]]:
    rules, max_age = wanted.rules, span_of(wanted.rules.max_age)
    if rules.scope == "own":
        yield "scope", "submitted by you", lambda c: c.owner == wanted.owner
    yield "deterministic", "not nondeterministic", lambda c: not c.is_chance
    yield "allowed", "not banned from reuse", lambda c: not c.is_banned
    yield from _rules_of_state(wanted)
    if max_age is not None:
        shown = rules.max_age.text if rules.max_age else ""
        yield "age", f"completed at most {shown} ago", lambda c: _is_young(c, now, max_age)
    yield "files", "with all files that it kept", lambda c: c.left_bytes >= c.kept_bytes
    yield "images", "with images that have not changed since", lambda c: not c.is_outdated


def _rules_of_state(wanted: WantedReuse) -> Iterator[tuple[str, str, _Rule]]:
    if not wanted.rules.takes_unfinished:
        yield "state", "completed", lambda c: c.is_complete
        return
    rule = "completed, or yours and on its way"
    yield "state", rule, lambda c: c.is_complete or _is_on_its_way(c, wanted.owner)
    if wanted.webhooks:
        rule = f"completed, or at most {MAX_WEBHOOKS} webhooks with those of this submission"
        most = MAX_WEBHOOKS - wanted.webhooks
        yield "webhooks", rule, lambda c: c.is_complete or c.webhooks <= most


def _is_on_its_way(candidate: Candidate, owner: str | None) -> bool:
    goes_on = not candidate.state.is_final and not candidate.is_idle
    return goes_on and candidate.owner == owner


def _is_young(candidate: Candidate, now: datetime, max_age: timedelta) -> bool:
    return candidate.completed_at is None or now - candidate.completed_at <= max_age


_ORDER = (JobState.COMPLETED, JobState.RUNNING, JobState.SCHEDULED, JobState.PENDING)


def _rank(candidate: Candidate) -> tuple[int, float, datetime, str]:
    """The oldest completed one first, then the one that is furthest."""
    order, since = _ORDER.index(candidate.state), candidate.completed_at or candidate.created_at
    progress = 0 if candidate.is_complete else -candidate.progress
    return order, progress, since, candidate.job_id


def differing(parts: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    """The places where the two are not the same."""
    return sorted(
        place for place in parts.keys() | other.keys() if parts.get(place) != other.get(place)
    )


def nearest(
    parts: Mapping[str, str], others: Iterable[tuple[str, Mapping[str, str]]]
) -> Nearest | None:
    """Of `others`, each with its id; the first of those that differ in equally few places."""
    found: Nearest | None = None
    for job_id, other in others:
        places = differing(parts, other)
        if places and (found is None or len(places) < found.count):
            found = Nearest(job_id, places[:MOST_DIFFERENCES], len(places))
    return found
