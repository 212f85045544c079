"""What is drawn of the Python client is as the API and the asyncio client are now."""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

from services.coordinator.api.routes import ROUTES
from tests.support.drawn_client import PACKAGE, draw


def texts(package: Path) -> dict[str, str]:
    drawn = [package / "models.py", *sorted((package / "_sync").glob("*.py"))]
    return {str(path.relative_to(package)): path.read_text() for path in drawn}


def test_the_models_and_the_blocking_client_are_up_to_date(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE / "_async", tmp_path / "_async")

    draw(tmp_path)

    assert texts(tmp_path) == texts(PACKAGE), "run make sdk"


def asked_for(module: Path) -> Iterator[str]:
    """The routes that calls in `module` name: a method and a path, or the path of a stream."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call):
            words = [a.value for a in node.args if isinstance(a, ast.Constant)]
            paths = [word for word in words if isinstance(word, str) and word.startswith("/")]
            methods = [word for word in words if word in ("POST", "PUT", "PATCH", "DELETE")]
            yield from (f"{(methods or ['GET'])[0]} {path}" for path in paths)


def test_each_route_of_the_api_has_a_method() -> None:
    asked = {route for path in (PACKAGE / "_async").glob("*.py") for route in asked_for(path)}
    # Links to objects are made and used by services; APIs of others have clients of their own.
    foreign = ("objects", "bacalhau", "bytenite", "arvados")
    routes = [route for route in ROUTES if route.group not in foreign]

    assert {f"{route.method} {route.path}" for route in routes} - asked == set()
