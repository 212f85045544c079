"""What is sent to browsers: small, and without the name of any other host."""

import gzip
import re
from pathlib import Path

import pytest

from tests.support.browser.stack import NOT_BUILT, PAGE

MOST_BYTES = 250_000
# Loaded when it is opened: what writes job files.
EDITOR = re.compile(r"editor-[\w-]+\.(js|css)")
# Names that nobody asks: of the namespaces of SVG, MathML and the like, and of the RFC's examples.
NAMES = re.compile(
    r"https?://(www\.w3\.org|json-schema\.org|page\.invalid|([\w-]+\.)*example(\.(com|org|net))?)\b"
    r"|https://github\.com/preactjs/"  # in the text of an error
)
ADDRESS = re.compile(r"""(?:https?:|wss?:|["'`(])//[\w-]+(?:\.[\w-]+)+[^\s"'`)]*""")


@pytest.fixture
def files() -> list[Path]:
    found = [each for each in PAGE.rglob("*") if each.is_file()]
    if not found:
        pytest.fail(NOT_BUILT, pytrace=False)
    return found


def test_all_but_the_editor_is_less_than_250_kb_zipped(files: list[Path]) -> None:
    sizes = {
        each.name: len(gzip.compress(each.read_bytes()))
        for each in files
        if not EDITOR.fullmatch(each.name)
    }
    assert sum(sizes.values()) < MOST_BYTES, sorted(sizes.items(), key=lambda item: -item[1])[:10]


def test_no_file_names_another_host(files: list[Path]) -> None:
    named = {
        (each.name, address)
        for each in files
        for address in ADDRESS.findall(each.read_text(encoding="utf-8", errors="replace"))
        if not NAMES.search(address)
    }
    assert named == set()


def test_nothing_runs_or_styles_that_the_policy_would_stop() -> None:
    index = (PAGE / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", index)
