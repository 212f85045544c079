"""The messages that each released version wrote, as files; `make record-messages` adds this one's.

In a version's directory: a file for each message as it was on the wire, `least-…` with nothing but
what must be there, what a worker read in each `run_task` (`….spec`), and the schema by which that
version reads.
"""

import json
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from services.worker.definition import Definitions
from services.worker.settings import WorkSettings
from shared.messages import Message, RunTask, decode, encode
from shared.process.sealing import Sealer
from tests.support.sample_messages import SAMPLES, SEALING_KEY

DIRECTORY = Path(__file__).parent.parent / "contract" / "messages"
SCHEMA = "schema.json"
_PROJECT = Path(__file__).parent.parent.parent / "pyproject.toml"


def this_version() -> str:
    return str(tomllib.loads(_PROJECT.read_text())["project"]["version"])


def versions() -> list[str]:
    return sorted(path.name for path in DIRECTORY.iterdir() if path.is_dir())


def bodies(version: str) -> dict[str, bytes]:
    """The messages of a version, by name."""
    files = (DIRECTORY / version).glob("*.json")
    return {
        file.stem: file.read_bytes()
        for file in files
        if file.name != SCHEMA and not file.stem.endswith(".spec")
    }


def spec_of(version: str, name: str) -> Any:
    """What a worker of that version read in a `run_task`."""
    return json.loads((DIRECTORY / version / f"{name}.spec.json").read_text())


def schema_of(version: str) -> Any:
    return json.loads((DIRECTORY / version / SCHEMA).read_text())


def as_written_now() -> dict[str, bytes]:
    """All files of this version, by name."""
    files = {f"{name}.json": encode(message) for name, message in SAMPLES.items()}
    files |= {f"least-{name}.json": _least(message) for name, message in SAMPLES.items()}
    for name, message in SAMPLES.items():
        if isinstance(message, RunTask):
            files[f"{name}.spec.json"] = _json(read_by_worker(encode(message)))
    files[SCHEMA] = _json(TypeAdapter(Message).json_schema())
    return files


def read_by_worker(body: bytes) -> dict[str, Any]:
    order = decode(body)
    assert isinstance(order, RunTask)
    definitions = Definitions(WorkSettings(), Sealer([SEALING_KEY]), "node")
    unsealed = definitions.read(order)
    hidden = unsealed.redactor.text("hunter2-hunter2")
    return asdict(unsealed.spec) | {"timeout": unsealed.timeout_seconds, "hidden": hidden}


def lost_facts(recorded: Any, read: Any, place: str = "") -> Iterator[str]:
    """Where `read` does not say what `recorded` says; that it says more is fine."""
    match recorded, read:
        case dict(), dict():
            for key, value in recorded.items():
                if key in read:
                    yield from lost_facts(value, read[key], f"{place}.{key}")
                else:
                    yield f"{place}.{key} is gone"
        case list(), list() if len(recorded) == len(read):
            for number, (one, other) in enumerate(zip(recorded, read, strict=True)):
                yield from lost_facts(one, other, f"{place}[{number}]")
        case _:
            if (type(recorded), recorded) != (type(read), read):
                yield f"{place} was {recorded!r}, is read as {read!r}"


def _least(message: BaseModel) -> bytes:
    least = json.loads(message.model_dump_json(exclude_defaults=True))
    whole = json.loads(encode(message))
    return _json({"kind": whole["kind"], "v": whole["v"], **least})


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"


if __name__ == "__main__":
    directory = DIRECTORY / this_version()
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for file, contents in as_written_now().items():
        (directory / file).write_bytes(contents)
