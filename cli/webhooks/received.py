"""One webhook as a receiver sees it: what it tells, and whether its signature holds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from cli.messages import cut, one_line
from cli.tables import state_text
from shared.process.signing import BadSignature, check_signature

_LONGEST_NAME = 60
_LONGEST_REASON = 120
_EVENT_WIDTH = len("endpoint.Disabled")
_STATE_WIDTH = len("cancelled")


@dataclass(frozen=True, slots=True)
class Received:
    """`headers` have lower-case names. `refusal` says why the signature doesn't hold; it is None
    if it does, or was not checked."""

    path: str
    headers: Mapping[str, str]
    content: bytes
    is_checked: bool
    refusal: str | None

    @classmethod
    def read(
        cls,
        path: str,
        headers: Mapping[str, str],
        content: bytes,
        keys: Sequence[bytes],
        now: float,
    ) -> "Received":
        """`keys` are those of which one must have signed it; without any it isn't checked."""
        lower = {name.lower(): value for name, value in headers.items()}
        refusals = [_refusal(key, lower, content, now) for key in keys]
        refusal = None if None in refusals or not refusals else refusals[-1]
        return cls(path, lower, content, bool(keys), refusal)

    @property
    def id(self) -> str:
        return self.headers.get("webhook-id", "")

    @property
    def body(self) -> Any:  # noqa: ANN401 - JSON
        """As JSON; as text where it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):  # whoever else posts here may post anything
            return self.content.decode("utf-8", "replace")

    @property
    def verdict(self) -> str:
        """On the signature, in a few words."""
        if self.is_checked:
            return self.refusal or "signature valid"
        return "not verified" if "webhook-signature" in self.headers else "unsigned"

    def line(self, *, is_repeated: bool) -> Text:
        """For people."""
        body = self.body
        envelope: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
        data = envelope.get("data")
        told = data if isinstance(data, Mapping) else envelope
        event = envelope.get("event") or envelope.get("type") or ""
        event = one_line(str(self.headers.get("conveyor-event") or event)) or "POST"
        line = Text(f"{event:<{_EVENT_WIDTH}}  ")
        line.append(_padded(state_text(str(told.get("state", "")))))
        line.append(f"  {_what(told, body)}")
        line.append(_more(told, self.headers), "dim")
        line.append(f"  {self.verdict}", self._style)
        if is_repeated:
            line.append("  repeated", "yellow")
        return line

    @property
    def _style(self) -> str:
        if not self.is_checked:
            return "dim"
        return "red" if self.refusal else "green"


def _refusal(key: bytes, headers: Mapping[str, str], content: bytes, now: float) -> str | None:
    try:
        check_signature(key, headers, content, now)
    except BadSignature as error:
        return str(error)
    return None


def _padded(state: Text) -> Text:
    state = Text(one_line(state.plain), state.style)
    state.pad_right(max(0, _STATE_WIDTH - len(state)))
    return state


def _what(told: Mapping[str, Any], body: object) -> str:
    """The name of what changed, and why it failed; of a body that has no name, its beginning."""
    name = told.get("name") or told.get("description") or told.get("id") or body
    text = name if isinstance(name, str) else json.dumps(name)
    shown = cut(one_line(text), _LONGEST_NAME) or "(empty body)"
    why = told.get("error") or told.get("reason") or told.get("disabledReason")
    return f"{shown}: {cut(one_line(str(why)), _LONGEST_REASON)}" if why else shown


def _more(told: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    progress = told.get("progress")
    part = f" {progress:.0f} %" if isinstance(progress, int | float) and 0 < progress < 100 else ""
    sequence = headers.get("conveyor-sequence")
    return part + (f"  #{one_line(sequence)}" if sequence else "")
