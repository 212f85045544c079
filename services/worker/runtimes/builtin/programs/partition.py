"""The programs that make chunks of the files of a source. All files are read one after the other,
in the order of their names."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from typing import BinaryIO

from services.worker.runtimes.builtin.programs.chunk_files import (
    ChunkFiles,
    Frame,
    Piece,
    even_sizes,
)
from services.worker.runtimes.builtin.programs.json_members import JsonFile
from services.worker.runtimes.builtin.programs.records import Records
from services.worker.runtimes.builtin.programs.task import (
    Refused,
    Task,
    counted,
    files_below,
    say,
    size_text,
)

_PIECE_BYTES = 1024 * 1024


def passthrough(task: Task) -> None:
    """No source at all is one empty chunk."""
    chunks = ChunkFiles(task.chunks)
    _repeat(task, chunks, 1)
    say(f"passed {counted(chunks.count, 'chunk')} through: {_source_text(task)}")


def replicate(task: Task) -> None:
    chunks = ChunkFiles(task.chunks)
    _repeat(task, chunks, task.params["count"])
    say(f"replicated {_source_text(task)} into {counted(chunks.count, 'chunk')}")


def lines(task: Task) -> None:
    records = Records(task, files_below(task.source), task.params["headerLines"])
    _split_records(task, records, "linesPerChunk", "line")


def csv_rows(task: Task) -> None:
    delimiter = task.params["delimiter"].encode()
    records = Records(task, files_below(task.source), int(task.params["header"]), delimiter)
    _split_records(task, records, "rowsPerChunk", "row")


def split_bytes(task: Task) -> None:
    size, chunks, total = task.params["bytesPerChunk"], ChunkFiles(task.chunks), 0
    names = files_below(task.source)
    task.total = _size(task, names)
    chunk: BinaryIO | None = None
    left = 0
    for data in _content(task, names):
        rest = memoryview(data)
        while rest:
            if chunk is None:
                chunk, left = chunks.open_next(), size
            part = rest[:left]
            chunk.write(part)
            rest, left, total = rest[len(part) :], left - len(part), total + len(part)
            if not left:
                chunk.close()
                chunk = None
    if chunk is not None:
        chunk.close()
    say(f"split {size_text(total)} into {counted(chunks.count, 'chunk')}")


def files(task: Task) -> None:
    chunks, names = ChunkFiles(task.chunks), files_below(task.source)
    for name in names:
        chunks.link(task.source / name)
    chunks.describe(names)
    say(f"made {counted(len(names), 'file')} into {counted(chunks.count, 'chunk')}")


def json_array(task: Task) -> None:
    chunks, names = ChunkFiles(task.chunks), files_below(task.source)
    count = task.params["chunks"]
    task.total = _size(task, names) * (2 if count else 1)
    if count:
        sizes = even_sizes(sum(ends for _, ends in _elements(task, names)), count)
    else:
        sizes = repeat(task.params["itemsPerChunk"])
    items = chunks.split(_elements(task, names), sizes, Frame(b"[", b",", b"]"))
    say(f"split {counted(items, 'item')} into {counted(chunks.count, 'chunk')}")


def _elements(task: Task, names: Sequence[str]) -> Iterator[Piece]:
    for name in names:
        with (task.source / name).open("rb") as file:
            found = JsonFile(task, file, name)
            if found.kind != b"[":
                raise Refused(f"{name!r} is a JSON object, and must be an array")
            yield from found.pieces()


def _split_records(task: Task, records: Records, per_chunk: str, noun: str) -> None:
    chunks, count = ChunkFiles(task.chunks), task.params["chunks"]
    task.total = _size(task, files_below(task.source)) * (2 if count else 1)
    sizes = even_sizes(records.count(), count) if count else repeat(task.params[per_chunk])
    found = chunks.split(records.pieces(), sizes, Frame(records.head))
    say(f"split {counted(found, noun)} into {counted(chunks.count, 'chunk')}")


def _repeat(task: Task, chunks: ChunkFiles, count: int) -> None:
    """So many chunks that all are the file of the source."""
    names = files_below(task.source)
    if len(names) > 1:
        raise Refused(
            f"the source has {counted(len(names), 'file')}, and a chunk is one: split it with "
            "'files', or name a source of one file"
        )
    for _ in range(count):
        if names:
            chunks.link(task.source / names[0])
        else:
            chunks.open_next().close()


def _source_text(task: Task) -> str:
    names = files_below(task.source)
    return f"{names[0]!r}, {size_text(_size(task, names))}" if names else "no source"


def _size(task: Task, names: Sequence[str]) -> int:
    return sum((task.source / name).stat().st_size for name in names)


def _content(task: Task, names: Sequence[str]) -> Iterator[bytes]:
    def of(name: str) -> Iterator[bytes]:
        with (task.source / name).open("rb") as file:
            while data := file.read(_PIECE_BYTES):
                task.add(len(data))
                yield data

    return chain.from_iterable(map(of, names))


PROGRAMS: dict[str, Callable[[Task], None]] = {
    "passthrough": passthrough,
    "replicate": replicate,
    "lines": lines,
    "bytes": split_bytes,
    "files": files,
    "jsonArray": json_array,
    "csvRows": csv_rows,
}
