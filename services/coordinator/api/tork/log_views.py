"""Lines of logs as answers have them."""

from services.coordinator.api.replies import Fields
from services.coordinator.live.renderings import event_id
from services.coordinator.store.log_lines import BegunLine, LogWindow
from shared.planning.disclosure import Redacting

LONGEST_LINE = 64 * 1024
"""Characters; the rest is in the parts."""


def lines(window: LogWindow, redact: Redacting) -> Fields:
    return {
        "first": window.first,
        "items": [_line(line, redact) for line in window.lines],
        "totalLines": window.total_lines,
        "totalBytes": window.total_bytes,
        "totalParts": window.total_parts,
        "cursor": event_id(window.cursor),
        "complete": window.is_complete,
        "trimmed": window.is_trimmed,
    }


def _line(line: BegunLine, redact: Redacting) -> Fields:
    text, is_cut = _text(line)
    shown: Fields = {
        "number": line.number,
        "taskId": line.row.task_id,
        "taskLine": line.task_number,
        "text": redact.value(text),
        "createdAt": line.row.created_at,
    }
    if line.is_stderr:
        shown["stderr"] = True
    if is_cut:
        shown["truncated"] = True
    return shown


def _text(line: BegunLine) -> tuple[str, bool]:
    """Of a line that goes back to its beginning again and again, a progress bar, the newest."""
    text = line.text
    for row in line.rest:
        more, has_end, _ = row.contents.partition("\n")
        text += more
        if len(text) > LONGEST_LINE:
            text = text[text.rstrip("\r").rfind("\r") + 1 :]
        if has_end:
            break
        if len(text) > LONGEST_LINE:
            break
    return text[:LONGEST_LINE], len(text) > LONGEST_LINE
