"""Evaluates what a task says of placement, and checks it: its rules are those of a submission."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from shared.definition import (
    Amount,
    Constraint,
    Placement,
    Preference,
    Resources,
    TaskDefinition,
    Wasm,
    changed,
)
from shared.definition.quantities import parse_cpus, parse_memory
from shared.expressions import has_expression
from shared.jobspec.fields import check_cpus, check_memory
from shared.jobspec.file_rules import check_target
from shared.jobspec.limits import MAX_EXECUTIONS, MAX_GPUS
from shared.placement import constraint_problems

_Text = Callable[[str, str], str]
"""Gives the text of a template; the first names the field."""
_DIGITS = 9


def placement_templates(task: TaskDefinition) -> Iterator[str]:
    """Every text of it that is evaluated."""
    if (placement := task.placement) is not None:
        yield str(placement.count)
        for constraint in _constraints(placement):
            yield from constraint.values
        for resources in filter(None, (placement.resources, placement.node)):
            yield str(resources.gpus)
            amounts = (resources.cpus, resources.memory, resources.disk)
            yield from (amount.text for amount in amounts if amount is not None)
    if (wasm := task.wasm) is not None:
        yield wasm.module
        yield from wasm.imports.values()


def _constraints(placement: Placement) -> Iterator[Constraint]:
    yield from placement.constraints
    for preference in placement.prefer:
        yield from preference.constraints


def rendered_placement(placement: Placement, text: _Text) -> Placement:
    """Raises ValueError with the field and its rule, as all of these do."""
    return changed(
        placement,
        count=_number("placement.count", placement.count, MAX_EXECUTIONS, text),
        constraints=_rendered_constraints("placement", placement.constraints, text),
        prefer=tuple(
            _rendered_preference(f"placement.prefer[{n}]", preference, text)
            for n, preference in enumerate(placement.prefer)
        ),
        resources=placement.resources and _rendered_resources(placement.resources, text),
        node=placement.node and _rendered_resources(placement.node, text),
    )


def rendered_wasm(wasm: Wasm, text: _Text) -> Wasm:
    imports = {
        name: _path(f"wasm.imports.{name}", path, text) for name, path in wasm.imports.items()
    }
    return changed(wasm, module=_path("wasm.module", wasm.module, text), imports=imports)


def _path(field: str, template: str, text: _Text) -> str:
    path = text(field, template)
    try:
        check_target(path)
    except ValueError as error:  # with its field
        raise ValueError(f"{field}: {error}") from None
    return path


def _number(field: str, given: int | str, most: int, text: _Text) -> int:
    if isinstance(given, int):
        return given
    found = text(field, given).strip()
    if not found.isascii() or not found.isdigit() or len(found) > _DIGITS or int(found) > most:
        raise ValueError(f"{field}: must give a whole number from 0 to {most:,}")
    return int(found)


def _rendered_constraints(
    place: str, constraints: Iterable[Constraint], text: _Text
) -> tuple[Constraint, ...]:
    return tuple(
        _rendered_constraint(f"{place}.constraints[{n}]", constraint, text)
        for n, constraint in enumerate(constraints)
    )


def _rendered_constraint(place: str, constraint: Constraint, text: _Text) -> Constraint:
    if not any(map(has_expression, constraint.values)):
        return constraint
    values = tuple(
        text(f"{place}.values[{n}]", template) for n, template in enumerate(constraint.values)
    )
    for problem in constraint_problems(constraint.key, constraint.operator, values):
        raise ValueError(f"{place}.{problem.field}: {problem.message}")
    return changed(constraint, values=values)


def _rendered_preference(place: str, preference: Preference, text: _Text) -> Preference:
    return changed(
        preference, constraints=_rendered_constraints(place, preference.constraints, text)
    )


_CHECKS: Mapping[str, Callable[[str], object]] = {
    "cpus": check_cpus,
    "memory": check_memory,
    "disk": parse_memory,
}


def _rendered_resources(resources: Resources, text: _Text) -> Resources:
    amounts = {name: _amount(name, getattr(resources, name), text) for name in _CHECKS}
    gpus = _number("placement.resources.gpus", resources.gpus, MAX_GPUS, text)
    return changed(resources, gpus=gpus, **amounts)


def _amount(name: str, amount: Amount | None, text: _Text) -> Amount | None:
    if amount is None or not has_expression(amount.text):
        return amount
    field = f"placement.resources.{name}"
    found = text(field, amount.text).strip()
    try:
        _CHECKS[name](found)
    except ValueError as error:  # with its field
        raise ValueError(f"{field}: {error}") from None
    return Amount(parse_cpus(found) if name == "cpus" else parse_memory(found), found)
