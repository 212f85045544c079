"""What people type for an id: all of it, its beginning, or a name."""

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from cli.views import Json, items_of
from conveyor import AsyncClient, NotFound

LARGEST_PAGE = 20
SHORT = 8
"""Characters of an id that lists show, unless two jobs share them."""

_WHOLE = re.compile("[0-9a-f]{32}")
_NOT_FOUND = 404
_NO_JOB = "no job has"

Resolve = Callable[[AsyncClient, str], Awaitable[str]]


_OF_BACALHAU = re.compile("j-([0-9a-f]{8}[0-9a-f-]{0,28})")


def row_id(text: str) -> str:
    """The id of a job of Bacalhau, or its beginning, as all other jobs have theirs; anything else
    as it is."""
    found = _OF_BACALHAU.fullmatch(text)
    return found[1].replace("-", "") if found else text


async def job_id(api: AsyncClient, text: str) -> str:
    """The id of the job that `text` stands for. Raises NotFound when there is none, or several.

    A server that can't look it up (Tork) gets the text as it is.
    """
    text = row_id(text)
    if _WHOLE.fullmatch(text):
        return text
    if not text:
        return _the_one([], text, "job")
    try:
        return str((await api.request("GET", "/jobs/{id}/summary", id=text))["id"])
    except NotFound as error:
        if _NO_JOB in str(error):
            raise
        return text


async def schedule_id(api: AsyncClient, text: str) -> str:
    return await _listed(text, "scheduled job", partial(_page, api, "/scheduled-jobs"))


async def key_id(api: AsyncClient, text: str) -> str:
    async def keys(page: int) -> object:
        return await api.request("GET", "/keys") if page == 1 else []

    return await _listed(text, "key", keys)


async def letter_id(api: AsyncClient, text: str) -> str:
    return await _listed(text, "dead letter", partial(_page, api, "/dead-letters"))


async def endpoint_id(api: AsyncClient, text: str) -> str:
    """A webhook endpoint is called by its description."""

    async def endpoints(page: int) -> object:
        found = items_of(await _page(api, "/webhooks", page))
        return [{**endpoint, "name": endpoint.get("description", "")} for endpoint in found]

    return await _listed(text, "webhook endpoint", endpoints, called="description")


async def _page(api: AsyncClient, path: str, number: int) -> object:
    return await api.request("GET", path, query={"page": number, "size": LARGEST_PAGE})


async def _listed(
    text: str,
    what: str,
    page_of: Callable[[int], Awaitable[object]],
    *,
    called: str = "name",
) -> str:
    """Of things that are few: from their list."""
    if _WHOLE.fullmatch(text):
        return text
    found: list[Json] = []
    number = 1
    while items := items_of(await page_of(number)):
        found += [item for item in items if matches(item, text)]
        number += 1
        if len(items) < LARGEST_PAGE:
            break
    exact = [item for item in found if item["id"] == text]
    return _the_one(exact or found, text, what, called)


def matches(item: Json, text: str) -> bool:
    if not text:  # as of a variable that is not set: everything begins so
        return False
    return item["id"].startswith(text) or item.get("name") == text


def _the_one(found: list[Json], text: str, what: str, called: str = "name") -> str:
    if len(found) == 1:
        return str(found[0]["id"])
    if not found:
        raise NotFound(f"no {what} has the id or {called} {text!r}", _NOT_FOUND)
    shown = "; ".join(f"{item['id']} ({item.get('name', '')})" for item in found[:5])
    raise NotFound(f"several match {text!r}: {shown}", _NOT_FOUND)


def short_ids(ids: Sequence[str]) -> dict[str, str]:
    """Each with as many of its first characters as tell it from the others."""
    length = SHORT
    while len({id_[:length] for id_ in ids}) < len(set(ids)):
        length += 1
    return {id_: id_[:length] for id_ in ids}


def task_id(job: Json, text: str) -> str:
    """The id of the latest attempt at the task that `text` stands for in the job."""
    tasks = [task for task in job.get("execution") or () if matches(task, text)]
    names = {(task.get("name"), task.get("position"), task.get("childIndex")) for task in tasks}
    if len(names) == 1:
        return str(max(tasks, key=lambda task: task.get("createdAt") or "")["id"])
    return _the_one(tasks, text, "task of this job")
