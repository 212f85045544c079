"""The chunks that a partition program writes: `data_0.bin`, `data_1.bin`, …"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from services.worker.runtimes.builtin.programs.task import Refused, put

MOST_CHUNKS = 100_000
_BUFFER_BYTES = 256 * 1024

Piece = tuple[bytes, bool]
"""A part of a record, and whether the record ends with it."""


@dataclass(frozen=True)
class Frame:
    """What stands before, between and after the records of a chunk."""

    head: bytes = b""
    between: bytes = b""
    tail: bytes = b""


class ChunkFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.count = 0
        folder.mkdir(parents=True, exist_ok=True)

    def next_path(self) -> Path:
        """Raises Refused."""
        if self.count >= MOST_CHUNKS:
            raise Refused(f"there are more than {MOST_CHUNKS:,} chunks: make them larger")
        self.count += 1
        return self._folder / f"data_{self.count - 1}.bin"

    def open_next(self) -> BinaryIO:
        return self.next_path().open("wb", buffering=_BUFFER_BYTES)

    def link(self, source: Path) -> None:
        put(source, self.next_path())

    def describe(self, labels: Iterable[str]) -> None:
        """By a line for each chunk."""
        with (self._folder / "chunks.jsonl").open("w", encoding="utf-8") as file:
            for number, label in enumerate(labels):
                line = {"path": f"data_{number}.bin", "label": label}
                file.write(json.dumps(line) + "\n")

    def split(self, pieces: Iterable[Piece], sizes: Iterator[int], frame: Frame) -> int:
        """Each chunk gets as many records as the next of `sizes` says; the number of all."""
        chunk: BinaryIO | None = None
        records, left, is_inside = 0, 0, False
        try:
            for piece, ends in pieces:
                if chunk is None:
                    chunk, left = self.open_next(), next(sizes)
                    chunk.write(frame.head)
                elif not is_inside:
                    chunk.write(frame.between)
                chunk.write(piece)
                is_inside = not ends
                if ends:
                    records, left = records + 1, left - 1
                    if not left:
                        chunk.write(frame.tail)
                        chunk.close()
                        chunk = None
            if chunk is not None:
                chunk.write(frame.tail)
        finally:
            if chunk is not None:
                chunk.close()
        return records + is_inside


def even_sizes(total: int, chunks: int) -> Iterator[int]:
    """Of so many records in so many chunks, of which none is empty."""
    count = min(total, chunks)
    return (total * (n + 1) // count - total * n // count for n in range(count))
