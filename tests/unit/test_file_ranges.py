"""Which part of a content a request asks for."""

from http import HTTPStatus

import pytest

from services.coordinator.api.files.ranges import selected

ETAG = '"abc"'
WHOLE = (200, 0, 10, None)


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({}, WHOLE),
        ({"Range": "bytes=0-3"}, (206, 0, 4, "bytes 0-3/10")),
        ({"Range": "bytes=4-"}, (206, 4, 6, "bytes 4-9/10")),
        ({"Range": "bytes=-3"}, (206, 7, 3, "bytes 7-9/10")),
        ({"Range": "bytes=-99"}, (206, 0, 10, "bytes 0-9/10")),
        ({"Range": "bytes=9-99"}, (206, 9, 1, "bytes 9-9/10")),
        ({"Range": "bytes=10-"}, (416, 0, 10, "bytes */10")),
        ({"Range": "bytes=-0"}, (416, 0, 10, "bytes */10")),
        ({"Range": "bytes=5-4"}, WHOLE),
        ({"Range": "bytes=0-1,4-5"}, WHOLE),
        ({"Range": "bytes=-"}, WHOLE),
        ({"Range": "bytes=" + "9" * 5000 + "-"}, WHOLE),
        ({"Range": "lines=0-1"}, WHOLE),
        ({"Range": "bytes=0-3", "If-Range": ETAG}, (206, 0, 4, "bytes 0-3/10")),
        ({"Range": "bytes=0-3", "If-Range": '"other"'}, WHOLE),
        ({"Range": "bytes=0-3", "If-Range": 'W/"abc"'}, WHOLE),
        ({"Range": "bytes=0-3", "If-Range": "Sat, 31 Jan 2026 00:00:00 GMT"}, WHOLE),
        ({"If-None-Match": '"x", W/"abc"', "Range": "bytes=0-3"}, (304, 0, 10, None)),
        ({"If-None-Match": "*"}, (304, 0, 10, None)),
        ({"If-None-Match": '"x"'}, WHOLE),
    ],
)
def test_a_part_is_selected_as_http_says(
    headers: dict[str, str], answer: tuple[int, int, int, str | None]
) -> None:
    selection = selected(headers, ETAG, 10)

    got = (selection.status, selection.span.start, selection.length, selection.content_range)
    assert got == answer


def test_an_empty_content_has_no_part() -> None:
    assert selected({}, ETAG, 0).length == 0
    for asked in ("bytes=0-", "bytes=-1"):
        status = selected({"Range": asked}, ETAG, 0).status
        assert status is HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
