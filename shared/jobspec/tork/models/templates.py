"""Stored jobs: what they are called, and which inputs they ask for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, model_validator

from shared.jobspec import fields as f
from shared.jobspec.json_schema import BadSchema, JsonSchema
from shared.jobspec.plain_scalar import as_json, as_number
from shared.jobspec.problems import Breach, Place, refuse
from shared.jobspec.tags import NAME_PATTERN, VERSION_PATTERN, check_name, parse_tag, parse_version
from shared.jobspec.template_values import KIND, ORDER, typed
from shared.jobspec.tork.models.files import Uploads
from shared.jobspec.tork.models.jobs import SubmittedJob
from shared.jobspec.tork.models.policies import Spec
from shared.jobspec.tork.models.schedules import Schedule

InputType = Literal["string", "integer", "number", "boolean", "array", "object", "file", "secret"]

_MOST_INPUTS = 100
_OURS: tuple[InputType, ...] = ("file", "secret")
_WITHOUT_DEFAULT: Mapping[InputType, str] = {
    "file": "a file has none: it is sent with each run",
    "secret": "a secret has none: whoever reads it would know it",
}


def _checked_version(text: str) -> str:
    parse_version(text)
    return text


def _number(value: object) -> object:
    """As one rule: a union would tell one for each of its types."""
    number = as_number(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError("must be a number")
    return number


_Name = Annotated[
    str, AfterValidator(check_name), Field(json_schema_extra={"pattern": NAME_PATTERN})
]
_Version = Annotated[
    str,
    AfterValidator(_checked_version),
    Field(json_schema_extra={"pattern": VERSION_PATTERN, "examples": ["1.0"]}),
]
_Count = Annotated[int, Field(ge=0), BeforeValidator(as_number)]
_Number = Annotated[float | int, BeforeValidator(_number)]
_Json = Annotated[JsonValue, BeforeValidator(as_json)]
_Schema = Annotated[dict[str, JsonValue], BeforeValidator(as_json)]


class TemplateInput(Spec):
    """One input: its type, its default and its rules, in the words of JSON Schema."""

    type: InputType | None = None
    """`file` asks for an upload, which `sources` have as `upload`; `secret` for a text that
    expressions read as `secrets.` and the name. Default: `string`."""
    title: f.ShortText | None = None
    """What forms call it. Default: its name."""
    description: f.Description | None = None
    """What forms show below it."""
    default: JsonValue | None = None
    """Its value where none is given. An input without one must be given."""
    required: f.Flag | None = None
    """`false`: it may be left out though it has no default; `inputs` then lacks it."""
    enum: Annotated[list[JsonValue], Field(min_length=1)] | None = None
    """The values that it may have."""
    minimum: _Number | None = None
    """Of a number: the least."""
    maximum: _Number | None = None
    """Of a number: the most."""
    exclusive_minimum: _Number | None = None
    """Of a number: what it must be more than."""
    exclusive_maximum: _Number | None = None
    """Of a number: what it must be less than."""
    multiple_of: _Number | None = None
    """Of a number: what it must be a multiple of."""
    pattern: str | None = None
    """Of a text: a regular expression that must match somewhere in it."""
    format: f.ShortText | None = None
    """Of a text: `email`, `uri`, `date`, `date-time`, `uuid` and others of JSON Schema."""
    min_length: _Count | None = None
    """Of a text: the least number of characters."""
    max_length: _Count | None = None
    """Of a text: the most characters."""
    min_items: _Count | None = None
    """Of a list: the least number of entries."""
    max_items: _Count | None = None
    """Of a list: the most entries."""
    unique_items: f.Flag | None = None
    """Of a list: no entry may be there twice."""
    items: _Schema | None = None
    """Of a list: the JSON Schema of each entry."""
    properties: _Schema | None = None
    """Of a mapping: the JSON Schemas of its fields."""
    additional_properties: _Json | None = None
    """Of a mapping: the JSON Schema of all other fields; `false`: there may be none."""
    one_of: Annotated[list[JsonValue], BeforeValidator(as_json)] | None = None
    """JSON Schemas, one of which must fit."""

    @property
    def kind(self) -> InputType:
        return self.type or "string"

    @property
    def is_required(self) -> bool:
        return self.default is None and self.required is not False

    def json_schema(self) -> dict[str, Any]:
        """Without what JSON Schema has no word for; defaults and choices of its type."""
        schema = {**self.as_submitted(), "type": "string" if self.kind in _OURS else self.kind}
        schema.pop("required", None)
        if self.default is not None:
            schema["default"] = typed(self.default, self.kind)
        if self.enum is not None:
            schema["enum"] = [typed(value, self.kind) for value in self.enum]
        return schema

    @model_validator(mode="after")
    def _is_a_schema(self) -> "TemplateInput":
        breaches = []
        try:
            schema = JsonSchema(self.json_schema())
        except BadSchema as error:
            refuse([Breach(error.place, str(error))])
        else:
            if self.default is not None:
                default = typed(self.default, self.kind)
                breaches = [
                    Breach(("default",), problem.rule, _single(default, problem.place or ()))
                    for problem in schema.problems(default)
                ]
        if self.kind in _WITHOUT_DEFAULT and self.default is not None:
            breaches = [Breach(("default",), _WITHOUT_DEFAULT[self.kind])]
        refuse([*breaches, *self._crossed_bounds()])
        return self

    def _crossed_bounds(self) -> Iterator[Breach]:
        for lower, least, upper, most in (
            (self.minimum, "minimum", self.maximum, "maximum"),
            (self.min_length, "minLength", self.max_length, "maxLength"),
            (self.min_items, "minItems", self.max_items, "maxItems"),
        ):
            if lower is not None and upper is not None and lower > upper:
                yield Breach((least,), f"must not be more than {most}, {upper}", lower)


def _single(value: Any, place: Place) -> str | int | float | None:  # noqa: ANN401 - JSON
    """What is at `place` in the value; None for a list or a mapping."""
    for part in place:
        try:
            value = value[part]
        except (LookupError, TypeError):  # the rule is that it must be there
            return None
    return value if isinstance(value, str | int | float) else None


def _refuse_long(inputs: Mapping[str, TemplateInput]) -> Mapping[str, TemplateInput]:
    JsonSchema({"properties": {name: one.json_schema() for name, one in inputs.items()}})
    return inputs


class TemplateHead(Spec):
    """What a stored job is called, and which inputs it asks for."""

    name: _Name
    """Letters, digits, `-` and `_`. It belongs to who has pushed it first."""
    version: _Version
    """`major.minor`. Pushed again, the version is replaced; jobs keep what they were made of."""
    description: f.Description | None = None
    """What it is for."""
    inputs: (
        Annotated[
            f.Mapped[f.Key, TemplateInput],
            Field(max_length=_MOST_INPUTS),
            AfterValidator(_refuse_long),
        ]
        | None
    ) = None
    """What it asks for, by name, in the order of forms. Expressions read `inputs.` and the name."""

    def json_schema(self) -> dict[str, JsonValue]:
        """Of all inputs together, as it is stored."""
        inputs = self.inputs or {}
        properties: dict[str, JsonValue] = {
            name: one.json_schema() | ({KIND: one.kind} if one.kind in _OURS else {})
            for name, one in inputs.items()
        }
        return {
            "type": "object",
            "properties": properties,
            "required": [name for name, one in inputs.items() if one.is_required],
            "additionalProperties": False,
            ORDER: list(inputs),
        }


class TemplateSpec(SubmittedJob):
    """A job that is stored, to be run again and again with other inputs."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "wait": "is only for POST /jobs: a stored job runs later",
        "schedule": "is for scheduled jobs: submit a schedule that names the template",
    }

    template: TemplateHead
    """Its name and version, and which inputs it asks for."""

    def asked(self, *kinds: InputType) -> Sequence[str]:
        """The names of the inputs of those types."""
        inputs = self.template.inputs or {}
        return [name for name, one in inputs.items() if one.kind in kinds]

    def asked_inputs(self) -> Sequence[str]:
        """The names of those that expressions read as inputs."""
        return [name for name in self.template.inputs or {} if name not in self.asked(*_OURS)]


