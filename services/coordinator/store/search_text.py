"""What a search asks for: words, and filters such as `state:failed`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.definition.quantities import parse_duration
from shared.jobspec.tags import parse_tag
from shared.lifecycle import JobState

FILTERS = ("state", "tag", "name", "by", "since", "before", "template")

_STATES = frozenset(state.value for state in JobState)
_TERM = re.compile(r'(?:(\w+):)?"([^"]*)"|(\S+)')
_DAYS = re.compile(r"([0-9]{1,5})d(.*)")
_LISTS = ("state", "tag")
_OTHER_NAMES = {"tags": "tag", "states": "state"}


class BadFilter(ValueError):
    """The text names the filter, its value and the rule."""


@dataclass(frozen=True, slots=True)
class JobSearch:
    """Jobs that have all `words` in name, description or tags, and all that the filters say: one of
    `tags` and of `states` if there are any, `name_words` in the name.

    A word may instead be the name of a state: then jobs in that `state` that have all `other`
    words are found too.
    """

    words: str = ""
    state: str | None = None
    other: str = ""
    tags: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    name_words: str = ""
    created_by: str = ""
    since: datetime | None = None
    before: datetime | None = None
    template: str = ""
    """A pattern of LIKE."""


EVERYTHING = JobSearch()


def parse_search(text: str, filters: Mapping[str, str], now: datetime) -> JobSearch:
    """`filters` are added to those in the text. Raises BadFilter."""
    words: list[str] = []
    found: dict[str, list[str]] = {name: [] for name in FILTERS}
    for term in _TERM.finditer(text):
        name, value = _filter(term)
        if name is None:
            words.append(value)
        elif value:
            found[name].append(value)
    for name, value in filters.items():
        found[name].append(value)
    state = next((word.upper() for word in words if word.upper() in _STATES), None)
    return JobSearch(
        words=" ".join(words),
        state=state,
        other=" ".join(word for word in words if word.upper() != state),
        tags=_listed(found["tag"]),
        states=tuple(map(_state, _listed(found["state"]))),
        name_words=" ".join(found["name"]),
        created_by=" ".join(found["by"]),
        since=_latest("since", found["since"], now),
        before=_latest("before", found["before"], now),
        template=_template(found["template"]),
    )


def _filter(term: re.Match[str]) -> tuple[str | None, str]:
    """The name of a filter, None for words, and the value."""
    if term[3] is None:
        name, value, whole = term[1], term[2], term[2]
    else:
        name, _, value = term[3].partition(":")
        whole = term[3]
        name = name if ":" in whole else None
    name = _OTHER_NAMES.get(name or "", name)
    return (name, value) if name in FILTERS else (None, whole)


def _listed(values: list[str]) -> tuple[str, ...]:
    return tuple(part for value in values for part in value.split(",") if part)


def _state(text: str) -> str:
    if text.upper() not in _STATES:
        known = ", ".join(state.value for state in JobState)
        raise BadFilter(f'state: "{text}" is not allowed: must be one of {known}')
    return text.upper()


def _template(values: list[str]) -> str:
    if not values:
        return ""
    try:
        tag = parse_tag(values[-1])
    except ValueError as error:  # the client's mistake
        raise BadFilter(f'template: "{values[-1]}" is not allowed: {error}') from None
    pattern = str(tag).replace("_", r"\_")
    return pattern if tag.is_exact else pattern + (".%" if tag.major is not None else "@%")


def _latest(name: str, values: list[str], now: datetime) -> datetime | None:
    return parse_time(name, values[-1], now) if values else None


def parse_time(name: str, text: str, now: datetime) -> datetime:
    """A time, or how long ago it was. Raises BadFilter."""
    days = _DAYS.fullmatch(text)
    hours = f"{int(days[1]) * 24}h{days[2]}" if days else text
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # then it is a span, or a time that UTC has not
        pass
    try:
        return now - parse_duration(hours)
    except (ValueError, OverflowError):  # neither of the two
        rule = "must be a time such as 2026-01-31T12:00:00Z, or a span such as 90m or 7d"
        raise BadFilter(f'{name}: "{text}" is not allowed: {rule}') from None
