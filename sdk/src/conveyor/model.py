"""What the models of the API have in common."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError
from pydantic.alias_generators import to_camel

from conveyor.errors import UnexpectedAnswer


def _alias(name: str) -> str:
    return to_camel(name.removesuffix("_"))


class _Model(BaseModel):
    # Building the checks of all models takes longer than most programs need those they use.
    model_config = ConfigDict(alias_generator=_alias, populate_by_name=True, defer_build=True)


class Body(_Model):
    """Something to send: fields that are not set are left out. The server checks it."""

    model_config = ConfigDict(extra="forbid")

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Answer(_Model):
    """Something received. Fields of a newer server are kept in `raw`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    _raw: Mapping[str, Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """Raises UnexpectedAnswer."""
        try:
            made = cls.model_validate(answer)
        except ValidationError as error:
            raise UnexpectedAnswer(f"the answer is no {cls.__name__}: {error}") from None
        made._raw = answer
        return made

    @property
    def raw(self) -> Mapping[str, Any]:
        """The JSON as it came."""
        return self._raw
