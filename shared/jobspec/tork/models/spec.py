"""What all models of the job language share: strict, Tork's names on the wire, nothing unknown.

Values stay as they were submitted (a duration is its text), so that what is stored and shown again
is what the client wrote. A field that is null or an empty text is a field that isn't there.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import AliasGenerator, BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel


def _alias(name: str) -> str:
    return to_camel(name.rstrip("_"))


class Spec(BaseModel):
    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        alias_generator=AliasGenerator(alias=_alias),
        use_attribute_docstrings=True,  # they are the descriptions in the API's schema
        hide_input_in_errors=True,  # an error of ours never shows what it was given
    )

    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Fields the language has, but not here: each with the sentence that says so."""

    @model_validator(mode="before")
    @classmethod
    def _blank_is_unset(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None and value != ""}

    def as_submitted(self) -> dict[str, Any]:
        """The JSON form on the wire, without what the client left out."""
        return self.model_dump(by_alias=True, exclude_unset=True)
