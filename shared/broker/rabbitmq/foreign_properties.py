"""Reads the properties of whatever anybody has sent.

pamqp raises over a text that is no UTF-8, a time beyond all years, a header of an unknown type.
aiormq then gives the connection up, RabbitMQ delivers the message again, and so on without end:
one such message on a queue and nobody reads it any more. So what can't be read is left out.
"""

from collections.abc import Callable

from pamqp import decode
from pamqp.common import FieldValue

_TIME_BYTES = 8
_LENGTH_BYTES = 4


def accept_any_properties() -> None:
    """From now on, in this process."""
    decode.METHODS |= {"shortstr": _short_text, "timestamp": _time, "table": _table}


def _short_text(value: bytes) -> tuple[int, str]:
    end = value[0] + 1
    return end, value[1:end].decode(errors="replace")


def _time(value: bytes) -> tuple[int, FieldValue]:
    return _read(decode.timestamp, value, _TIME_BYTES, None)


def _table(value: bytes) -> tuple[int, FieldValue]:
    length = int.from_bytes(value[:_LENGTH_BYTES])
    return _read(decode.field_table, value, _LENGTH_BYTES + length, {})


def _read(
    read: Callable[[bytes], tuple[int, FieldValue]], value: bytes, size: int, without: FieldValue
) -> tuple[int, FieldValue]:
    try:
        return read(value)
    except (ValueError, OverflowError, OSError, KeyError, IndexError):
        # Whatever is wrong with it, its size is known: what follows can be read.
        return size, without
