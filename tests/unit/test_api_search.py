"""What a search text asks for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.coordinator.store.search_text import BadFilter, JobSearch, parse_search

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "search"),
    [
        ("", JobSearch()),
        ("convert video", JobSearch("convert video", None, "convert video")),
        ("failed", JobSearch("failed", "FAILED", "")),
        ("Running video", JobSearch("Running video", "RUNNING", "video")),
        ("tag:a", JobSearch(tags=("a",))),
        ("tags:a,b tag:c word", JobSearch("word", None, "word", ("a", "b", "c"))),
        ("tags: tag:", JobSearch()),
        ("http://x", JobSearch("http://x", None, "http://x")),
        ("state:failed", JobSearch(states=("FAILED",))),
        ("state:failed,cancelled", JobSearch(states=("FAILED", "CANCELLED"))),
        ('name:one name:"two three"', JobSearch(name_words="one two three")),
        ("by:ann", JobSearch(created_by="ann")),
        (
            "since:90m before:2026-01-31",
            JobSearch(since=NOW - timedelta(minutes=90), before=NOW.replace(hour=0)),
        ),
        ("since:7d", JobSearch(since=NOW - timedelta(days=7))),
        ("since:1d12h", JobSearch(since=NOW - timedelta(hours=36))),
    ],
)
def test_a_search_is_words_a_state_and_filters(text: str, search: JobSearch) -> None:
    assert parse_search(text, {}, NOW) == search


def test_filters_join_those_of_the_text() -> None:
    filters = {"tag": "b", "state": "failed", "name": "one", "by": "ann", "since": "1h"}
    found: dict[str, Any] = {"since": NOW - timedelta(hours=1), "created_by": "ann"}
    expected = JobSearch(tags=("a", "b"), states=("FAILED",), name_words="one", **found)
    assert parse_search("tag:a", filters, NOW) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("state:gone", 'state: "gone" is not allowed: must be one of PENDING, SCHEDULED'),
        ("since:0001-01-01T00:00:00+14:00", r"since: .* is not allowed: must be a time such as"),
        ("before:9999-12-31T23:59:59-14:00", r"before: .* is not allowed: must be a time such as"),
        ("since:yesterday", 'since: "yesterday" is not allowed: must be a time such as'),
    ],
)
def test_a_filter_that_can_not_be_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadFilter, match=message):
        parse_search(text, {}, NOW)
