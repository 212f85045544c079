"""Which commits a new job of Arvados may be answered with."""

from pathlib import Path
from typing import Any

import pytest
from dulwich import porcelain

from services.coordinator.api.arvados.ranges import CommitRange, range_of
from services.coordinator.api.arvados.repositories import Repository
from services.coordinator.api.errors import Unprocessable
from shared.jobspec.arvados.models import Job

JOB = Job(script="hash", script_version="main", repository="lab/tools", script_parameters={})
SAME = [["repository", "=", "lab/tools"], ["script", "in", ["hash", "sum"]]]


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({}, None),
        ({"minimum_script_version": "v1"}, CommitRange(("v1",))),
        ({"exclude_script_versions": ["bad"]}, CommitRange((), ("bad",))),
        (
            {"filters": [*SAME, ["script_version", "in git", "v1"]], "minimum_script_version": "x"},
            CommitRange(("v1",)),
        ),
        (
            {"filters": [*SAME, ["script_version", "not in git", ["a", "b"]]]},
            CommitRange((), ("a", "b")),
        ),
        (
            {
                "filters": [
                    *SAME,
                    ["script_version", "in", ["a", "b"]],
                    ["script_version", "=", "b"],
                ]
            },
            CommitRange(only=("b",)),
        ),
        ({"filters": [*SAME, ["script", "=", "sum"]]}, CommitRange(only=())),
        (
            {"filters": [*SAME, ["docker_image_locator", "in docker", "a:1@sha256:2"]]},
            CommitRange(only=()),
        ),
    ],
)
def test_a_range_is_asked_for_by_filters_or_by_the_names_of_older_clients(
    given: dict[str, Any], asked: CommitRange | None
) -> None:
    assert range_of(given, JOB) == asked


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"filters": [["script", "=", "hash"]]}, "must name a repository and a script"),
        ({"filters": ["script"]}, "must be a list of"),
        ({"filters": [*SAME, ["state", "=", "Complete"]]}, "state = is not supported here"),
        ({"minimum_script_version": "$(x)"}, "names without blanks"),
        ({"exclude_script_versions": ["a"] * 101}, "at most 100 names"),
        ({"minimum_script_version": {"a": 1}, "exclude_script_versions": [3]}, "must be a text"),
    ],
)
def test_a_range_that_is_not_understood_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(Unprocessable, match=message):
        range_of(given, JOB)


async def test_commits_since_another_are_those_between_the_two_and_both(tmp_path: Path) -> None:
    who = b"t <t@example.com>"
    with porcelain.init(str(tmp_path)) as repo:
        first, second, third = (
            porcelain.commit(repo, text, author=who, committer=who).decode()
            for text in (b"1", b"2", b"3")
        )
    git = Repository(tmp_path / ".git")
    assert await git.commits_since(second, third) == {second, third}
    assert await git.commits_since(first, third) == {first, second, third}
    assert await git.commits_since(third, third) == {third}
    assert await git.commits_since(third, second) == set()
