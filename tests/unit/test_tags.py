"""Tags of versions."""

import pytest

from shared.jobspec.tags import Tag, Version, check_name, parse_tag, parse_version


def test_a_tag_names_all_versions_those_of_a_major_or_one() -> None:
    assert parse_tag("video") == Tag("video")
    assert parse_tag("video@1") == Tag("video", 1)
    assert parse_tag("video@1.20") == Tag("video", 1, 20)
    assert [str(parse_tag(text)) for text in ("v_1", "v@0", "v@0.1")] == ["v_1", "v@0", "v@0.1"]
    assert parse_version("1.20") == Version(1, 20)
    assert check_name("a-B_9") == "a-B_9"


@pytest.mark.parametrize(
    "text",
    ["", "a b", "a@", "a@1.", "a@1.2.3", "a@01", "a@x", "é", "a\n", "a" * 65, "a@9999999999"],
)
def test_what_is_no_tag_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_tag(text)
