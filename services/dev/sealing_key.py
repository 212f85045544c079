"""The key that encrypts secrets in `conveyor dev`: made once, kept beside the data."""

import os
from pathlib import Path

from shared.process.sealing import generate_key

_FILE_NAME = "sealing.key"


def sealing_key(data_dir: Path) -> str:
    """The key of `data_dir`; only its owner may read the file. Raises OSError."""
    path = data_dir / _FILE_NAME
    if not path.exists():
        _write(path, generate_key())
    return path.read_text(encoding="ascii").strip()


def _write(path: Path, key: str) -> None:
    """Under another name first: a key that was cut off by a crash would lock its owner out."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    # O_EXCL and the mode in one call: at no time can others read it.
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key + "\n")
    unfinished.replace(path)
