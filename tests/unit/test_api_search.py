"""What a search text asks for."""

import pytest

from services.coordinator.store.job_list import JobSearch, parse_search


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
    ],
)
def test_a_search_is_words_a_state_and_tags(text: str, search: JobSearch) -> None:
    assert parse_search(text) == search
