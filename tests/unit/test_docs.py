"""The documents name files, functions and pages that exist."""

import ast
import re
import subprocess
from itertools import chain
from pathlib import Path

import pytest

from tests.support.layer_diagrams import without_shortcuts

ROOT = Path(__file__).parents[2]
ARCHITECTURE = ROOT / "docs" / "architecture.md"
STEP = re.compile(r"^\|[^|]*\| `([\w/]+\.py)` \| `([\w.]+)` \|", re.MULTILINE)
MOST_FILES = 50
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("examples/*.md")])
OWN_PATH = re.compile(r"`((?:services|shared|cli|tests|bench|examples|deploy|docs)/[\w./*]+)`")


def functions_of(path: Path) -> set[str]:
    """Of a module, and the methods of its classes as `Class.method`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = {node.name for node in tree.body if isinstance(node, functions)}
    for owner in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        names |= {f"{owner.name}.{m.name}" for m in owner.body if isinstance(m, functions)}
    return names


def steps() -> dict[str, list[tuple[str, str]]]:
    """Those of the table of each section that has one."""
    sections = ARCHITECTURE.read_text(encoding="utf-8").split("\n## ")
    return {text.partition("\n")[0]: found for text in sections if (found := STEP.findall(text))}


@pytest.mark.parametrize(("file", "function"), sorted({*chain.from_iterable(steps().values())}))
def test_the_path_of_a_task_names_functions_that_exist(file: str, function: str) -> None:
    assert function in functions_of(ROOT / file)


def test_the_path_of_a_task_is_told_from_the_request_to_the_webhook() -> None:
    files = [file for file, _ in steps()["The path of a task"]]
    assert files[0].startswith("services/coordinator/api/")
    assert "services/webhook_dispatcher/attempts.py" in files[-2:]
    assert 30 < len(set(files)) <= MOST_FILES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_files_and_links_to_pages_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.strip() != "", "it is empty: make docs"
    named = OWN_PATH.findall(text)
    assert [path for path in named if not list(ROOT.glob(path))] == []
    links = [link for link in re.findall(r"\]\(([^)#:]+)\)", text) if link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_drawing_of_the_layers_leaves_out_what_a_longer_way_says() -> None:
    arrows = {("a", "b"), ("b", "c"), ("a", "c"), ("d", "c")}
    assert without_shortcuts(arrows) == {("a", "b"), ("b", "c"), ("d", "c")}


@pytest.mark.parametrize(
    ("command", "kept"), [("echo new", "new\n"), ("echo half; exit 1", "old\n"), ("true", "old\n")]
)
def test_a_generated_document_is_replaced_only_by_a_whole_one(
    tmp_path: Path, command: str, kept: str
) -> None:
    document = tmp_path / "document.md"
    document.write_text("old\n")
    written = ROOT / "deploy" / "setup" / "written.sh"
    done = subprocess.run(
        [written, document, "sh", "-c", command], cwd=tmp_path, check=False, capture_output=True
    )
    assert document.read_text() == kept
    assert (done.returncode == 0) == (kept == "new\n")
    assert list((tmp_path / "build").iterdir()) == []


def test_no_document_is_generated_in_its_place() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"> *docs/\S+", makefile) == []
