"""What a search text asks for: words, a state, tags."""

from dataclasses import dataclass

from shared.lifecycle import JobState

_STATES = frozenset(state.value for state in JobState)


@dataclass(frozen=True, slots=True)
class JobSearch:
    """Jobs that have all `words` in name, description or tags, and one of `tags` if there are any.

    A word may instead be the name of a state: then jobs in that `state` that have all `other`
    words are found too.
    """

    words: str = ""
    state: str | None = None
    other: str = ""
    tags: tuple[str, ...] = ()


EVERYTHING = JobSearch()


def parse_search(text: str) -> JobSearch:
    """`tag:x` and `tags:x,y` are tags; everything else is words."""
    words: list[str] = []
    tags: list[str] = []
    for term in text.split():
        kind, colon, rest = term.partition(":")
        if colon and kind in ("tag", "tags"):
            tags += rest.split(",") if kind == "tags" else [rest]
        else:
            words.append(term)
    state = next((word.upper() for word in words if word.upper() in _STATES), None)
    return JobSearch(
        words=" ".join(words),
        state=state,
        other=" ".join(word for word in words if word.upper() != state),
        tags=tuple(filter(None, tags)),
    )
