"""A page of a list, and which page was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_LAST_PAGE = 10**9


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Page `number` (from 1) of `size` items."""

    number: int
    size: int

    @classmethod
    def within(cls, number: int, size: int, *, largest: int) -> "PageRequest":
        """What was asked for, brought back into range as Tork does."""
        return cls(min(max(number, 1), _LAST_PAGE), min(max(size, 1), largest))

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    request: PageRequest
    items: Sequence[T]
    total_items: int

    @property
    def total_pages(self) -> int:
        return -(-self.total_items // self.request.size)
