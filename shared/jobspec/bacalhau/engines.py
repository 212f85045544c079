"""The engines: what their parameters are, and which rules these obey."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field

from shared.jobspec.bacalhau.models import Task, read_params
from shared.jobspec.bacalhau.spec import Spec, Text, Texts, entry, key_in
from shared.jobspec.problems import Place, Problem

OWN_VARIABLES = "BACALHAU_"
_NAME = re.compile(r"[^=\s\x00]+")


class Docker(Spec):
    image: Text = ""
    entrypoint: list[Text] = Field(default_factory=list)
    parameters: list[Text] = Field(default_factory=list)
    environment_variables: list[Text] = Field(default_factory=list)
    working_directory: Text = ""
    meta: dict[str, Any] | None = None
    """Their examples have it here. It says nothing."""


class Wasm(Spec):
    entry_module: Text = ""
    entrypoint: Text = ""
    parameters: list[Text] = Field(default_factory=list)
    environment_variables: Texts = Field(default_factory=dict)
    import_modules: list[Text] = Field(default_factory=list)

    @property
    def modules(self) -> list[str]:
        return [self.entry_module, *self.import_modules]


ENGINES: Mapping[str, type[Docker] | type[Wasm]] = {"docker": Docker, "wasm": Wasm}


def engine_of(task: Task) -> Docker | Wasm:
    """Of a task that is valid."""
    return ENGINES[task.engine.type].model_validate(task.engine.params)


def variable(assignment: str) -> tuple[str, str]:
    """`NAME=value`; spaces around the sign are none of either, as in `NAME = value`."""
    name, _, value = assignment.partition("=")
    return (name.strip(), value.strip()) if name != name.rstrip() else (name, value)


def docker_problems(docker: Docker, place: Place) -> Iterator[Problem]:
    if not docker.image.strip():
        yield _broken("'Image' cannot be empty", (*place, "Image"))
    if docker.working_directory and not docker.working_directory.startswith("/"):
        told = f'"{docker.working_directory}"'
        rule = f"'WorkingDirectory' ({told}) must contain absolute path"
        yield _broken(rule, (*place, "WorkingDirectory"))
    for index, assignment in enumerate(docker.environment_variables):
        at = (*place, "EnvironmentVariables", index)
        name, _ = variable(assignment)
        if name.upper().startswith(OWN_VARIABLES):
            yield _broken(f"environment variable '{name}' cannot start with {OWN_VARIABLES}", at)
        elif "=" not in assignment or not _NAME.fullmatch(name):
            yield _broken("each of 'EnvironmentVariables' must be NAME=VALUE", at)


def wasm_problems(wasm: Wasm, task: Task, place: Place) -> Iterator[Problem]:
    targets = {source.target.strip() for source in task.input_sources}
    if not wasm.entry_module:
        rule = "invalid wasm engine param: 'EntryModule' cannot be empty"
        yield Problem("", rule, place=(*place, "EntryModule"))
    for at, module in enumerate(wasm.modules):
        if module and module not in targets:
            field: Place = ("ImportModules", at - 1) if at else ("EntryModule",)
            rule = (
                f"invalid wasm engine param: '{field[0]}' \"{module}\" "
                "must be the Target of an input source"
            )
            yield Problem("", rule, place=(*place, *field))


def engine_problems(task: Task, place: Place) -> Iterator[Problem]:
    """Of the engine of a task, which is at `place`."""
    engine, problems = read_params(task.engine, ENGINES, place, "invalid engine")
    yield from problems
    below = (*place, "Params")
    if isinstance(engine, Docker):
        yield from docker_problems(engine, below)
    elif engine is not None:
        yield from wasm_problems(engine, task, below)


def _broken(rule: str, place: Place) -> Problem:
    return Problem("", f"invalid docker engine param: {rule}", place=place)


def without_legacy_modules(tree: object) -> object:
    """`tree`, a job, with the modules of its WASM tasks among the input sources: once they stood in
    the parameters, as input sources themselves."""
    tasks = entry(tree, "Tasks")
    if not isinstance(tree, dict) or not isinstance(tasks, list):
        return tree
    key = key_in(tree, "Tasks")
    return {**tree, str(key): [_modern(task) for task in tasks]}


def _modern(task: object) -> object:
    engine = entry(task, "Engine")
    params = entry(engine, "Params")
    if str(entry(engine, "Type")).lower() != "wasm" or not isinstance(params, dict):
        return task
    moved: list[object] = []

    def target(module: object, default: str) -> object:
        if not isinstance(module, dict):
            return module
        place = entry(module, "Target") or default
        moved.append({**_without(module, "Target"), "Target": place})
        return place

    new = dict(params)
    if (key := key_in(params, "EntryModule")) is not None:
        new[key] = target(params[key], "/wasm/entry.wasm")
    key = key_in(params, "ImportModules")
    if key is not None and isinstance(params[key], list):
        new[key] = [
            target(module, f"/wasm/imports/module_{at}.wasm")
            for at, module in enumerate(params[key])
        ]
    if not moved or not isinstance(task, dict):
        return task
    sources = [*(entry(task, "InputSources") or []), *moved]
    return {
        **_without(_without(task, "Engine"), "InputSources"),
        "Engine": {**_without(engine, "Params"), "Params": new},
        "InputSources": sources,
    }


def _without(tree: Mapping[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in tree.items() if key.lower() != name.lower()}
