"""/users and /roles: who may use the API, and what groups them."""

import asyncio

from aiohttp import web

from services.coordinator.api.access.bodies import NewRole, NewUser, RoleSlugs, read_body
from services.coordinator.api.access.schemas import Role, User
from services.coordinator.api.errors import BadRequest, NotFound
from services.coordinator.api.replies import reply, reply_list
from services.coordinator.api.requests import ports
from services.coordinator.api.schemas import Status
from services.coordinator.credentials.passwords import hash_password

_NO_USER = "no such user"


async def create_user(request: web.Request) -> web.Response:
    new = await read_body(request, NewUser)
    password_hash = await asyncio.to_thread(hash_password, new.password)
    if not await ports(request).access.add_user(new.username, new.name, password_hash):
        raise BadRequest(f'username: "{new.username}" is taken')
    return reply(User(username=new.username, name=new.name, roles=[]))


async def list_users(request: web.Request) -> web.Response:
    rows = await ports(request).access.users()
    return reply_list([User.model_validate(row, from_attributes=True) for row in rows])


async def delete_user(request: web.Request) -> web.Response:
    if not await ports(request).access.delete_user(_username(request)):
        raise NotFound(_NO_USER)
    return reply(Status())


async def set_user_roles(request: web.Request) -> web.Response:
    username = _username(request)
    roles = (await read_body(request, RoleSlugs)).root
    access = ports(request).access
    if await access.missing_users({username}):
        raise NotFound(_NO_USER)
    if missing := await access.missing_roles(set(roles)):
        raise BadRequest(f"no such role: {', '.join(sorted(missing))}")
    if not await access.set_roles(username, set(roles)):
        raise NotFound(_NO_USER)  # deleted since
    return reply(Status())


async def create_role(request: web.Request) -> web.Response:
    new = await read_body(request, NewRole)
    if not await ports(request).access.add_role(new.slug, new.name):
        raise BadRequest(f'slug: "{new.slug}" is taken')
    return reply(Role(slug=new.slug, name=new.name))


async def list_roles(request: web.Request) -> web.Response:
    rows = await ports(request).access.roles()
    return reply_list([Role.model_validate(row, from_attributes=True) for row in rows])


def _username(request: web.Request) -> str:
    """Raises NotFound for what nobody can be called."""
    username = request.match_info["username"]
    if "\x00" in username:
        raise NotFound(_NO_USER)
    return username
