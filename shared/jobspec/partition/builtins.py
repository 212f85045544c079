"""The built-in programs: their names, and the parameters of each with their rules.

A worker runs them (`services/worker/runtimes/builtin`), with the parameters that `complete_params`
gives.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from conveyor.extensions.tasks import Builtin
from shared.definition.quantities import parse_memory
from shared.jobspec.rule_texts import rule_of

Stage = Literal["partition", "assemble", "deliver"]

_MOST = 2**53
_Count = Annotated[int, Field(ge=1, le=_MOST)]


def _bytes(value: object) -> object:
    """`64m` as a number."""
    return parse_memory(value) if isinstance(value, str) else value


def _file_name(name: str) -> str:
    if "/" in name or "\0" in name or name in (".", ".."):
        raise ValueError("must be the name of a file")
    return name


def _delimiter(text: str) -> str:
    if not text.isascii() or text in '"\r\n':
        raise ValueError("must be an ASCII character other than a quote or a line end")
    return text


_FileName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_file_name)]


class Params(BaseModel):
    """Without any of its own."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    one_of: ClassVar[tuple[str, ...]] = ()
    """Parameters of which exactly one is needed."""


class Replicate(Params):
    count: _Count
    """How many chunks, each with the whole source."""


class Lines(Params):
    one_of = ("linesPerChunk", "chunks")

    lines_per_chunk: _Count | None = None
    """How many lines a chunk has; the last may have fewer."""
    chunks: _Count | None = None
    """How many chunks, with as many lines each. The source is read twice."""
    header_lines: Annotated[int, Field(ge=0, le=1000)] = 0
    """Lines at the beginning of each file that are repeated in each chunk."""


class Bytes(Params):
    bytes_per_chunk: Annotated[_Count, BeforeValidator(_bytes, json_schema_input_type=int | str)]
    """How many bytes a chunk has, or with a unit, `64m`; the last may have fewer."""


class JsonArray(Params):
    one_of = ("itemsPerChunk", "chunks")

    items_per_chunk: _Count | None = None
    """How many items a chunk has, which is an array as well; the last may have fewer."""
    chunks: _Count | None = None
    """How many chunks, with as many items each. The source is read twice."""


class CsvRows(Params):
    one_of = ("rowsPerChunk", "chunks")

    rows_per_chunk: _Count | None = None
    """How many rows a chunk has besides the header; the last may have fewer."""
    chunks: _Count | None = None
    """How many chunks, with as many rows each. The source is read twice."""
    header: bool = True
    """Whether the first row of a file is its header, which is repeated in each chunk."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_delimiter)] = ","
    """What separates fields."""


class Zip(Params):
    name: _FileName = "results.zip"
    """The file that is made."""
    stored: bool = False
    """Put files in as they are, without compression."""


class Concat(Params):
    name: _FileName = "output.bin"
    """The file that is made."""
    files: Annotated[str, Field(min_length=1, max_length=1000)] = "*"
    """Which of the files that chunks have left; `*.txt`."""
    separator: Annotated[str, Field(max_length=1000)] = ""
    """A text between two files."""
    header_lines: Annotated[int, Field(ge=0, le=1000)] = 0
    """Lines at the beginning of each file that only the first keeps."""


class JsonMerge(Params):
    name: _FileName = "output.json"
    """The file that is made."""
    files: Annotated[str, Field(min_length=1, max_length=1000)] = "*"
    """Which of the files that chunks have left; `*.json`."""


class Deliver(Params):
    required: bool = False
    """Fail when there is nothing to deliver."""


BUILTINS: Mapping[Stage, Mapping[str, type[Params]]] = {
    "partition": {
        "passthrough": Params,
        "replicate": Replicate,
        "lines": Lines,
        "bytes": Bytes,
        "files": Params,
        "jsonArray": JsonArray,
        "csvRows": CsvRows,
    },
    "assemble": {"passthrough": Params, "zip": Zip, "concat": Concat, "jsonMerge": JsonMerge},
    "deliver": {"deliver": Deliver},
}


def builtin(stage: Stage, name: str, params: Mapping[str, Any] | None = None) -> Builtin:
    """What a task has; `passthrough` is a program of two stages."""
    return Builtin(name=f"{stage}.{name}", params=dict(params or {}))


def params_schema(stage: Stage, name: str) -> dict[str, Any]:
    """The JSON Schema of the parameters. Raises KeyError for a program that isn't there."""
    return BUILTINS[stage][name].model_json_schema()


def params_problems(
    stage: Stage, name: str, params: Mapping[str, Any]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is wrong, and where in the parameters: the place is empty where it is the name."""
    model = BUILTINS[stage].get(name)
    if model is None:
        known = ", ".join(BUILTINS[stage])
        yield (), f"must be a built-in of this stage: {known}"
        return
    given = {key: value for key, value in params.items() if value is not None}
    try:
        model.model_validate(given)
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False):
            yield each["loc"][:1], _rule(each, model)
    if model.one_of and len(given.keys() & set(model.one_of)) != 1:
        yield (), f"exactly one of {' and '.join(model.one_of)} must be given"


def complete_params(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the program with its defaults, `name` as `builtin` has it. Raises ValueError."""
    stage, _, program = name.partition(".")
    if stage not in get_args(Stage):
        raise ValueError(f"builtin {name!r}: there is no such program")
    for place, rule in params_problems(stage, program, params):  # type: ignore[arg-type]
        field = ".".join(map(str, place))
        raise ValueError(f"{program}: {field + ': ' if field else ''}{rule}")
    model = BUILTINS[stage][program]  # type: ignore[index]
    given = {key: value for key, value in params.items() if value is not None}
    return model.model_validate(given).model_dump(by_alias=True)


def _rule(detail: ErrorDetails, model: type[Params]) -> str:
    if detail["type"] == "extra_forbidden":
        known = ", ".join(field.alias or name for name, field in model.model_fields.items())
        return f"must not be given: the program has {known or 'no parameters'}"
    return "must be given" if detail["type"] == "missing" else rule_of(detail)
