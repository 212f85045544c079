"""Which jobs a command is about: the options that choose them, and reading them page by page."""

import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import wraps
from typing import Any, TypeVar

import click

from cli.messages import now
from cli.references import LARGEST_PAGE
from cli.views import FINAL_JOB_STATES, Json
from conveyor import AsyncClient
from conveyor.http import following

T = TypeVar("T")

STATES = ("PENDING", "SCHEDULED", "RUNNING", *sorted(FINAL_JOB_STATES))
_AGE = re.compile(r"(\d+)\s*(s|m|min|h|d|w)")
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class JobFilter:
    """`name` may hold `*` and `?`."""

    words: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    name: str | None = None
    by: str | None = None
    since: datetime | None = None
    before: datetime | None = None

    def __bool__(self) -> bool:
        return self != JobFilter()

    @property
    def is_for_the_api(self) -> bool:
        """Whether the API's search says all of it."""
        return self.name is None

    def query(self) -> dict[str, str]:
        """As the API's parameters. Tork knows `q` alone: what it says is said there, too."""
        state = self.states if len(self.states) == 1 else ()
        tags = [f"tags:{','.join(self.tags)}"] if self.tags else []
        found = {
            "q": " ".join([*state, *tags, *self.words]),
            "state": ",".join(self.states),
            "tag": ",".join(self.tags),
            "by": self.by,
            "since": self.since and self.since.isoformat(),
            "before": self.before and self.before.isoformat(),
        }
        return {name: value for name, value in found.items() if value}

    def keeps(self, job: Json) -> bool:
        """A server that does not know a parameter (Tork) ignores it, and `cancel` must not act on
        the jobs of others then."""
        created = datetime.fromisoformat(job["createdAt"])
        return (
            (not self.states or job["state"] in self.states)
            and (not self.tags or not set(self.tags).isdisjoint(job.get("tags") or ()))
            and (self.name is None or fnmatchcase(job["name"], self.name))
            and (self.by is None or _creator(job) == self.by)
            and (self.since is None or created >= self.since)
            and (self.before is None or created < self.before)
        )

    def is_past(self, job: Json) -> bool:
        """Whether no later one of a list, newest first, can be kept."""
        return self.since is not None and datetime.fromisoformat(job["createdAt"]) < self.since


def _creator(job: Json) -> str:
    """Conveyor gives a name, Tork a user."""
    by = job.get("createdBy") or ""
    return by if isinstance(by, str) else by.get("username") or ""


async def chosen_jobs(api: AsyncClient, chosen: JobFilter) -> AsyncGenerator[Json, None]:
    """All that it keeps, newest first. One that moves to a later page meanwhile comes once: Tork
    has no places in the list."""
    seen = set[str]()
    which: Mapping[str, object] | None = {"page": 1}
    while which:
        query = {**chosen.query(), **which, "size": LARGEST_PAGE}
        page = await api.request("GET", "/jobs", query=query)
        for job in page["items"]:
            if chosen.is_past(job):
                return
            if job["id"] not in seen and chosen.keeps(job):
                yield job
            seen.add(job["id"])
        which = following(which, page)


def filter_options(command: Callable[..., T]) -> Callable[..., T]:
    """Adds the options that choose jobs; the command gets them as `chosen`."""

    @click.option(
        "--state",
        "states",
        multiple=True,
        type=click.Choice(STATES, case_sensitive=False),
        help="Only jobs in this state. Repeatable.",
    )
    @click.option(
        "--tag", "tags", multiple=True, help="Only jobs with this tag. Repeatable: any of the tags."
    )
    @click.option("--name", help="Only jobs with this name; * and ? stand for other characters.")
    @click.option("--by", metavar="USER", help="Only jobs that this user has submitted.")
    @click.option(
        "--since", type=moment, metavar="TIME", help="Only jobs since then: 2h, 3d, 2026-01-31."
    )
    @click.option("--before", type=moment, metavar="TIME", help="Only jobs before then.")
    @wraps(command)
    def with_filter(words: Sequence[str] = (), **options: Any) -> T:  # noqa: ANN401 - the command's own
        fields = ("states", "tags", "name", "by", "since", "before")
        chosen = JobFilter(tuple(words), **{name: options.pop(name) for name in fields})
        return command(chosen=chosen, **options)

    return with_filter


def moment(text: str) -> datetime:
    """An age such as `2h`, or a time of this machine's clock."""
    if age := _AGE.fullmatch(text.strip()):
        return now() - timedelta(seconds=int(age[1]) * _UNITS[age[2]])
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        rule = "must be an age such as 30m, 2h, 3d, or a time such as 2026-01-31T08:00"
        raise click.BadParameter(f"{text!r} is not allowed: {rule}") from None
