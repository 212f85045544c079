"""What listeners are shown of the feed: every field of each change, secrets taken out."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import structlog

from services.webhook_dispatcher.store.feed_cursors import News
from shared.messages import Change
from shared.process.redaction import REDACTED, Redactor
from shared.process.sealing import Sealer, SealingError

log = structlog.get_logger(__name__)

_TEXTS = ("result", "error", "task_name")
"""What comes from the job's author or its tasks, and so may hold a secret."""


def shown_changes(news: Sequence[News], sealer: Sealer) -> list[dict[str, Any]]:
    return [shown for row in news for shown in _shown(row, _hiding(sealer, row.sealed))]


_Hiding = Callable[[str], str]


def _shown(news: News, hide: _Hiding) -> Iterator[dict[str, Any]]:
    for fields in news.changes:
        # Through the model: what a row leaves out as empty is there as well.
        change = Change.model_validate(fields).model_dump(mode="json")
        hidden = {name: hide(change[name]) for name in _TEXTS if change[name]}
        yield {**change, **hidden}


def _hiding(sealer: Sealer, sealed: str | None) -> _Hiding:
    if sealed is None:
        return lambda text: text
    try:
        return Redactor(cast(dict[str, str], sealer.unseal(sealed)["secrets"]).values()).text
    except SealingError as error:  # showing too little is better than showing a secret
        log.error("secrets can't be unsealed: the texts of a change are hidden", why=str(error))
        return lambda _: REDACTED
