"""What a browser asks for while the script of the page is still on its way: links for the head.

`first.json` of the built page says what each address needs first. Without it the page asks for the
same later, one after the other.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from html import escape

from pydantic import BaseModel, ConfigDict, TypeAdapter

_WHOLE_ID = r"(?P<\1>[0-9a-f]{32})"


class FirstRequests(BaseModel):
    """In `address` `{id}` and the like stand for whole ids, `*` for anything; in `data`, which are
    addresses of the API, for the same."""

    model_config = ConfigDict(frozen=True)

    address: str
    scripts: tuple[str, ...]
    styles: tuple[str, ...]
    data: tuple[str, ...]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        escaped = re.escape(self.address).replace(r"\*", ".*")
        return re.compile(re.sub(r"\\{(\w+)\\}", _WHOLE_ID, escaped))


Table = tuple[FirstRequests, ...]
_TABLE = TypeAdapter(Table)


def read_table(text: bytes) -> Table:
    return _TABLE.validate_json(text)


def head_links(table: Sequence[FirstRequests], address: str, *, may_read: bool) -> str:
    """`address` with its query; `may_read`: whether the data are asked for, too."""
    for first in table:
        if found := first.pattern.fullmatch(address):
            data = first.data if may_read else ()
            return "".join(
                [
                    *(_link("modulepreload", each) for each in first.scripts),
                    *(_link("stylesheet", each) for each in first.styles),
                    *(_data_link(each, found.groupdict()) for each in data),
                ]
            )
    return ""


def _data_link(template: str, ids: dict[str, str]) -> str:
    for name, value in ids.items():
        template = template.replace(f"{{{name}}}", value)
    return _link("preload", template, ' as="fetch"')


def _link(kind: str, address: str, more: str = "") -> str:
    return f'<link rel="{kind}"{more} crossorigin href="{escape(address)}">\n'
