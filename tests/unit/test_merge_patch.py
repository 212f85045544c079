"""A change of some fields of what is stored: RFC 7396, and secrets that answers hide stay."""

from typing import Any

import pytest

from shared.jobspec.merge_patch import merged, with_hidden

HIDDEN = "[REDACTED]"


@pytest.mark.parametrize(
    ("stored", "patch", "expected"),
    [  # the examples of the RFC
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_its_rfc_says(stored: Any, patch: Any, expected: Any) -> None:
    assert merged(stored, patch) == expected


@pytest.mark.parametrize(
    ("patch", "shown", "stored", "expected"),
    [
        ({"s": {"k": HIDDEN}}, {"s": {"k": HIDDEN}}, {"s": {"k": "v"}}, {"s": {"k": "v"}}),
        ({"s": {"k": HIDDEN}}, {"s": {}}, {"s": {}}, {"s": {"k": HIDDEN}}),
        (f"a {HIDDEN}", f"a {HIDDEN}", "a v", "a v"),
        (f"b {HIDDEN}", f"a {HIDDEN}", "a v", f"b {HIDDEN}"),
        (
            [{"name": "x", "e": HIDDEN}, {"name": "new", "e": HIDDEN}],
            [{"name": "x", "e": HIDDEN}, {"name": "y", "e": HIDDEN}],
            [{"name": "x", "e": "1"}, {"name": "y", "e": "2"}],
            [{"name": "x", "e": "1"}, {"name": "new", "e": HIDDEN}],
        ),
        (
            [{"name": "x"}, {"name": "z"}],
            [{"name": "x"}],
            [{"name": "x"}],
            [{"name": "x"}, {"name": "z"}],
        ),
    ],
)
def test_what_answers_hide_stays_where_it_is_sent_back_as_it_was_shown(
    patch: Any, shown: Any, stored: Any, expected: Any
) -> None:
    assert with_hidden(patch, shown, stored) == expected
