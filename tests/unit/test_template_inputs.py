"""The inputs that a stored job asks for: how they are declared, typed, and refused."""

from typing import Any

import pytest

from shared.jobspec.json_schema import BadSchema, JsonSchema
from shared.jobspec.problems import InvalidJob
from shared.jobspec.template_values import Given, declared, values_of
from shared.jobspec.tork.models import TemplateSpec
from shared.jobspec.tork.parsing import parse_job, parse_template

THUMBS = b"""
template:
  name: thumbs
  version: 1.10
  inputs:
    width: {type: integer, default: 160, minimum: 16, maximum: 4096}
    format: {enum: [png, jpg], default: png}
    names: {type: array, items: {type: string}, default: [a, b]}
    picture: {type: file}
    token: {type: secret, required: false}
    note: {required: false, pattern: "^[a-z]+$"}
    quick: {type: boolean, default: true}
name: thumbs
tasks:
  - name: a
    sources: [{upload: picture, target: /in}]
    env: {W: "{{ inputs.width }}", T: "{{ secrets.token }}"}
    run: echo $W
"""
NOTHING = Given({}, {}, {})


def template(text: bytes = THUMBS) -> TemplateSpec:
    return parse_template(text, "text/yaml")


def values(inputs: dict[str, Any], *, picture: str = "upload") -> dict[str, Any]:
    schema = template().template.json_schema()
    return values_of(schema, Given(inputs, {}, {"picture": picture}), NOTHING)


def refused(schema: dict[str, Any], given: Given) -> list[str]:
    with pytest.raises(InvalidJob) as error:
        values_of(schema, given, NOTHING)
    return [str(problem) for problem in error.value.problems]


def test_inputs_have_their_defaults_and_single_values_are_texts_as_they_are_spelled() -> None:
    assert template().template.version == "1.10"
    assert not template().warnings
    assert values({}) == {"width": "160", "format": "png", "names": ["a", "b"], "quick": "true"}
    given = {"width": "0320", "names": '["x"]', "quick": "False", "note": "abc"}
    assert values(given) == {
        "width": "0320",
        "format": "png",
        "names": ["x"],
        "quick": "false",
        "note": "abc",
    }


def test_all_that_is_wrong_with_inputs_is_told_at_once_by_name_value_and_rule() -> None:
    given = Given(
        {"width": "3", "format": "gif", "names": ["a", 1], "wdith": "1", "picture": "x"},
        {"foo": "1"},
        {},
    )
    assert refused(template().template.json_schema(), given) == [
        "inputs.wdith: the template has no such input, did you mean 'width'?",
        "inputs.picture: the template asks for it in `uploads`",
        "secrets.foo: the template has no such input: it has token",
        "uploads.picture: is required",
        "inputs.width: 3 is not allowed: must be at least 16",
        'inputs.format: "gif" is not allowed: must be one of png, jpg',
        "inputs.names[1]: 1 is not allowed: must be text",
    ]
    wrong = Given({"width": "1.5", "quick": "maybe", "note": "A"}, {}, {"picture": "1"})
    assert refused(template().template.json_schema(), wrong) == [
        'inputs.width: "1.5" is not allowed: must be a whole number',
        'inputs.note: "A" is not allowed: must match ^[a-z]+$',
        'inputs.quick: "maybe" is not allowed: must be true or false',
    ]


def test_what_is_stored_of_inputs_can_be_pushed_again() -> None:
    schema = template().template.json_schema()
    again = declared(schema)
    assert list(again) == ["width", "format", "names", "picture", "token", "note", "quick"]
    assert again["picture"] == {"type": "file"}
    assert again["note"]["required"] is False


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"default: 160", b"default: 7", "template.inputs.width.default: 7 is not allowed: "),
        (b"default: 160", b"default: big", 'template.inputs.width.default: "big" is not allowed: '),
        (
            b"default: [a, b]",
            b"default: [a, {}]",
            "template.inputs.names.default: must be text",
        ),
        (
            b"minimum: 16",
            b"minimum: low",
            'inputs.width.minimum: "low" is not allowed: must be a numb',
        ),
        (
            b"minimum: 16",
            b"minimum: 5000",
            "minimum: 5000 is not allowed: must not be more than max",
        ),
        (b"{type: file}", b"{type: file, default: x}", "picture.default: a file has none"),
        (b"name: thumbs\n  ", b"name: t s\n  ", "letters, digits, - and _ (line 3"),
        (b"1.10", b"1", "must be two whole numbers with a dot, such as 1.0"),
        (b"minimum: 16", b"minimun: 16", "unknown field, did you mean 'minimum'?"),
        (b"enum: [png, jpg]", b"pattern: '('", "template.inputs.format.pattern: "),
        (b"{type: string}", b"{type: text}", "template.inputs.names.items.type: "),
        (b"upload: picture", b"upload: pict", "did you mean 'picture'?"),
        (b"required: false}", b"default: x}", "token.default: "),
    ],
)
def test_what_is_wrong_with_a_template_is_told_at_its_place(
    old: bytes, new: bytes, message: str
) -> None:
    with pytest.raises(InvalidJob) as error:
        template(THUMBS.replace(old, new, 1))
    assert message in str(error.value)


def test_an_expression_that_reads_an_input_that_is_not_asked_for_is_warned_of() -> None:
    warned = template(THUMBS.replace(b"inputs.width", b"inputs.widht")).warnings
    assert "did you mean inputs.width?" in warned[0].rule


def test_a_template_is_not_submitted_as_a_job() -> None:
    with pytest.raises(InvalidJob, match="conveyor templates push"):
        parse_job(THUMBS, "text/yaml")


def test_a_schema_is_bounded_and_fetches_nothing() -> None:
    loop = {"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"}
    wide = {"allOf": [{"$ref": "#/$defs/0"}] * 2, "$defs": {str(n): {"allOf": [
        {"$ref": f"#/$defs/{n + 1}"}, {"$ref": f"#/$defs/{n + 1}"}]} for n in range(30)}
        | {"30": {}}}  # fmt: skip
    for schema, rule in (
        ({"$ref": "http://127.0.0.1:9/x"}, "must be a reference within the schema"),
        ({"$ref": "#/$defs/x"}, "does not exist"),
        (loop, "leads back to itself"),
        (wide, "more than 2000 parts"),
        ({"description": "x" * 70_000}, "longer than"),
        ({"$id": "http://x/"}, "not supported"),
    ):
        with pytest.raises(BadSchema, match=rule):
            JsonSchema(schema)
    slow = JsonSchema({"type": "string", "pattern": "^(a+)+$"})
    assert slow.problems("a" * 50_000 + "b")[0].rule == "must match ^(a+)+$"