class TemplateRun(Spec):
    """What a job is made of a template with."""

    inputs: f.Inputs | None = None
    """Values by name. A text counts as what the input's type reads in it: `"3"` is 3."""
    secrets: dict[f.SecretName, f.Value] | None = None
    """Texts by name: what the template asks for, or has a value of its own for."""
    uploads: Uploads | None = None
    """Ids of uploads by name."""
    name: f.JobName | None = None
    """Of the job. Default: the `name` in the template."""
    version: f.ShortText | None = None
    """`1` or `1.2`: only such a version. Default: the newest that is active."""
    hold: f.Flag | None = None
    """The job waits until it is released."""
    start_at: f.Moment | None = None
    """Nothing of the job begins before."""


def _checked_tag(text: str) -> str:
    parse_tag(text)
    return text


class ScheduledTemplate(Spec):
    """A template whose jobs are started by a schedule."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "tasks": "are those of the template",
        "version": "is a part of the tag: name@1.2",
    }

    template: Annotated[str, AfterValidator(_checked_tag)]
    """Its tag. Each job is made of the newest active version that the tag allows then."""
    inputs: f.Inputs | None = None
    """Values by name."""
    secrets: dict[f.SecretName, f.Value] | None = None
    """Texts by name."""
    uploads: Uploads | None = None
    """Ids of uploads by name."""
    name: f.JobName | None = None
    """Of the jobs. Default: the `name` in the template."""
    schedule: Schedule
    """When jobs are started."""

    def as_run(self) -> TemplateRun:
        tag = parse_tag(self.template)
        version = str(tag).partition("@")[2] or None
        given = {name: getattr(self, name) for name in ("inputs", "secrets", "uploads", "name")}
        return TemplateRun.model_construct(version=version, **given)
