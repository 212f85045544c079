"""Lists that are too much for one message: RabbitMQ 4 takes no message above 16 MiB, and closes the
channel of who sends one."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

_MOST_BYTES = 8 * 1024 * 1024
_BYTES_OF_A_CHARACTER = 6  # at worst, as JSON escapes it
_BYTES_OF_THE_REST = 500  # ids, names and numbers, generously

P = TypeVar("P")


def in_chunks(parts: Sequence[P], characters: Callable[[P], int]) -> Iterator[list[P]]:
    """All of `parts` in their order, each portion small enough to be a message.

    `characters` counts those of what a task has said: results, errors, logs. A part that is too
    much alone is a portion of its own.
    """
    portion: list[P] = []
    room = _MOST_BYTES
    for part in parts:
        size = _BYTES_OF_THE_REST + _BYTES_OF_A_CHARACTER * characters(part)
        if portion and size > room:
            yield portion
            portion, room = [], _MOST_BYTES
        portion.append(part)
        room -= size
    if portion:
        yield portion
