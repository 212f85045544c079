"""The git repository that scripts of Arvados' jobs are in."""

from pathlib import Path

from dulwich import porcelain

_WHO = b"chaos <chaos@example.com>"


class Repository:
    def __init__(self, directory: Path, name: str = "scripts") -> None:
        self.name = name
        self._path = directory / name
        (self._path / "crunch_scripts").mkdir(parents=True)
        porcelain.init(str(self._path)).close()

    def commit(self, name: str, work: str) -> str:
        """Add a script that does `work` in bash; the commit that has it."""
        script = self._path / "crunch_scripts" / name
        script.write_text(f"#!/bin/bash\n{work}\n")
        script.chmod(0o755)
        porcelain.add(str(self._path), [str(script)])
        return porcelain.commit(str(self._path), b"add", author=_WHO, committer=_WHO).decode()
