"""The package in examples/extension, installed as a user would, without a network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_OFFLINE = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet")


@pytest.fixture(scope="session")
def extension_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PYTHONPATH that has the project and, installed, the example."""
    directory = tmp_path_factory.mktemp("extension")
    # A copy: a build leaves files in its source.
    source = shutil.copytree(_ROOT / "examples" / "extension", directory / "source")
    target = directory / "installed"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *_OFFLINE, "--target", target, source],
        check=True,
        capture_output=True,
    )
    return os.pathsep.join((str(_ROOT), str(target)))
