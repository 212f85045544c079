"""The names of objects, and the links that lead to them for a while."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from conveyor.extensions.files import ObjectRefused, Span, check_name, check_prefix
from shared.files.links import Links
from shared.files.names import dispatch_prefix

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
LINKS = Links("https://conveyor.example/files", (b"new key", b"old key"))


def test_names_are_made_of_job_task_and_attempt() -> None:
    assert check_name(dispatch_prefix("j1", "t1", 2, 1) + "out/a.txt") == "j1/t1/2.1/out/a.txt"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "it is empty"),
        ("a" + "/b" * 512, "it has 1025 bytes, the maximum is 1024"),
        ("é" * 128, "a segment is longer than 255 bytes"),
        ("a/../b", "it has the segment '..'"),
        ("./a", "it has the segment '.'"),
        ("/etc/passwd", "it has an empty segment"),
        ("a/", "it has an empty segment"),
        ("a\r\nb", "it has control characters"),
        ("a\x7f", "it has control characters"),
        ("a\x85b", "it has control characters"),
        ("a\udc80", "it is not valid Unicode"),
    ],
)
def test_a_bad_name_is_refused_with_its_problem(name: str, problem: str) -> None:
    with pytest.raises(ObjectRefused, match=f"is not a name of an object: {problem}"):
        check_name(name)


def test_a_prefix_may_end_anywhere_in_a_name() -> None:
    for prefix in ("", "a", "a/", "a/b", "..", "a/."):
        assert check_prefix(prefix) == prefix
    for prefix in ("/", "../", "a//", "a/./"):
        with pytest.raises(ObjectRefused):
            check_prefix(prefix)


@pytest.mark.parametrize(("start", "length"), [(-1, None), (0, -1)])
def test_a_span_is_not_negative(start: int, length: int | None) -> None:
    with pytest.raises(ValueError, match="may be negative"):
        Span(start, length)


def opened(link: str, method: str = "GET", now: datetime = NOW, links: Links = LINKS) -> str | None:
    parts = urlsplit(link)
    name = unquote(parts.path).removeprefix("/files/")
    return links.refusal(name, method, dict(parse_qsl(parts.query)), now)


def test_a_link_opens_its_object_until_it_ends() -> None:
    link = LINKS.make("a b/ü?#.txt", "GET", NOW + timedelta(seconds=60))

    assert link.startswith("https://conveyor.example/files/a%20b/%C3%BC%3F%23.txt?ends=")
    assert opened(link) is None
    assert opened(link, "HEAD") is None
    assert opened(link, now=NOW + timedelta(seconds=59.9)) is None
    assert opened(link, now=NOW + timedelta(seconds=60)) == "the link has ended"


def test_a_link_opens_nothing_else() -> None:
    link = LINKS.make("a/b", "GET", NOW + timedelta(seconds=60))
    ends = int(NOW.timestamp()) + 60
    changed = [
        link.replace("a/b", "a/c"),
        link.replace(f"ends={ends}", f"ends={ends + 1}"),
        link.replace(f"ends={ends}", "ends=never"),
        link.replace("signature=", "signature=x"),
        link.partition("&")[0],
        link.partition("?")[0],
        link.replace("signature=", "signature=ü"),
    ]
    for other in changed:
        assert opened(other) == "the signature of the link is wrong"
    for method in ("PUT", "DELETE", "POST"):
        assert opened(link, method) == "the signature of the link is wrong"
    put = LINKS.make("a/b", "PUT", NOW + timedelta(seconds=60))
    assert [opened(put, method) is None for method in ("PUT", "GET", "HEAD")] == [1, 0, 0]


def test_links_of_an_older_key_open_until_it_is_removed() -> None:
    older = Links(LINKS.base_url, (b"old key",))
    link = older.make("a", "GET", NOW + timedelta(seconds=60))

    assert opened(link) is None
    assert opened(link, links=Links(LINKS.base_url, (b"new key",))) is not None
    assert "key" not in repr(LINKS).replace("conveyor", "")
