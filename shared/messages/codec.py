"""Messages as the bytes that a broker carries."""

from pydantic import BaseModel, TypeAdapter, ValidationError

from shared.messages.models import Message

_MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)


class UndecodableMessage(Exception):
    """The bytes are not a message this version knows; the text says why."""


def encode(message: BaseModel) -> bytes:
    """The message as compact JSON, defaults included."""
    return message.__pydantic_serializer__.to_json(message)


def decode(body: bytes) -> Message:
    """The message in `body`. Raises UndecodableMessage for anything else."""
    try:
        return _MESSAGE.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UndecodableMessage(f"{where or 'message'}: {first['msg']}") from None
