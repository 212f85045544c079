"""What README.md, docs/python.md and examples/notebook.py tell programs to do works on a whole
Conveyor."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.services.dev import running_dev

ROOT = Path(__file__).parents[2]
DEFAULT_URL = "http://127.0.0.1:8000"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with running_dev(Path(tmp_path_factory.mktemp("dev"))) as url:
        yield url


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def output_of(script: str, url: str, directory: Path) -> str:
    """Of a program with `script`, in an empty directory."""
    (directory / "script.py").write_text(script)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "script.py"),
        cwd=directory,
        env={**os.environ, "CONVEYOR_URL": url, "TMPDIR": str(directory)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(120):
        printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
    return printed.decode()


@pytest.mark.parametrize(
    ("page", "printed"),
    [
        ("README.md", r"\d\d:\d\d:\d\d"),
        ("docs/python.md", r"(?s)COMPLETED hello.*tasks\[0\]\.priority must be at most 9"),
    ],
)
async def test_the_snippets_of_a_page_run_one_after_the_other(
    url: str, tmp_path: Path, page: str, printed: str
) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    snippets = re.findall(r"```python\n(.*?)```", text, re.DOTALL)

    shown = await output_of("\n".join(snippets).replace(DEFAULT_URL, url), url, tmp_path)

    assert re.search(printed, shown)


async def test_the_notebook_runs_from_top_to_bottom(url: str, tmp_path: Path) -> None:
    notebook = (ROOT / "examples" / "notebook.py").read_text(encoding="utf-8")

    printed = await output_of(notebook, url, tmp_path)

    assert re.search(r"π is about 3\.[01]\d*, from 8 tasks", printed)
    assert printed.splitlines()[-1] == "COMPLETED"
