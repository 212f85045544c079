"""Services of this version and of any released before work side by side: what each writes, the
other reads with the same meaning.

A test here fails when a field is removed, renamed, retyped or made required. Then the change is
one to make in another way: a new field with a default, or a new kind of message.
"""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from pydantic import BaseModel

from shared.messages import UndecodableMessage, decode, encode
from tests.support import recorded_messages as recorded
from tests.support.recorded_messages import lost_facts
from tests.support.sample_messages import SAMPLES

RECORDED = [(v, name) for v in recorded.versions() for name in sorted(recorded.bodies(v))]
RUN_TASKS = [(v, name) for v, name in RECORDED if name.startswith("run_task")]

SENT_TO_THOSE_WHO_KNOW_IT: frozenset[str] = frozenset()
"""Kinds that came later, and are sent only to services that have shown that they know them."""


@pytest.mark.parametrize(("version", "name"), RECORDED)
def test_every_fact_of_a_recorded_message_is_still_read(version: str, name: str) -> None:
    body = recorded.bodies(version)[name]
    read = encode(decode(body))
    assert list(lost_facts(json.loads(body), json.loads(read))) == []


@pytest.mark.parametrize(("version", "name"), RUN_TASKS)
def test_a_worker_still_reads_the_same_task_in_a_recorded_message(version: str, name: str) -> None:
    read = json.loads(json.dumps(recorded.read_by_worker(recorded.bodies(version)[name])))
    assert list(lost_facts(recorded.spec_of(version, name), read)) == []


@pytest.mark.parametrize("version", recorded.versions())
@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_written_now_is_read_by_each_version(version: str, name: str) -> None:
    schema = recorded.schema_of(version)
    message = json.loads(encode(SAMPLES[name]))
    if message["kind"] not in schema["discriminator"]["mapping"]:
        assert message["kind"] in SENT_TO_THOSE_WHO_KNOW_IT
        return
    jsonschema_rs.validator_for(schema).validate(message)


def test_the_messages_of_this_version_are_recorded() -> None:
    written = {file: json.loads(text) for file, text in recorded.as_written_now().items()}
    directory = recorded.DIRECTORY / recorded.this_version()
    files = {file.name: json.loads(file.read_text()) for file in directory.glob("*.json")}
    assert files == written, "as long as this version is not released: make record-messages"


def test_every_field_of_every_message_is_filled_in_a_recorded_one() -> None:
    filled: dict[type[BaseModel], set[str]] = {}
    for part in (part for message in SAMPLES.values() for part in _parts(message)):
        told = {name for name, field in type(part).model_fields.items() if _differs(part, name)}
        filled.setdefault(type(part), set()).update(told)
    missing = {
        model.__name__: empty
        for model, told in filled.items()
        if (empty := model.model_fields.keys() - told - {"v", "kind"})
    }
    assert missing == {}


@pytest.mark.parametrize("name", SAMPLES)
def test_what_a_newer_version_adds_is_passed_over(name: str) -> None:
    body = encode(SAMPLES[name])
    newer = json.dumps(_with_news(json.loads(body))).encode()
    read = decode(newer)
    if name.startswith("run_task"):
        assert recorded.read_by_worker(newer) == recorded.read_by_worker(body)
    else:
        assert read == SAMPLES[name]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"v": 2}, r"\.v: .*1"),
        ({"kind": "invented"}, "invented.*does not match any of the expected tags"),
        ({"kind": None}, "tag"),
    ],
)
def test_a_newer_version_or_kind_is_refused_with_its_reason(
    change: dict[str, Any], reason: str
) -> None:
    for sample in SAMPLES.values():
        with pytest.raises(UndecodableMessage, match=reason):
            decode(json.dumps(json.loads(encode(sample)) | change).encode())


FACTS = {"a": 1, "b": [{"c": "x"}, None]}


@pytest.mark.parametrize(
    ("read", "lost"),
    [
        (FACTS | {"more": 1}, []),
        ({"b": FACTS["b"]}, [".a is gone"]),
        (FACTS | {"a": "1"}, [".a was 1, is read as '1'"]),
        (FACTS | {"a": True}, [".a was 1, is read as True"]),
        (FACTS | {"b": [{}, None]}, [".b[0].c is gone"]),
    ],
)
def test_a_fact_that_is_lost_is_seen(read: object, lost: list[str]) -> None:
    assert list(lost_facts(FACTS, read)) == lost


def _parts(value: object) -> Iterator[BaseModel]:
    match value:
        case BaseModel():
            yield value
            for name in type(value).model_fields:
                yield from _parts(getattr(value, name))
        case list():
            for item in value:
                yield from _parts(item)


def _differs(part: BaseModel, name: str) -> bool:
    field = type(part).model_fields[name]
    return field.is_required() or getattr(part, name) != field.get_default(
        call_default_factory=True
    )


_FREE = ("env", "files", "opts", "labels", "capacity", "resources", "phases")
"""Whose names are no fields of ours."""


def _with_news(value: object, key: str = "") -> object:
    match value:
        case dict():
            inner = {name: _with_news(item, name) for name, item in value.items()}
            return inner if key in _FREE else inner | {"added_later": {"some": "thing"}}
        case list():
            return [_with_news(item) for item in value]
        case _:
            return value
