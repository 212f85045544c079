"""/examples: job files to begin with."""

from aiohttp import web

from services.coordinator.api.errors import NotFound
from services.coordinator.api.replies import Answer, reply
from services.coordinator.api.route import Route, RouteGroup, response
from shared.jobspec.templates import Template, templates

_GROUP = RouteGroup(
    group="jobs",
    tag="jobs",
    path_meanings={"name": "The example's name."},
    missing="There is no such example.",
)


class Example(Answer):
    """A job file that can be submitted."""

    name: str
    """As in its address."""
    description: str
    """What it shows."""
    scheduled: bool | None = None
    """It has a `schedule`, and is submitted to `POST /scheduled-jobs`."""


class WholeExample(Example):
    text: str
    """The file, in YAML."""


@_GROUP.route(
    "GET /examples", "List example jobs", response("All of them, by their names.", list[Example])
)
async def list_examples(_: web.Request) -> web.Response:
    return reply([Example(**_fields(each)) for each in templates().values()])


@_GROUP.route("GET /examples/{name}", "Show an example job", response("The file.", WholeExample))
async def get_example(request: web.Request) -> web.Response:
    template = templates().get(request.match_info["name"])
    if template is None:
        raise NotFound("no such example")
    return reply(WholeExample(**_fields(template), text=template.text))


def _fields(template: Template) -> dict[str, object]:
    return {
        "name": template.name,
        "description": template.shows,
        "scheduled": template.is_scheduled or None,
    }


EXAMPLE_ROUTES: tuple[Route, ...] = (list_examples, get_example)
