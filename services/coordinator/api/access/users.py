"""/users and /roles: who may use the API, and what groups them."""

import asyncio

from aiohttp import web

from services.coordinator.api.access.bodies import NewRole, NewUser, RoleSlugs, read_body
from services.coordinator.api.access.schemas import Role, User
from services.coordinator.api.errors import BadRequest, NotFound
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.schemas import Status
from services.coordinator.credentials.passwords import hash_password
from services.coordinator.store import access_users
from services.coordinator.store.access_roles import add_role, missing_roles, roles
from services.coordinator.store.access_users import add_user, missing_users, set_roles, users

_NO_USER = "no such user"


async def create_user(request: web.Request) -> web.Response:
    new = await read_body(request, NewUser)
    password_hash = await asyncio.to_thread(hash_password, new.password)
    if not await ports(request).run(add_user, new.username, new.name, password_hash):
        raise BadRequest(f'username: "{new.username}" is taken')
    return reply(User(username=new.username, name=new.name, roles=[]))


async def list_users(request: web.Request) -> web.Response:
    rows = await ports(request).run(users)
    return reply([User.model_validate(row, from_attributes=True) for row in rows])


async def delete_user(request: web.Request) -> web.Response:
    if not await ports(request).run(access_users.delete_user, _username(request)):
        raise NotFound(_NO_USER)
    return reply(Status())


async def set_user_roles(request: web.Request) -> web.Response:
    username = _username(request)
    slugs = set((await read_body(request, RoleSlugs)).root)
    run = ports(request).run
    if await run(missing_users, {username}):
        raise NotFound(_NO_USER)
    if missing := await run(missing_roles, slugs):
        raise BadRequest(f"no such role: {', '.join(sorted(missing))}")
    if not await run(set_roles, username, slugs):
        raise NotFound(_NO_USER)  # deleted since
    return reply(Status())


async def create_role(request: web.Request) -> web.Response:
    new = await read_body(request, NewRole)
    if not await ports(request).run(add_role, new.slug, new.name):
        raise BadRequest(f'slug: "{new.slug}" is taken')
    return reply(Role(slug=new.slug, name=new.name))


async def list_roles(request: web.Request) -> web.Response:
    rows = await ports(request).run(roles)
    return reply([Role.model_validate(row, from_attributes=True) for row in rows])


def _username(request: web.Request) -> str:
    """Raises NotFound for what nobody can be called."""
    username = request.match_info["username"]
    if "\x00" in username:
        raise NotFound(_NO_USER)
    return username
