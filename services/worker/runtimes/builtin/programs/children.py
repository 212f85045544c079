"""What the chunks have left: a directory for each in the order of their indexes, and a manifest."""

import json
import posixpath
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from services.worker.runtimes.builtin.programs.task import Task, counted, files_below, say

_MANIFEST = "manifest.json"
_MOST_TOLD = 10


@dataclass(frozen=True)
class Result:
    """A file that a chunk has left; `name` is its path in the chunk's directory."""

    index: int
    name: str
    path: Path


def results_of(task: Task) -> list[Result]:
    """In the order of the chunks. Of chunks that failed there are none; the log says which."""
    failed = _failed(task.results / _MANIFEST)
    if failed:
        more = " and more" if len(failed) > _MOST_TOLD else ""
        told = ", ".join(map(str, sorted(failed)[:_MOST_TOLD])) + more
        say(f"{counted(len(failed), 'chunk')} failed and left nothing: {told}")
    folders = (each for each in task.results.iterdir() if each.is_dir() and each.name.isdigit())
    found = list[Result]()
    for folder in sorted(folders, key=lambda each: int(each.name)):
        index = int(folder.name)
        if index not in failed:
            found += [Result(index, name, folder / name) for name in files_below(folder)]
    return found


def _failed(manifest: Path) -> set[int]:
    if not manifest.is_file():
        return set()
    told = json.loads(manifest.read_bytes())
    return {child["index"] for child in told if child.get("state", "COMPLETED") != "COMPLETED"}


def flat_names(results: Sequence[Result]) -> Iterator[tuple[Result, str]]:
    """A path for each in one directory. Where several have the same, or one is a directory of
    another, the index of its chunk goes before the name; the log says how many."""
    wanted = Counter(each.name for each in results)
    folders = {str(above) for name in wanted for above in PurePosixPath(name).parents}
    taken = {name for name, count in wanted.items() if count == 1 and name not in folders}
    clashes = list[str]()
    for each in results:
        name = each.name
        if name not in taken or wanted[name] > 1:
            folder, base = posixpath.split(name)
            while name in taken or name in wanted or name in folders:
                base = f"{each.index}_{base}"
                name = posixpath.join(folder, base)
            taken.add(name)
            clashes.append(f"{each.name!r} of chunk {each.index} is {name!r}")
        yield each, name
    if clashes:
        say(f"{counted(len(clashes), 'name')} clashed and got the index of the chunk:")
        for text in clashes[:_MOST_TOLD]:
            say(f"  {text}")
        if len(clashes) > _MOST_TOLD:
            say(f"  and {len(clashes) - _MOST_TOLD:,} more")
