"""What a dead letter says: as much of it as can be read, without its secrets. Pure."""

from collections.abc import Iterable, Iterator, Sequence

import orjson

from services.coordinator.redaction import Redacting, hide_by_name
from shared.process.redaction import REDACTED

_DEEPEST = 100
_SEALED = "sealed"  # secrets, in clear where no key is set
_JOB_IDS = ("job_id", "subjob_id")
_MOST_JOBS = 1000
_LONGEST_KIND = 64  # of ours; what others sent may be of any length


def kind_of(body: bytes) -> str | None:
    message = _json(body)
    kind = message.get("kind") if isinstance(message, dict) else None
    if not isinstance(kind, str):
        return None
    return kind if len(kind) <= _LONGEST_KIND else f"{kind[:_LONGEST_KIND]}…"


def job_ids(body: bytes) -> set[str]:
    """The jobs that the message speaks of, as far as they can be some."""
    found = (item[name] for item in _mappings(_json(body)) for name in _JOB_IDS if name in item)
    ids = (id_ for id_ in _texts(found) if "\0" not in id_)  # Postgres has no NUL
    return {id_ for id_, _ in zip(ids, range(_MOST_JOBS), strict=False)}


def shown_body(body: bytes, redacting: Sequence[Redacting]) -> str:
    """The body as text; `redacting` takes out the secrets of the jobs it speaks of."""
    message = _json(body)
    shown: object = body.decode(errors="replace") if message is None else _hidden(message)
    for redact in redacting:
        shown = redact.value(shown)
    return shown if isinstance(shown, str) else orjson.dumps(shown).decode()


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:  # that may be why it lies here
        return None


def _hidden(value: object, depth: int = 0) -> object:
    """Without what sounds secret, and without what lies deeper than anything of ours."""
    if depth > _DEEPEST:
        return REDACTED
    match value:
        case dict():
            named = hide_by_name({k: REDACTED if k == _SEALED else v for k, v in value.items()})
            return {key: _hidden(item, depth + 1) for key, item in named.items()}
        case list():
            return [_hidden(item, depth + 1) for item in value]
        case _:
            return value


def _mappings(value: object) -> Iterator[dict[str, object]]:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case dict() as mapping:
                yield mapping
                waiting.extend(mapping.values())
            case list() as items:
                waiting.extend(items)


def _texts(values: Iterable[object]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))
