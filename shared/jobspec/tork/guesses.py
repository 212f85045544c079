"""What was meant by a name that isn't there: a slip of the fingers; of a field also a field of
another place, or a word of another tool."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import get_args

from shared.jobspec.tork.models import AuxTask, JobFields, Spec, TaskEntry, TaskFields
from shared.jobspec.tork.neighbours import MEANINGS, WORDS

_MOST_COMPARED, _LONGEST_COMPARED = 100, 50
"""Names, and characters of a name: a job may have thousands of both, and slips as many."""


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The one that looks most like it, of the first that are known."""
    if len(name) > _LONGEST_COMPARED:
        return None
    compared = [one for one in islice(known, _MOST_COMPARED) if len(one) <= _LONGEST_COMPARED]
    return next(iter(get_close_matches(name, compared, n=1)), None)


def unknown_field(place: Sequence[int | str], value: object, root: type[Spec]) -> str:
    """The rule that the field at `place` breaks. No part of `value` is in it."""
    name = str(place[-1])
    model = _model_at(place[:-1], root)
    if name in model.elsewhere:
        return model.elsewhere[name]
    words = [_plain(name), *_words(name, value)]
    if guess := _field_of(model, words) or _field_below(model, words):
        return f"unknown field, did you mean {guess!r}?"
    if reason := _other_place(model, root, words) or MEANINGS.get(_plain(name)):
        return f"unknown field: {reason}"
    known = {_plain(field): field for field in _fields(model)}
    near = nearest_name(_plain(name), known)
    return f"unknown field, did you mean {known[near]!r}?" if near else "unknown field"


def _words(name: str, value: object) -> Sequence[str]:
    """In our language, likeliest first. A command in parts is none for a shell."""
    words = WORDS.get(_plain(name), ())
    return [_plain(word) for word in words if not (word == "run" and isinstance(value, list))]


def _field_of(model: type[Spec], words: Sequence[str]) -> str | None:
    known = {_plain(field): field for field in (*_fields(model), *model.elsewhere)}
    return next((known[word] for word in words if word in known), None)


_OWN_MODELS = (
    *("tasks", "pre", "post", "sidecars", "subjob", "parallel", "sources", "artifacts", "publish"),
)


def _field_below(model: type[Spec], words: Sequence[str]) -> str | None:
    """As `limits.memory` for a `memory` that stands beside `limits`."""
    below = {field: part for field, part in _fields(model).items() if field not in _OWN_MODELS}
    found = ((field, _field_of(part, words)) for field, part in below.items() if part)
    return next((f"{field}.{name}" for field, name in found if name), None)


def _other_place(model: type[Spec], root: type[Spec], words: Sequence[str]) -> str | None:
    """What a task has was written on the job, or the other way round."""
    if issubclass(model, JobFields):
        field = _field_of(TaskEntry, words)
        return field and f"{field!r} is a field of tasks"
    if issubclass(model, AuxTask):
        field = _field_of(TaskFields, words)
        return field and f"{field!r} is a field of tasks"
    field = _field_of(root, words) if issubclass(model, TaskFields) else None
    return field and f"{field!r} is a field of the job"


def _plain(name: str) -> str:
    """`depends_on`, `depends-on` and `dependsOn` are one word."""
    return name.lower().replace("_", "").replace("-", "")


def _fields(model: type[Spec]) -> dict[str, type[Spec] | None]:
    """By its name on the wire: what a field is made of, if that has fields itself."""
    model.model_rebuild()  # annotations may name classes that come later
    return {
        field.alias or python: next(_models_in(field.annotation), None)
        for python, field in model.model_fields.items()
    }


def _model_at(place: Sequence[int | str], root: type[Spec]) -> type[Spec]:
    """The model whose field a location names; list indexes are passed over."""
    model = root
    for part in place:
        model = _fields(model).get(str(part)) or model
    return model


def _models_in(annotation: object) -> Iterator[type[Spec]]:
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
