"""A directory that tasks may mount: `allowed`; and how they ask for one."""

from pathlib import Path
from typing import Any

import pytest

from conveyor.extensions.tasks import Mount


def bind(source: str, **more: Any) -> dict[str, Any]:
    return {"mounts": (Mount(type="bind", source=source, target="/in", **more),)}


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    """A directory that tasks may mount, with a link to what they may not."""
    folder = tmp_path / "allowed"
    folder.mkdir()
    (tmp_path / "allowed-not").mkdir()
    (tmp_path / "outside").mkdir()
    (folder / "link").symlink_to("/")
    return folder
