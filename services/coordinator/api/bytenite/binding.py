"""What a job runs: its template, and the app and engines that the template names, by their tags."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.bytenite.error_form import coded
from services.coordinator.api.errors import Conflict
from services.coordinator.api.requests import ports
from services.coordinator.store.rows import shown_user
from services.coordinator.store.templates import Kind, Registered, resolve
from shared.jobspec.bytenite.building_blocks import App, Engine, Template
from shared.jobspec.bytenite.compilation import Bound
from shared.jobspec.bytenite.form import Form, Tree
from shared.jobspec.partition.builtins import BUILTINS
from shared.jobspec.problems import InvalidJob, Problem
from shared.jobspec.tags import parse_tag

M = TypeVar("M", bound=Form)
_BUILTINS = {"partitioner": BUILTINS["partition"], "assembler": BUILTINS["assemble"]}


@dataclass(frozen=True, slots=True)
class Binding:
    """`info` is what is shown of it, `schemas` are those of the parameters of what is registered,
    by their names in `params`."""

    template: Template
    bound: Bound
    info: Tree
    schemas: dict[str, Tree] = field(default_factory=dict)


async def bind(request: web.Request, template_id: str, *, is_run: bool) -> Binding:
    """Raises InvalidJob, and Conflict where something is to run that is not active."""
    finder = _Finder(request)
    found = await finder.find("template", template_id, "templateId")
    if found is None:
        raise InvalidJob(finder.problems)
    template = Template.model_validate(finder.document(found))
    app, *engines = await finder.named_by(template, "templateId.")
    if finder.problems or not isinstance(app, Registered):
        raise InvalidJob(finder.problems)
    if is_run:
        finder.require_active()
    partitioner, assembler = (finder.opened(engine, Engine) for engine in engines)
    bound = Bound(
        app=App.model_validate(finder.document(app)),
        app_tag=app.tag,
        partitioner=partitioner,
        assembler=assembler,
    )
    tags = [engine if isinstance(engine, str) else engine.tag for engine in engines if engine]
    names = ("app", "partitioner", "assembler")
    return Binding(
        template=template,
        bound=bound,
        info={
            "id": found.tag,
            "description": found.description or None,
            "owner": shown_user(found.owner)["username"],
            **dict(zip(names, [app.tag, *tags], strict=True)),
        },
        schemas=dict(_schemas(names, [app, *engines])),
    )


async def missing_parts(request: web.Request, template: Template) -> Sequence[Problem]:
    """What the template names and the request finds none of."""
    finder = _Finder(request)
    await finder.named_by(template)
    return finder.problems


def _schemas(
    names: Sequence[str], found: Sequence[Registered | str | None]
) -> Iterator[tuple[str, Tree]]:
    for name, one in zip(names, found, strict=True):
        if isinstance(one, Registered) and one.schema:
            yield name, one.schema


class _Finder:
    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._found: list[Registered] = []
        self.problems: list[Problem] = []

    async def find(self, kind: Kind, tag: str, place: str) -> Registered | None:
        readers = principal(self._request).readers
        try:
            found = await ports(self._request).run(resolve, kind, parse_tag(tag), readers)
        except ValueError as error:  # the mistake of who has registered it
            self.problems.append(Problem(place, str(error), repr(tag)))
            return None
        if found is None:
            self.problems.append(Problem(place, f"there is no such {kind}", repr(tag)))
        else:
            self._found.append(found)
        return found

    async def named_by(
        self, template: Template, within: str = ""
    ) -> Sequence[Registered | str | None]:
        """Its app, partitioner and assembler."""
        return [
            await self.find("app", template.app, f"{within}app") if template.app else None,
            await self._engine("partitioner", template.partitioner, within),
            await self._engine("assembler", template.assembler, within),
        ]

    async def _engine(
        self, kind: Literal["partitioner", "assembler"], tag: str, within: str
    ) -> Registered | str | None:
        """One that comes with every worker is its name."""
        if tag in _BUILTINS[kind]:
            return tag
        return await self.find("engine", tag, f"{within}{kind}")

    def opened(self, found: Registered | str | None, model: type[M]) -> M | str:
        if found is None or isinstance(found, str):
            return found or ""
        return model.model_validate(self.document(found))

    def document(self, found: Registered) -> Tree:
        """With what is secret of it."""
        if found.sealed is None:
            return dict(found.document)
        return dict(ports(self._request).sealer.unseal(found.sealed))

    def require_active(self) -> None:
        for one in self._found:
            if not one.is_active:
                refusal = Conflict(f"{one.kind} {one.tag} is not active: activate it to run it")
                raise coded(self._request, "app_inactive", refusal)
