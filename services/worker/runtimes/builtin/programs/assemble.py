"""The programs that make one output of what the chunks have left, and the one that delivers it."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import BinaryIO

from services.worker.runtimes.builtin.programs.children import Result, flat_names, results_of
from services.worker.runtimes.builtin.programs.json_merging import merge
from services.worker.runtimes.builtin.programs.task import (
    Refused,
    Task,
    counted,
    files_below,
    put,
    say,
    size_text,
)

_PIECE_BYTES = 1024 * 1024


def passthrough(task: Task) -> None:
    results = results_of(task)
    for each, name in flat_names(results):
        put(each.path, task.output / name)
    say(f"passed {counted(len(results), 'file')} through")


def zip_files(task: Task) -> None:
    results = results_of(task)
    task.total = _size(results)
    kind = zipfile.ZIP_STORED if task.params["stored"] else zipfile.ZIP_DEFLATED
    target = task.output / task.params["name"]
    with zipfile.ZipFile(target, "w", kind, strict_timestamps=False) as archive:
        for each, name in flat_names(results):
            info = zipfile.ZipInfo.from_file(each.path, name, strict_timestamps=False)
            info.compress_type = kind
            with archive.open(info, "w", force_zip64=True) as into:
                for data in _content(task, each):
                    into.write(data)
    say(
        f"zipped {counted(len(results), 'file')}, {size_text(task.total)}, "
        f"into {target.name!r}, {size_text(target.stat().st_size)}"
    )


def concat(task: Task) -> None:
    results = _chosen(task)
    task.total = _size(results)
    separator, skipped = task.params["separator"].encode(), task.params["headerLines"]
    target = task.output / task.params["name"]
    with target.open("wb") as into:
        for number, each in enumerate(results):
            if number:
                into.write(separator)
            for data in _content(task, each, skipped if number else 0):
                into.write(data)
    size = size_text(target.stat().st_size)
    say(f"concatenated {counted(len(results), 'file')} into {target.name!r}, {size}")


def json_merge(task: Task) -> None:
    results = _chosen(task)
    task.total = _size(results)
    merge(task, results, task.output / task.params["name"])


def deliver(task: Task) -> None:
    names = files_below(task.output)
    if task.params["required"] and not names:
        raise Refused("empty_output: there is nothing to deliver")
    size = sum((task.output / name).stat().st_size for name in names)
    say(f"delivering {counted(len(names), 'file')}, {size_text(size)}")


def _chosen(task: Task) -> list[Result]:
    wanted = task.params["files"]
    return [each for each in results_of(task) if fnmatchcase(each.name, wanted)]


def _size(results: Sequence[Result]) -> int:
    return sum(each.path.stat().st_size for each in results)


def _content(task: Task, result: Result, skipped_lines: int = 0) -> Iterator[bytes]:
    with result.path.open("rb") as file:
        for _ in range(skipped_lines):
            _skip_line(file)
        while data := file.read(_PIECE_BYTES):
            task.add(len(data))
            yield data


def _skip_line(file: BinaryIO) -> None:
    while (part := file.readline(_PIECE_BYTES)) and not part.endswith(b"\n"):
        pass


PROGRAMS: dict[str, Callable[[Task], None]] = {
    "passthrough": passthrough,
    "zip": zip_files,
    "concat": concat,
    "jsonMerge": json_merge,
}
