"""What all answers share: names on the wire, pages, the plain ones."""

from typing import Generic, Literal, TypeVar

from pydantic import AliasGenerator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

T = TypeVar("T")


def _alias(name: str) -> str:
    return to_camel(name.rstrip("_"))


class Answer(BaseModel):
    """The base of all answers. Built with the names on the wire or Python's."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,  # they are the descriptions in the API's schema
        extra="ignore",  # a definition may hold what a later version put there
        alias_generator=AliasGenerator(alias=_alias),
        validate_by_name=True,
        validate_by_alias=True,
    )

    def body(self) -> bytes:
        return self.__pydantic_serializer__.to_json(self, by_alias=True, exclude_none=True)


class Error(Answer):
    """What went wrong, in a sentence."""

    message: str
    """For people; its wording may change."""


class Status(Answer):
    status: Literal["OK"] = "OK"
    """Done."""


class Health(Answer):
    """Whether what the service stands on is there."""

    status: Literal["UP", "DOWN"]
    """`DOWN` when something is missing."""
    missing: list[str] | None = None
    """What is not there, each in words."""


class PageOf(Answer, Generic[T]):
    number: int
    """Which page this is, counted from 1."""
    size: int
    """How many items a full page has."""
    total_pages: int
    """How many pages there are."""
    items: list[T]
    """Newest first."""
    total_items: int
    """How many items there are on all pages."""
